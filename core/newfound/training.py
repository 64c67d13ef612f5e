"""Train a solution: FULL or UPDATE, from the project's tables to a published version (design §3)."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any

import numpy as np

from newfound.dataset.event_rows import read_events, read_responses
from newfound.errors import NewfoundError, NotFoundError, UsageError
from newfound.explore.posterior import Posteriors
from newfound.progress import Progress, ProgressCallback
from newfound.recipes.catalogue import Record
from newfound.recipes.update import UpdateInputs, update
from newfound.serving.bundle import BASE, Bundle, open_bundle, save_base, save_overlay
from newfound.solutions import Solution, create_solution, find_recipe, list_solutions, read_solution
from newfound.store.files import link_or_copy, make_directory, read_json, remove, sha256_file, write_json
from newfound.store.layout import Layout
from newfound.store.locks import lock
from newfound.store.tables import Table
from newfound.store.versions import (
    ACTIVE,
    Version,
    close_interrupted,
    fail_version,
    find_version,
    list_versions,
    newest_parent,
    publish_version,
    resumable_version,
    start_version,
)

if TYPE_CHECKING:
    from newfound.recipes.assemble import FullInputs
    from newfound.recipes.gather import Snapshots

FULL, UPDATE = "FULL", "UPDATE"
CHECKPOINT, TRIALS, REPORT = "checkpoint", "trials.json", "report.json"
LIBRARIES = ("newfound", "numpy", "jax", "jaxlib", "optax", "polars", "orbax-checkpoint")


@dataclass(frozen=True, slots=True)
class FullOptions:
    """How a FULL is to be made; `max_minutes` bounds all of it.

    tune: how many settings to try first; in_time: judge a twin on a split in time too; from_scratch: do not begin from
    the last FULL's weights.
    """

    seed: int = 0
    max_minutes: float | None = None
    tune: int = 0
    in_time: bool = False
    from_scratch: bool = False


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
        version = _resumed(layout, name) if resume else None
        record = version.record if version else _full_record(layout, solution, options)
        data = _gather(layout, solution, record, progress)
        if version is None:
            # Only now, so that too little data leaves the project as it was.
            create_solution(layout, solution)
            close_interrupted(layout, name, resumable=True)
            version = start_version(layout, name, record)
        with _failing_visibly(layout, version):
            record = _fit(layout, solution, version, data, resume, progress)
        return describe_training(
            publish_version(layout, version, record | {"seconds": time.time() - started})
        )


def _full_record(layout: Layout, solution: Solution, options: FullOptions) -> dict[str, Any]:
    from newfound.recipes.gather import Snapshots

    learns = find_recipe(solution.recipe).learns
    if (options.tune or options.in_time) and not learns:
        raise UsageError(
            f"recipe {solution.recipe} trains no network", "leave --tune and --in-time to the recipes that do"
        )
    begin_from = (
        None if options.from_scratch or not learns else _begin_from(layout, solution.name, options.seed)
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
    from newfound.recipes.full import require_enough_data
    from newfound.recipes.gather import Snapshots, gather_full

    progress(Progress("read", note="interactions, items and impressions"))
    numbers = record["tables"].items()
    at = Snapshots(**{name: Table(layout, name).snapshot(n if n >= 0 else None) for name, n in numbers})
    explores = find_recipe(solution.recipe).explores
    inputs = gather_full(layout, at, solution.selection, explores, record["seed"])
    require_enough_data(inputs.histories.restricted_to_trained(), solution.event_type)
    return at, inputs


def _begin_from(layout: Layout, name: str, seed: int) -> str | None:
    """Name the newest FULL version from whose weights another may begin.

    It must be of the same seed, which decides who is withheld, say what it saw, and be undamaged.
    """
    newest = newest_parent(layout, name)
    if newest is None:
        return None
    full = find_version(layout, newest.record["full"])
    return full.name if full.record["seed"] == seed and _weights_intact(full) else None


def _weights_intact(full: Version) -> bool:
    from newfound.recipes.warm_start import NEEDED, OPTIONAL

    sums = full.record["files"]
    paths = {name: full.serving / BASE / f"{name}.npy" for name in (*NEEDED, *OPTIONAL)}
    known = {name: sums.get(str(path.relative_to(full.folder))) for name, path in paths.items()}
    return all(
        known[name] == sha256_file(path) if path.exists() else name in OPTIONAL and known[name] is None
        for name, path in paths.items()
    )


def _parent_weights(layout: Layout, record: dict[str, Any]) -> Bundle | None:
    name = record.get("beginFrom")
    return None if name is None else open_bundle(find_version(layout, name).serving)


def _fit(
    layout: Layout,
    solution: Solution,
    version: Version,
    data: tuple[Snapshots, FullInputs],
    resume: bool,
    progress: ProgressCallback,
) -> dict[str, Any]:
    from newfound.recipes.full import fit_full
    from newfound.recipes.full_evidence import unlearned_items, with_evidence
    from newfound.recipes.gather import evidence_rows
    from newfound.recipes.popularity import fit_popularity

    at, inputs = data
    checkpoints = version.folder / CHECKPOINT
    make_directory(checkpoints)
    tried = _Tried(solution.hyperparameters)
    if find_recipe(solution.recipe).learns:
        tried = _try_settings(solution, version, inputs, progress)
        minutes = _share(version.record)
        parent = _parent_weights(layout, version.record)
        result = fit_full(inputs, tried.hyperparameters, checkpoints, resume, minutes, progress, parent)
        trained = inputs.histories.restricted_to_trained()
        rows, responses = evidence_rows(layout, at, unlearned_items(result.bundle), solution.selection)
        bundle = with_evidence(result.bundle, trained, rows, responses)
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
        "warnings": [],
        "training": result.training,
        "trials": tried.trials,
        "metrics": result.metrics.get("metrics"),
    }


@dataclass(frozen=True, slots=True)
class _Tried:
    """The settings to train with, the table of trials that found them, and the report on the split in time."""

    hyperparameters: Mapping[str, str]
    trials: list[dict[str, Any]] = field(default_factory=list)
    report: dict[str, Any] | None = None


def _n_twins(record: dict[str, Any]) -> int:
    return int(record.get("tune") or record.get("inTime", False))


def _share(record: dict[str, Any]) -> float | None:
    """Minutes for each training: those on the split in time and the last one share the bound."""
    return None if record["maxMinutes"] is None else record["maxMinutes"] / (1 + _n_twins(record))


def _try_settings(
    solution: Solution, version: Version, inputs: FullInputs, progress: ProgressCallback
) -> _Tried:
    """Train on the past of a cut in time, once or with several settings; a killed search keeps its finished trials."""
    from newfound.recipes.later import split_in_time
    from newfound.recipes.tuning import best_trial, draw_settings, run_trials

    record, fixed = version.record, solution.hyperparameters
    n = _n_twins(record)
    at = split_in_time(inputs) if n else None
    if at is None:
        return _Tried(fixed)
    settings = draw_settings(n, fixed, record["seed"])
    kept = version.folder / TRIALS
    trials = run_trials(
        at,
        settings,
        read_json(kept)["trials"] if kept.exists() else [],
        lambda done: write_json(kept, {"trials": done}),
        _share(record),
        progress,
    )
    best = best_trial(trials)
    table = [
        {key: value for key, value in trial.items() if key != "report"} | {"best": trial is best}
        for trial in trials
    ]
    return _Tried(settings[best["trial"] - 1], table if record.get("tune") else [], best["report"])


def train_update(
    layout: Layout, name: str, *, seed: int, parent: str | None, lock_timeout: float
) -> dict[str, Any]:
    """Fold everything new into a version that descends from the newest FULL; nothing new makes no version.

    Raises NotFoundError without an ACTIVE FULL version, UsageError for a parent that cannot serve, BusyError.
    """
    with lock(layout.lock(f"solution-{name}"), lock_timeout, f"update {name}"):
        started = time.time()
        source = _parent(layout, name, parent)
        solution = read_solution(layout, name)
        bundle = open_bundle(source.serving)
        inputs = _new_data(layout, solution, bundle)
        if inputs.event_offset == bundle.meta.event_offset and not inputs.records:
            unchanged = describe_training(source)
            return unchanged | {"newEvents": 0, "newItems": 0, "impressions": 0, "warnings": []}
        # An hourly UPDATE leaves a killed FULL to `--resume`.
        close_interrupted(layout, name, resumable=False)
        version = start_version(layout, name, _update_record(source, seed))
        with _failing_visibly(layout, version):
            record = _fold_in(source, bundle, inputs, version, seed)
        record["seconds"] = time.time() - started
        return describe_training(publish_version(layout, version, record, shared_with=source))


def _update_record(source: Version, seed: int) -> dict[str, Any]:
    return {
        "trainingMode": UPDATE,
        "recipe": source.record["recipe"],
        "parent": source.name,
        "full": source.record["full"],
        "fullEventOffset": source.record["fullEventOffset"],
        "seed": seed,
        "python": platform.python_version(),
        "libraries": {name: installed(name) for name in ("newfound", "numpy")},
    }


def _fold_in(
    source: Version, bundle: Bundle, inputs: UpdateInputs, version: Version, seed: int
) -> dict[str, Any]:
    if find_recipe(source.record["recipe"]).learns:
        result = update(bundle, inputs, seed)
    else:
        from newfound.recipes.popularity import update_popularity

        result = update_popularity(bundle, inputs, seed)
    serving = version.serving
    make_directory(serving / BASE)
    for path in sorted((source.serving / BASE).iterdir()):
        link_or_copy(path, serving / BASE / path.name)
    save_overlay(serving, result.bundle.meta, result.bundle.overlay)
    return {
        "eventOffset": inputs.event_offset,
        "items": result.bundle.n_items,
        "newItems": result.new_items,
        "users": result.bundle.n_users,
        "interactions": source.record["interactions"] + sum(row.item is not None for row in inputs.rows),
        "newEvents": len(inputs.rows),
        "impressions": result.impressions,
        "warnings": result.warnings,
        "metrics": None,
    }


def _new_data(layout: Layout, solution: Solution, bundle: Bundle) -> UpdateInputs:
    events, items = Table(layout, "events"), Table(layout, "items")
    events_now, items_now = events.snapshot(), items.snapshot()
    rows = read_events(events, events_now, bundle.meta.event_offset, solution.selection)
    named = {row.recommendation_id for row in rows if row.recommendation_id is not None}
    log = Table(layout, "recommendations")
    responses = read_responses(log, log.snapshot(), named)
    records: list[Record] = []
    if items_now.next_offset > bundle.meta.item_record_offset:
        from newfound.dataset.current import current_records

        since = bundle.meta.item_record_offset
        records = current_records(layout, "items", items_now, since).to_dicts()
    names = dict.fromkeys(response.version for response in responses.values())
    served_by = {name: found for name in names if (found := _posteriors(layout, name, bundle)) is not None}
    return UpdateInputs(rows, responses, records, events_now.next_offset, items_now.next_offset, served_by)


def _posteriors(layout: Layout, name: str, parent: Bundle) -> Posteriors | None:
    """Posteriors of a version by whose codes and user features the parent goes too; None for any other."""
    try:
        served = open_bundle(find_version(layout, name).serving)
    except NewfoundError:  # deleted, or damaged: `verify` will say so
        return None
    text = np.asarray(served.overlay["items_text"])
    own = np.asarray(parent.overlay["items_text"])[: len(text)]
    same_base = np.array_equal(served.base["center"], parent.base["center"])
    return served.posteriors if same_base and np.array_equal(text, own) else None


def _parent(layout: Layout, name: str, reference: str | None) -> Version:
    hint = f"run `newfound solution train {name} --mode full` first"
    if reference is not None:
        version = find_version(layout, reference)
        if version.solution != name or version.status != ACTIVE:
            raise UsageError(
                f"{version.name} cannot be the parent of an UPDATE of {name}", "name an ACTIVE version of it"
            )
        return version
    if not layout.solution(name).is_dir():
        raise NotFoundError(f"there is no solution {name!r} to update", hint)
    newest = newest_parent(layout, name)
    if newest is None:
        raise NotFoundError(f"solution {name!r} has no ACTIVE FULL version to update", hint)
    return newest


def _solution(layout: Layout, name: str) -> Solution:
    if name == "default" and not (layout.solution(name) / "solution.json").exists():
        return Solution(name)
    return read_solution(layout, name)


def _resumed(layout: Layout, name: str) -> Version:
    version = resumable_version(layout, name)
    if version is None:
        raise NotFoundError(
            f"no interrupted training of {name!r} to resume",
            f"run `newfound solution train {name} --mode full`",
        )
    shutil.rmtree(version.serving, ignore_errors=True)
    return version


@contextmanager
def _failing_visibly(layout: Layout, version: Version) -> Iterator[None]:
    """Show an error of training as CREATE FAILED; an interruption keeps the checkpoint for `--resume`."""
    try:
        yield
    except NewfoundError as error:
        fail_version(layout, version, error.message)
        raise
    except Exception as error:
        fail_version(layout, version, f"internal error: {type(error).__name__}: {error}")
        raise


def describe_training(version: Version) -> dict[str, Any]:
    """Describe a version with the keys of `solution train --json`."""
    record = version.record
    keys = (
        "status",
        "trainingMode",
        "parent",
        "items",
        "newItems",
        "users",
        "interactions",
        "newEvents",
        "impressions",
        "seconds",
        "metrics",
        "warnings",
        "failureReason",
        "creationDateTime",
        "lastUpdatedDateTime",
    )
    described = {"solutionVersion": version.name, "recipe": record["recipe"]} | {
        key: record[key] for key in keys if key in record
    }
    if record["trainingMode"] == FULL and "training" in record:
        found = record["training"].get("warmStart") or {}
        described["warmStart"] = record.get("beginFrom") if found.get("used") else None
        described["trials"] = record.get("trials", [])
    return described


def describe_metrics(layout: Layout, reference: str) -> dict[str, Any]:
    """Describe the offline metrics of a version; for an UPDATE those of its FULL. Raises NotFoundError."""
    from newfound.evaluation.findings import findings
    from newfound.evaluation.offline import DEFINITION

    version = find_version(layout, reference)
    source = find_version(layout, version.record.get("full") or version.name)
    if not (source.folder / REPORT).exists():
        raise NotFoundError(
            f"{source.name} has no metrics: an earlier release trained it, or no user had 3 events",
            "train again when there are: `newfound solution train --mode full`",
        )
    report = read_json(source.folder / REPORT)
    return {
        "solutionVersion": version.name,
        "measuredOn": source.name,
        **report,
        "baseline": report["baselines"]["popularity"],
        "cold": report["slices"]["cold"],
        "findings": findings(report),
        "definitions": DEFINITION,
    }


def table_versions_in_use(layout: Layout) -> dict[str, set[int]]:
    """Name the table versions that FULL versions were trained on, so that training can be repeated."""
    used: dict[str, set[int]] = {}
    for solution in list_solutions(layout):
        for version in list_versions(layout, solution.name):
            for table, number in version.record.get("tables", {}).items():
                used.setdefault(table, set()).add(number)
    return used
