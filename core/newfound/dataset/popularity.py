"""Popularity that fades: every event counts for half as much after each half-life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from newfound.dataset.runs import Int32, Int64

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

BACK_OFF_EVENTS = 20.0
SHARE_FLOOR = 1e-4

_BLOCK_ITEMS = 1 << 14


@dataclass(frozen=True, slots=True)
class DecayedPopularity:
    """Decayed event counts of all items, one row per half-life.

    `half_lives` float64 `[n_half_lives]` in seconds, infinity for plain counts; `values` float64
    `[n_half_lives, n_items]`, right at the Unix second `reference`.
    """

    half_lives: Float64
    values: Float64
    reference: int


def empty(half_lives: ArrayLike, n_items: int) -> DecayedPopularity:
    """Start without events."""
    seconds = np.asarray(half_lives, np.float64)
    return DecayedPopularity(seconds, np.zeros((len(seconds), n_items)), 0)


def values_at(state: DecayedPopularity, seconds: int) -> Float64:
    """Decay to another time: value * 2^-(|seconds - reference| / half-life)."""
    return state.values * _decay(state, seconds)[:, None]


def updated(
    state: DecayedPopularity,
    items: Int32,
    times: Int64,
    n_items: int,
    weights: Float64 | Float32 | None = None,
) -> DecayedPopularity:
    """Add events in any order: item codes and Unix seconds, maybe of weights other than 1.

    `n_items` may exceed the state's. The new reference is the newest time seen.
    """
    counts = 1 if weights is None else weights
    reference = max(state.reference, int(times.max(initial=0)))
    values = np.zeros((len(state.half_lives), n_items))
    values[:, : state.values.shape[1]] = values_at(state, reference)
    for row, half_life in zip(values, state.half_lives, strict=True):
        row += np.bincount(items, counts * np.exp2((times - reference) / half_life), minlength=n_items)
    return DecayedPopularity(state.half_lives, values, reference)


def log_popularity(state: DecayedPopularity, seconds: int, items: Int32 | None = None) -> Float32:
    """Return log(share + SHARE_FLOOR) `[n_half_lives, n_items]` at a Unix second.

    `items` are codes of those that are asked for (None: all).
    """
    decay = _decay(state, seconds)
    values = state.values if items is None else state.values[:, items]
    result = np.empty(values.shape, np.float32)
    for k, share in _shares(values, decay, decay * state.values.sum(axis=1), state.values.shape[1]):
        result[k] = np.log(share + np.float32(SHARE_FLOOR))
    return result


def with_usual(log_shares: Float32, unknown: Float32, usual: Float32) -> Float32:
    """Add to log shares `[n_half_lives, ...]` what is usual `[n_half_lives]`, for the part `[...]` that is unknown.

    An item that few people have met yet is taken to be about as popular as others, until its own count says more.
    """
    share = np.exp(usual).reshape(-1, *(1 for _ in unknown.shape)) * unknown
    return np.log(np.exp(log_shares) + share, dtype=np.float32)


def weighted_log_popularity(
    state: DecayedPopularity, seconds: int, weights: Float32, unknown: Float32, usual: Float32
) -> Float32:
    """Return `weights @ with_usual(log_popularity(state, seconds), unknown, usual)`, `[n_items]`.

    In one pass that stays in the cache.
    """
    decay = _decay(state, seconds)
    totals = decay * state.values.sum(axis=1)
    result = np.zeros(state.values.shape[1], np.float32)
    for low in range(0, len(result), _BLOCK_ITEMS):
        part = slice(low, low + _BLOCK_ITEMS)
        for k, share in _shares(state.values[:, part], decay, totals, len(result)):
            if weights[k]:
                share += np.exp(usual[k]) * unknown[part] + np.float32(SHARE_FLOOR)
                result[part] += weights[k] * np.log(share)
    return result


def _decay(state: DecayedPopularity, seconds: int) -> Float64:
    """What is left of the counts: they say as little of a day before their reference as of a day after.

    So a question about the past is not answered by the fashion of the end.
    """
    return np.exp2(-abs(seconds - state.reference) / state.half_lives)


def _shares(
    values: Float64, decay: Float64, totals: Float64, n_items: int | None = None
) -> Iterator[tuple[int, Float32]]:
    """Yield each half-life, the longest first, with the shares of items in all `decay * values`, whose sum is `totals`.

    values: `[n_half_lives, n]`, shortest half-life first, of n among n_items (None: all). Each half-life is smoothed
    toward the next longer one as if by BACK_OFF_EVENTS events, so that the only click of a quiet hour does not pass
    for all of popularity.
    """
    longer = np.full(values.shape[1], 1 / max(n_items or values.shape[1], 1))
    for k in range(len(values) - 1, -1, -1):
        longer *= BACK_OFF_EVENTS / (totals[k] + BACK_OFF_EVENTS)
        longer += values[k] * (decay[k] / (totals[k] + BACK_OFF_EVENTS))
        yield k, longer.astype(np.float32)
