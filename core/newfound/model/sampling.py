"""Which items one update touches: those it reads, their targets, and negatives drawn by popularity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newfound.model.batches import Batch

POPULARITY_POWER = 0.5
UNIFORM_SHARE = 0.1  # the floor: every item can be a negative


class Touched(NamedTuple):
    """Items of one update; a batch that goes with it indexes into `rows`."""

    rows: NDArray[np.int32]  # (R,) item of each row, increasing; past the last item where padded
    negatives: NDArray[np.int32]  # (K,) into rows; all of them for full softmax
    log_counts: NDArray[np.float32]  # (K,) log of how often each negative is expected in the sample


class Sampler:
    """Draws negatives q ~ count^.5 plus a floor; `n_negatives` 0 takes the whole catalogue instead."""

    def __init__(self, counts: NDArray[np.int64], n_negatives: int, batch_slots: int) -> None:
        self.n_items = counts.size
        self.n_negatives = n_negatives
        self.n_rows = min(self.n_items, 2 * batch_slots + n_negatives) if n_negatives else self.n_items
        q = np.maximum(counts, 1).astype(np.float64) ** POPULARITY_POWER
        q = (1 - UNIFORM_SHARE) * q / q.sum() + UNIFORM_SHARE / self.n_items
        self._cumulative = np.cumsum(q)
        self._log_counts = np.log(max(n_negatives, 1) * q).astype(np.float32)
        self._all = np.arange(self.n_items, dtype=np.int32)

    @property
    def dense(self) -> bool:
        """Whether every update touches the whole catalogue."""
        return self.n_rows == self.n_items

    def touch(self, batch: Batch, rng: np.random.Generator) -> tuple[Batch, Touched]:
        """Draw negatives for a batch and let it index into the rows it touches."""
        if not self.n_negatives:
            return batch, Touched(self._all, self._all, np.zeros(self.n_items, np.float32))
        # Stratified: one draw from each of K equal slices of the distribution, same expectation, less noise.
        u = (np.arange(self.n_negatives) + rng.random(self.n_negatives)) / self.n_negatives
        negatives = np.minimum(np.searchsorted(self._cumulative, u), self.n_items - 1).astype(np.int32)
        log_counts = self._log_counts[negatives]
        if self.dense:
            return batch, Touched(self._all, negatives, log_counts)
        used = [batch.steps.items.ravel(), batch.targets.ravel(), negatives]
        rows, index = np.unique(np.concatenate(used), return_inverse=True)
        padded = np.arange(self.n_items, self.n_items + self.n_rows, dtype=np.int32)
        padded[: rows.size] = rows
        items, targets, negatives = np.split(
            index.astype(np.int32), [batch.targets.size, 2 * batch.targets.size]
        )
        steps = batch.steps._replace(items=items.reshape(batch.targets.shape))
        return batch._replace(steps=steps, targets=targets.reshape(batch.targets.shape)), Touched(
            padded, negatives, log_counts
        )
