"""Search for hyperparameters: seeded settings in Amazon Personalize's ranges, each tried on the split in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.evaluation.findings import MEASURE
from newfound.progress import ProgressCallback
from newfound.recipes.later import TimeSplit, Twin, train_twin

Settings = Mapping[str, str]
Trial = dict[str, Any]
SEARCHED = ("hidden_dimension", "bptt", "recency_mask")


def draw_settings(n: int, fixed: Settings, seed: int) -> list[Settings]:
    """Draw n settings: first what training would choose by itself, then random ones; `fixed` ones stay in all.

    hidden_dimension is drawn from 32 to 256 and bptt from 2 to 32, both evenly by their logarithms; recency_mask is
    true or false.
    """
    rng = np.random.default_rng(seed)
    drawn = [
        {
            "hidden_dimension": str(8 * round(2 ** rng.uniform(2, 5))),
            "bptt": str(round(2 ** rng.uniform(1, 5))),
            "recency_mask": str(bool(rng.random() < 0.5)),
        }
        for _ in range(n - 1)
    ]
    return [fixed, *({**settings, **fixed} for settings in drawn)][:n]


def run_trials(
    at: TimeSplit,
    settings: Sequence[Settings],
    done: Sequence[Trial],
    keep: Callable[[list[Trial]], None],
    max_minutes: float | None,
    progress: ProgressCallback,
) -> list[Trial]:
    """Try each of the settings that is not `done` yet; `keep` is given all trials after each.

    Every second test user chooses between several settings; "report" is on the others, who have no say. `max_minutes`
    bounds each trial.
    """
    users = at.split.test_users
    choosing, telling = (users[::2], users[1::2]) if len(settings) > 1 else (users, users)
    trials = list(done)
    for number in range(len(trials), len(settings)):
        started = time.perf_counter()
        twin = train_twin(
            at, settings[number], max_minutes, _staged(progress, f"trial {number + 1}/{len(settings)}")
        )
        trials.append(
            {
                "trial": number + 1,
                **_judged(twin, choosing, telling),
                "seconds": time.perf_counter() - started,
            }
        )
        keep(trials)
    return trials


def best_trial(trials: Sequence[Trial]) -> Trial:
    """Find the trial of the highest NDCG@10, the first among equals."""
    return max(trials, key=lambda trial: trial["ndcg"])


def _judged(twin: Twin, choosing: NDArray[np.int64], telling: NDArray[np.int64]) -> Trial:
    configuration, report = twin.learned.training["configuration"], twin.judge(choosing)
    return {
        "hyperparameters": {name: configuration[name] for name in SEARCHED},
        "ndcg": report["metrics"][MEASURE],
        "interval": report["intervals"][MEASURE],
        "report": twin.judge(telling),
    }


def _staged(progress: ProgressCallback, stage: str) -> ProgressCallback:
    return lambda report: progress(replace(report, stage=f"{stage} {report.stage}"))
