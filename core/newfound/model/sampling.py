"""What one update touches: the items it reads, their targets, and negatives drawn by popularity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newfound.model.batches import Batch, Steps
from newfound.model.tower import Catalogue, Items

POPULARITY_POWER = 0.5
UNIFORM_SHARE = 0.1  # the floor: every item can be a negative
USUAL_SHARE = 62  # percent of the most items that an update can touch


class Update(NamedTuple):
    """A batch whose items, targets and negatives index into the R items that it touches."""

    steps: Steps
    targets: NDArray[np.int32]  # (T, L)
    weights: NDArray[np.float32]  # (T, L)
    items: Items
    negatives: NDArray[np.int32]  # (K,) items that every target competes with
    log_counts: NDArray[np.float32]  # (K,) log of how often each is expected in the sample


class Sampler:
    """Draws negatives q ~ count^.5 plus a floor; `n_negatives` 0 takes the whole catalogue instead."""

    def __init__(
        self, catalogue: Catalogue, counts: NDArray[np.int64], n_negatives: int, batch_slots: int
    ) -> None:
        n_items, most = counts.size, 2 * batch_slots + n_negatives
        q = np.maximum(counts, 1).astype(np.float64) ** POPULARITY_POWER
        q = (1 - UNIFORM_SHARE) * q / q.sum() + UNIFORM_SHARE / n_items
        self.dense = not n_negatives or most >= n_items  # every update touches the whole catalogue
        self._catalogue, self._n_negatives = catalogue, n_negatives
        self._cumulative = np.cumsum(q)
        self._log_counts = np.log(max(n_negatives, 1) * q).astype(np.float32)
        self._everything = catalogue.everything()
        # Padded to one of two sizes, as each is compiled once: nearly all batches are well below the most.
        self._sizes = [(size, catalogue.most_tokens(size)) for size in (USUAL_SHARE * most // 100, most)]
        self._place = np.zeros(n_items, np.int32)  # of an item among the touched ones

    def touch(self, batch: Batch, rng: np.random.Generator) -> Update:
        """Draw negatives for a batch and gather the items that it touches."""
        if not self._n_negatives:
            everything = self._everything
            return Update(*batch, everything, everything.rows, np.zeros_like(everything.known))
        # One draw from each of K equal slices of the distribution: same expectation, less noise.
        u = (np.arange(self._n_negatives) + rng.random(self._n_negatives)) / self._n_negatives
        drawn = np.minimum(np.searchsorted(self._cumulative, u), self._cumulative.size - 1).astype(np.int32)
        log_counts = self._log_counts[drawn]
        if self.dense:
            return Update(*batch, self._everything, drawn, log_counts)
        used = np.concatenate([batch.steps.items.ravel(), batch.targets.ravel(), drawn])
        rows = np.unique(used)
        place = self._place
        place[rows] = np.arange(rows.size)
        items = self._catalogue.take(rows, *next(size for size in self._sizes if rows.size <= size[0]))
        steps = batch.steps._replace(items=place[batch.steps.items])
        return Update(steps, place[batch.targets], batch.weights, items, place[drawn], log_counts)
