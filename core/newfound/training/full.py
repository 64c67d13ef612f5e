"""FULL: train from all data and publish a version."""

from __future__ import annotations

import platform
import shutil
import time
from importlib.metadata import version as installed
from typing import Any

from newfound.dataset.cautions import training_warnings
from newfound.errors import NotFoundError, UsageError
from newfound.progress import Progress, ProgressCallback
from newfound.recipes.assemble import FullInputs
from newfound.recipes.full import fit_full, require_enough_data
from newfound.recipes.full_evidence import unlearned_items, with_evidence
from newfound.recipes.gather import Snapshots, evidence_rows, gather_full
from newfound.recipes.popularity import fit_popularity
from newfound.serving.bundle import save_base, save_overlay
from newfound.solutions import Solution, create_solution, find_recipe, read_solution
from newfound.store.files import make_directory, remove, write_json
from newfound.store.layout import Layout
from newfound.store.locks import lock
from newfound.store.tables import Table
from newfound.store.versions import (
    FULL,
    Version,
    close_interrupted,
    failing_visibly,
    publish_version,
    resumable_version,
    start_version,
)
from newfound.training.describe import REPORT, describe_training
from newfound.training.options import FullOptions
from newfound.training.tune import TRIALS, Tried, share_of_minutes, try_settings
from newfound.training.warm_start import full_to_begin_from, weights_to_begin_from

CHECKPOINT = "checkpoint"
LIBRARIES = ("newfound", "numpy", "jax", "jaxlib", "optax", "polars", "orbax-checkpoint")


def train_full(
    layout: Layout,
    name: str,
    options: FullOptions,
    *,
    resume: bool,
    lock_timeout: float,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Train from all data and publish a new version; the default solution is created if missing.

    Raises TooLittleDataError, NotFoundError for an unknown solution or nothing to resume, BusyError.
    """
    solution = _solution(layout, name)
    with lock(layout.lock(f"solution-{name}"), lock_timeout, f"train {name}"):
        started = time.time()
        version = _resumed(layout, name, options) if resume else None
        record = version.record if version else _full_record(layout, solution, options)
        data = _gather(layout, solution, record, progress)
        if version is None:
            # Only now, so that too little data leaves the project as it was.
            create_solution(layout, solution)
            close_interrupted(layout, name, resumable=True)
            version = start_version(layout, name, record)
        with failing_visibly(layout, version):
            reading = time.time() - started
            record = _fit(layout, solution, version, data, resume, reading, progress)
        return describe_training(
            publish_version(layout, version, record | {"seconds": time.time() - started})
        )


def _solution(layout: Layout, name: str) -> Solution:
    if name == "default" and not (layout.solution(name) / "solution.json").exists():
        return Solution(name)
    return read_solution(layout, name)


def _resumed(layout: Layout, name: str, options: FullOptions) -> Version:
    """Find the interrupted training, which goes on as it was begun: its options may be repeated, not changed."""
    version = resumable_version(layout, name)
    if version is None:
        raise NotFoundError(
            f"no interrupted training of {name!r} to resume",
            f"run `newfound solution train {name} --mode full`",
        )
    begun = {
        "--seed": (options.seed, version.record["seed"]),
        "--max-minutes": (options.max_minutes, version.record["maxMinutes"]),
        "--tune": (options.tune, version.record["tune"]),
        "--in-time": (options.in_time, version.record["inTime"]),
        "--from-scratch": (
            options.from_scratch,
            options.from_scratch and version.record["beginFrom"] is None,
        ),
    }
    changed = [option for option, (asked, had) in begun.items() if asked and asked != had]
    if changed:
        raise UsageError(
            f"{', '.join(changed)} cannot be changed for {version.name}, which was begun otherwise",
            "leave it out to go on, or train anew without --resume",
        )
    shutil.rmtree(version.serving, ignore_errors=True)
    return version


def _full_record(layout: Layout, solution: Solution, options: FullOptions) -> dict[str, Any]:
    learns = find_recipe(solution.recipe).learns
    if (options.tune or options.in_time) and not learns:
        raise UsageError(
            f"recipe {solution.recipe} trains no network", "leave --tune and --in-time to the recipes that do"
        )
    begin_from = (
        None
        if options.from_scratch or not learns
        else full_to_begin_from(layout, solution.name, options.seed)
    )
    return {
        "trainingMode": FULL,
        "recipe": solution.recipe,
        "parent": None,
        "tables": Snapshots.take(layout).versions(),
        "hyperparameters": dict(solution.hyperparameters),
        "eventType": solution.event_type,
        "eventValueThreshold": solution.event_value_threshold,
        "seed": options.seed,
        "maxMinutes": options.max_minutes,
        "tune": options.tune,
        "inTime": options.in_time,
        "beginFrom": begin_from,
        "python": platform.python_version(),
        "libraries": {name: installed(name) for name in LIBRARIES},
    }


def _gather(
    layout: Layout, solution: Solution, record: dict[str, Any], progress: ProgressCallback
) -> tuple[Snapshots, FullInputs]:
    """Read the table versions that the record names; raise TooLittleDataError."""
    progress(Progress("read", note="interactions, items and impressions"))
    numbers = record["tables"].items()
    at = Snapshots(**{name: Table(layout, name).snapshot(n if n >= 0 else None) for name, n in numbers})
    explores = find_recipe(solution.recipe).explores
    inputs = gather_full(layout, at, solution.selection, explores, record["seed"])
    require_enough_data(inputs.trained, solution.event_type, solution.event_value_threshold)
    return at, inputs


def _fit(
    layout: Layout,
    solution: Solution,
    version: Version,
    data: tuple[Snapshots, FullInputs],
    resume: bool,
    reading: float,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Train, and say what to record; `reading`: seconds that reading the data took."""
    at, inputs = data
    checkpoints = version.folder / CHECKPOINT
    make_directory(checkpoints)
    tried = Tried(solution.hyperparameters)
    if find_recipe(solution.recipe).learns:
        tried = try_settings(solution, version, inputs, progress)
        minutes = share_of_minutes(version.record)
        parent = weights_to_begin_from(layout, version.record)
        settings = tried.hyperparameters
        result = fit_full(inputs, settings, checkpoints, resume, minutes, progress, parent, reading)
        trained = inputs.trained
        rows, responses = evidence_rows(layout, at, unlearned_items(result.bundle), solution.selection)
        bundle = with_evidence(result.bundle, trained, rows, responses, inputs.logins)
    else:
        result = fit_popularity(inputs, progress)
        bundle = result.bundle
    save_base(version.serving, bundle.base)
    save_overlay(version.serving, bundle.meta, bundle.overlay)
    # Beside the record, which every command reads, because it is long.
    if result.metrics:
        write_json(version.folder / REPORT, result.metrics | {"inTime": tried.report})
    remove(version.folder / TRIALS)
    return {
        "full": version.name,
        "fullEventOffset": inputs.event_offset,
        "eventOffset": inputs.event_offset,
        "items": bundle.n_items,
        "newItems": int((bundle.overlay["events"] == 0).sum()),
        "users": inputs.histories.n_users,
        "interactions": len(inputs.histories.items),
        "newEvents": 0,
        "impressions": int(inputs.shown.sum()),
        "warnings": training_warnings(layout, at.interactions, at.events, solution.selection),
        "training": result.training,
        "trials": tried.trials,
        "metrics": result.metrics.get("metrics"),
    }
