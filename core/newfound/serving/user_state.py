"""Recurrent states of many users, advanced one event at a time (model specification §2, design §3).

A state has consumed every event but the newest: that one is kept aside as pending, because its input also says how
long it is until the next event or the request, which is not known before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.gaps import gap_bucket
from newfound.serving.network import Floats, Network

ItemRows = Callable[[NDArray[np.integer]], Floats]
"""Vectors (n, d) of item codes (n,)."""

NO_ITEM = -1
AT_ONCE = 512
"""So many users are asked at a time: the vectors of their last items stay in the cache."""


@dataclass(frozen=True, slots=True)
class UserStates:
    """States of n users: h float32 (n, state_size of the network) before the pending event, and that event.

    item int32 (n,), NO_ITEM for an empty history; before uint8 gap bucket; type int16; time int64 Unix seconds; recent
    int32 (n, window of the network), the items before it, the newest at the end, NO_ITEM where there are fewer.
    """

    h: Floats
    item: NDArray[np.int32]
    before: NDArray[np.uint8]
    type: NDArray[np.int16]
    time: NDArray[np.int64]
    recent: NDArray[np.int32]

    @staticmethod
    def empty(n: int, network: Network) -> UserStates:
        """States of users without history."""
        return UserStates(
            np.zeros((n, network.state_size), np.float32),
            np.full(n, NO_ITEM, np.int32),
            np.zeros(n, np.uint8),
            np.zeros(n, np.int16),
            np.zeros(n, np.int64),
            np.full((n, network.window), NO_ITEM, np.int32),
        )

    def copy(self) -> UserStates:
        """Copy every array, so that the copy can be advanced in place."""
        return UserStates(*(np.array(getattr(self, name)) for name in STATE_FIELDS))

    def rows(self, index: NDArray[np.integer] | slice) -> UserStates:
        """Select users."""
        return UserStates(*(getattr(self, name)[index] for name in STATE_FIELDS))


STATE_FIELDS = ("h", "item", "before", "type", "time", "recent")


@dataclass(frozen=True, slots=True)
class Sequences:
    """New events of n users, end to end: offsets int64 (n + 1,); items int32, times int64, types int16."""

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    times: NDArray[np.int64]
    types: NDArray[np.int16]


def request_vectors(
    network: Network, rows: ItemRows, states: UserStates, at: NDArray[np.int64], empty: Floats
) -> Floats:
    """User vectors o (n, d) for requests at Unix times `at` (n,); `empty` (d,) stands for an empty history."""
    vectors = np.empty((len(at), network.size), np.float32)
    for block in (slice(low, low + AT_ONCE) for low in range(0, len(at), AT_ONCE)):
        vectors[block] = _asking(network, rows, states.rows(block), at[block])
    return np.where(states.item[:, None] == NO_ITEM, empty, vectors)


def _asking(network: Network, rows: ItemRows, states: UserStates, at: NDArray[np.int64]) -> Floats:
    after = gap_bucket(np.maximum(at - states.time, 0))
    last = np.column_stack([states.recent, states.item])
    vectors = rows(np.maximum(last, 0).ravel()).reshape(*last.shape, network.size)
    there = last != NO_ITEM
    there[:, -1] = True
    x = network.inputs(vectors[:, -1], states.before, after, states.type)
    return network.output(network.step(x, states.h), x, vectors, there)


def advance(
    network: Network,
    rows: ItemRows,
    states: UserStates,
    sequences: Sequences,
    observe: Callable[[int, NDArray[np.int64], UserStates], None] | None = None,
) -> UserStates:
    """Feed each user its new events in order, one recurrent step each.

    `observe(j, users, states)`, if given, sees the states of the users that have more than j new events, after
    j of them. Users are advanced in rounds, so the cost is one batched step per event of the longest sequence.
    """
    lengths = np.diff(sequences.offsets)
    longest_first = np.argsort(-lengths, kind="stable")
    ordered = lengths[longest_first]
    new = states.copy()
    for j in range(int(ordered[0]) if len(ordered) else 0):
        users = longest_first[: int(np.searchsorted(-ordered, -j, side="left"))]
        if observe is not None:
            observe(j, users, new.rows(users))
        at = sequences.offsets[users] + j
        _consume(network, rows, new, users, sequences, at)
    return new


def _consume(
    network: Network,
    rows: ItemRows,
    states: UserStates,
    users: NDArray[np.int64],
    sequences: Sequences,
    at: NDArray[np.int64],
) -> None:
    """Step over each user's pending event and make event `at` (n,) the pending one, in place."""
    times = sequences.times[at]
    gaps = gap_bucket(np.maximum(times - states.time[users], 0))
    started = states.item[users] != NO_ITEM
    old = users[started]
    x = network.inputs(rows(states.item[old]), states.before[old], gaps[started], states.type[old])
    states.h[old] = network.step(x, states.h[old])
    if network.window:
        states.recent[old] = np.column_stack([states.recent[old, 1:], states.item[old]])
    states.item[users] = sequences.items[at]
    states.before[users] = np.where(started, gaps, 0)
    states.type[users] = sequences.types[at]
    states.time[users] = np.where(started, np.maximum(times, states.time[users]), times)
