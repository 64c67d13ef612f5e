"""Candidate sets that stand in for the whole catalogue when the blend is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int32, Int64

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidates:
    """The target of each example, in column 0, and the items it competes with.

    `codes` int32 `[n, m]`; `offsets` float32 `[n, m]`, to be added to the logits: 0 for items that stand for
    themselves, log(n_items / n_tail) for sampled ones, -inf for filler.
    """

    codes: Int32
    offsets: Float32


def draw(
    scores: Float32, targets: Int64, n_head: int, n_tail: int, seed: int | np.random.Generator
) -> Candidates:
    """Put beside each target the `n_head` best other items by score and `n_tail` uniform draws from the rest.

    `scores` are `[n, n_items]`, -inf for items that cannot be recommended; `targets` are item codes. The sum
    of exp(logit + offset) is an unbiased estimate of the sum over the catalogue, and exact when `n_head`
    reaches `n_items` - 1.
    """
    n, n_items = scores.shape
    rows = np.arange(n)[:, None]
    outside = np.isfinite(scores)
    outside[np.arange(n), targets] = False
    n_head = min(n_head, n_items - 1)
    head = np.argpartition(np.where(outside, -scores, np.inf), n_head - 1, axis=1)[:, :n_head]
    head_offsets = np.where(outside[rows, head], 0.0, -np.inf)
    outside[rows, head] = False
    tail = np.random.default_rng(seed).integers(n_items, size=(n, n_tail))
    tail_offsets = np.where(outside[rows, tail], np.log(n_items / max(n_tail, 1)), -np.inf)
    return Candidates(
        np.concatenate([targets[:, None], head, tail], axis=1).astype(np.int32),
        np.concatenate([np.zeros((n, 1)), head_offsets, tail_offsets], axis=1).astype(np.float32),
    )
