"""From scores to rankings: ties by item order, whatever the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int32, Int64, ranges
from newfound.evaluation.metrics import LIST_LENGTH

Float32 = NDArray[np.float32]
Scorer = Callable[[Int64], Float32]
"""User codes `[n]` to scores `[n, n_items]`, of which the caller may write over."""

_BLOCK_USERS = 64


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of all users: events `items[starts[u]:stops[u]]` in time order."""

    items: Int32
    starts: Int64
    stops: Int64


def top_k(scores: Float32, k: int) -> Int32:
    """Rank the k best items of each row of `[n, n_items]`, ties to the lower item code: int32 `[n, k]`.

    Items that score -inf are left out; -1 fills what remains.
    """
    n, n_items = scores.shape
    width = min(k, n_items)
    threshold = np.partition(scores, n_items - width, axis=1)[:, n_items - width, None]
    taken = scores >= threshold
    crowded = np.flatnonzero(taken.sum(axis=1) > width)
    ties = scores[crowded] == threshold[crowded]
    room = width - (taken[crowded] & ~ties).sum(axis=1, keepdims=True)
    taken[crowded] &= ~ties | (np.cumsum(ties, axis=1) <= room)
    codes = np.nonzero(taken)[1].reshape(n, width)
    found = np.take_along_axis(scores, codes, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    ranked = np.full((n, k), -1, np.int32)
    best = np.take_along_axis(codes, order, axis=1)
    ranked[:, :width] = np.where(np.take_along_axis(found, order, axis=1) > -np.inf, best, -1)
    return ranked


def hide(scores: Float32, seen: Past, users: Int64) -> None:
    """Set the scores `[len(users), n_items]` of the items in the users' histories to -inf, in place."""
    starts, stops = seen.starts[users], seen.stops[users]
    row = np.repeat(np.arange(len(users)), stops - starts)
    scores[row, seen.items[ranges(starts, stops)]] = -np.inf


def rank(score: Scorer, users: Int64, k: int = LIST_LENGTH, seen: Past | None = None) -> Int32:
    """Rank the k best items for each user, without those in their `seen` history: int32 `[len(users), k]`."""
    blocks = [np.empty((0, k), np.int32)]
    for low in range(0, len(users), _BLOCK_USERS):
        block = users[low : low + _BLOCK_USERS]
        scores = score(block)
        if seen is not None:
            hide(scores, seen, block)
        blocks.append(top_k(scores, k))
    return np.concatenate(blocks)
