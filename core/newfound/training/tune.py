"""The search of settings, and the training that is judged on what came later (docs/training.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from newfound.progress import ProgressCallback
from newfound.recipes.assemble import FullInputs
from newfound.recipes.later import split_in_time
from newfound.recipes.tuning import best_trial, draw_settings, run_trials
from newfound.solutions import Solution
from newfound.store.files import read_json, write_json
from newfound.store.versions import Version

TRIALS = "trials.json"


@dataclass(frozen=True, slots=True)
class Tried:
    """The settings to train with, the table of trials that found them, and the report on the split in time."""

    hyperparameters: Mapping[str, str]
    trials: list[dict[str, Any]] = field(default_factory=list)
    report: dict[str, Any] | None = None


def try_settings(
    solution: Solution, version: Version, inputs: FullInputs, progress: ProgressCallback
) -> Tried:
    """Train on the past of a cut in time, once or with several settings; a killed search keeps its finished trials."""
    record, fixed = version.record, solution.hyperparameters
    n = _n_twins(record)
    at = split_in_time(inputs) if n else None
    if at is None:
        return Tried(fixed)
    settings = draw_settings(n, fixed, record["seed"])
    kept = version.folder / TRIALS
    trials = run_trials(
        at,
        settings,
        read_json(kept)["trials"] if kept.exists() else [],
        lambda done: write_json(kept, {"trials": done}),
        share_of_minutes(record),
        progress,
    )
    best = best_trial(trials)
    table = [
        {key: value for key, value in trial.items() if key != "report"} | {"best": trial is best}
        for trial in trials
    ]
    return Tried(settings[best["trial"] - 1], table if record.get("tune") else [], best["report"])


def share_of_minutes(record: dict[str, Any]) -> float | None:
    """Minutes for each training: those on the split in time and the last one share the bound."""
    return None if record["maxMinutes"] is None else record["maxMinutes"] / (1 + _n_twins(record))


def _n_twins(record: dict[str, Any]) -> int:
    return int(record.get("tune") or record.get("inTime", False))
