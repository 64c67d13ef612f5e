"""Histories packed end to end into lanes: no padding inside, every target once an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.gaps import gap_bucket
from newfound.model.data import TrainingData


class Steps(NamedTuple):
    """What the network reads at each of T steps of L lanes; every field (T, L)."""

    items: NDArray[np.int32]
    types: NDArray[np.int32]
    gaps: NDArray[np.int32]  # bucket of the time since the user's previous event
    next_gaps: NDArray[np.int32]  # bucket of the time until the target
    keep: NDArray[np.float32]  # 0 where a user (or a lane) starts, else 1


class Batch(NamedTuple):
    """Steps and their targets; `weights` average over the slots, 0 where one is empty."""

    steps: Steps
    targets: NDArray[np.int32]  # (T, L)
    weights: NDArray[np.float32]  # (T, L)


def training_users(data: TrainingData, low: float, high: float) -> NDArray[np.int64]:
    """Users with at least one target whose visible length lies within these percentiles (0 to 1)."""
    lengths = data.ends - data.offsets[:-1]
    users = np.flatnonzero(lengths >= 2)
    if users.size:
        shortest, longest = np.quantile(lengths[users], [low, high], method="nearest")
        users = users[(lengths[users] >= shortest) & (lengths[users] <= longest)]
    return users


def count_targets(data: TrainingData, users: NDArray[np.int64]) -> int:
    """Count visible events that follow another one of the same user."""
    return int(np.sum(data.ends[users] - data.offsets[users] - 1))


def epoch_batches(
    data: TrainingData, users: NDArray[np.int64], lanes: int, bptt: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """Yield an epoch's batches over users in random order; lanes carry their state from batch to batch.

    Lane l reads an equal, contiguous share of the stream, so a user cut between two lanes starts afresh in
    the second.
    """
    users = rng.permutation(users)
    first = data.offsets[users]  # (n_users,) each user's first event
    bounds = np.concatenate([[0], np.cumsum(data.ends[users] - first - 1)])  # stream positions
    share = -(-int(bounds[-1]) // lanes)
    for step in range(-(-share // bptt)):
        t = np.arange(step * bptt, (step + 1) * bptt)[:, None]  # (T, 1) position within the lane
        p = np.arange(lanes)[None, :] * share + t  # (T, L) position in the stream
        valid = (t < share) & (p < bounds[-1])
        p = np.where(valid, p, 0)
        slot = np.searchsorted(bounds, p, side="right") - 1
        event = first[slot] + p - bounds[slot]
        yield Batch(
            read_steps(data, event, data.times[event + 1], starts=p == bounds[slot], resets=t == 0),
            data.items[event + 1],
            (valid / valid.size).astype(np.float32),
        )


def read_steps(
    data: TrainingData,
    event: NDArray[np.int64],
    next_time: NDArray[np.int64],
    starts: NDArray[np.bool_],
    resets: NDArray[np.bool_],
) -> Steps:
    """Gather the events at these indices (T, L); `starts` marks a user's first, `resets` a lane's first."""
    time = data.times[event]
    return Steps(
        data.items[event],
        data.types[event].astype(np.int32),
        gap_bucket(np.where(starts, -1, time - data.times[event - 1])).astype(np.int32),
        gap_bucket(next_time - time).astype(np.int32),
        (~(starts | resets)).astype(np.float32),
    )


def last_steps(
    data: TrainingData, users: NDArray[np.int64], next_times: NDArray[np.int64], length: int
) -> Steps:
    """Align the last `length` visible events of users to the right: the last step asks for `next_times`.

    Empty slots before a user's first event are wiped out by its `keep` of 0.
    """
    last = data.ends[users] - 1  # (L,)
    event = last[None, :] + np.arange(1 - length, 1)[:, None]  # (T, L)
    first = data.offsets[users][None, :]
    starts = event == first
    event = np.maximum(event, first)
    next_time = np.where(event == last[None, :], next_times[None, :], data.times[np.minimum(event + 1, last)])
    return read_steps(data, event, next_time, starts, resets=event < first)
