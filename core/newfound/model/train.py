"""Fit the network: epochs until the plan is done, the time is up or validation stops improving."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from newfound.errors import TooLittleDataError
from newfound.model.config import TrainingConfig, in_epochs
from newfound.model.data import TrainingData
from newfound.progress import ProgressCallback, silent

if TYPE_CHECKING:
    from newfound.model.epoch import Run, Schedule, Trainer
    from newfound.model.warm import Weights

SHARE_OF_BUDGET = 0.95  # the rest is for validation and export
REHEARSED = 8  # updates that tell how long one takes


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What one epoch did; `ndcg` is NDCG@10 of validation, None without validation users."""

    epoch: int
    loss: float
    ndcg: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class FitResult:
    """The arrays of the chosen epoch, and how training went; `seconds` is the whole of it."""

    arrays: dict[str, NDArray[np.float32]]
    history: list[EpochRecord]
    seconds: float
    tokens_per_second: float


def fit(
    data: TrainingData,
    config: TrainingConfig,
    checkpoint_dir: Path | None = None,
    resume: bool = False,
    max_minutes: float | None = None,
    progress: ProgressCallback = silent,
    weights: Weights | None = None,
) -> FitResult:
    """Train on visible events and return the arrays of the last epoch as good as the best, by validation NDCG@10.

    The same data, configuration, seed and machine give the same bytes, also after a kill and `resume`.
    `max_minutes` bounds the time: the learning rate then falls in time for it, and bytes depend on speed.
    `weights`, of an earlier training, are where this one begins.
    Raises TooLittleDataError when no user has two visible events.
    """
    from newfound.model import checkpoint, epoch
    from newfound.model.export import export_arrays
    from newfound.model.scratch import kept_scratch
    from newfound.model.warm import start_from

    started = time.perf_counter()
    trainer = epoch.prepare(data, config)
    if not trainer.n_targets:
        raise TooLittleDataError("no user has two visible events", hint="import more interactions")
    run = epoch.start(trainer) if weights is None else start_from(trainer, weights)
    mark = checkpoint.fingerprint(data, config) if checkpoint_dir else ""
    if checkpoint_dir and resume:
        run = checkpoint.restore(checkpoint_dir, run, mark) or run
    budget = math.inf
    if max_minutes is not None:
        with kept_scratch():
            seconds = epoch.rehearse(trainer, REHEARSED) * trainer.n_steps
        # The schedule begins after the compilation: or most of the warm-up would be over by then.
        budget = max(max_minutes * 60 * SHARE_OF_BUDGET - (time.perf_counter() - started), 1e-9)
        trainer = replace(trainer, config=in_epochs(config, budget / seconds))
    schedule = epoch.Schedule(trainer.n_steps * config.epochs, time.perf_counter(), budget)
    while not _finished(run, trainer, schedule):
        run = epoch.train_epoch(trainer, run, schedule, progress)
        if checkpoint_dir:
            checkpoint.save(checkpoint_dir, run, mark)
    n_epochs = int(run.epoch)
    history = [
        EpochRecord(k + 1, loss, None if np.isnan(ndcg) else ndcg, seconds)
        for k, (loss, ndcg, seconds) in enumerate(run.history[:n_epochs].tolist())
    ]
    fastest = min((record.seconds for record in history), default=math.inf)
    return FitResult(
        export_arrays(run.best, trainer.items, *trainer.seen_gaps()),
        history,
        time.perf_counter() - started,
        trainer.n_targets / fastest,
    )


@contextmanager
def compiling(data: TrainingData, config: TrainingConfig) -> Iterator[None]:
    """Compile the update of this training meanwhile, in another thread."""
    from newfound.model import epoch

    trainer = epoch.prepare(data, config)
    with ThreadPoolExecutor(1) as other:
        done = other.submit(epoch.rehearse, trainer, 1) if trainer.n_targets else None
        yield
        if done:
            done.result()


def _finished(run: Run, trainer: Trainer, schedule: Schedule) -> bool:
    """Whether the plan is done, the time is up, or the last `patience` judged epochs were worse than the best."""
    from newfound.model.validation import as_good

    n_epochs = int(run.epoch)
    if schedule.fraction(n_epochs * trainer.n_steps) >= 1:
        return True
    ndcg = run.history[:n_epochs, 1]
    ndcg = ndcg[~np.isnan(ndcg)]  # an epoch that was not judged says nothing
    if not len(ndcg):
        return False
    good = np.flatnonzero(ndcg >= as_good(float(ndcg.max()), trainer.data))
    return len(ndcg) - 1 - int(good[-1]) >= trainer.config.patience
