"""Impression discounting: what people were shown before and did not click is worth less to show them again.

Lee et al., Modeling impression discounting in large-scale recommender systems (KDD 2014). `looks` counts how often a
person was shown an item without clicking it, each display by the chance that its position was looked at, half of it
forgotten after HALF_LIFE_DAYS; a click forgets all. It lowers the click logit by `discount` log(1 + looks), which falls
as the mean of a Gamma belief about that person's liking would; `discount` is fitted with the click calibration.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import ranges

Floats = NDArray[np.float32]
Keys = NDArray[np.uint64]
Int64 = NDArray[np.int64]

HALF_LIFE_DAYS = 7.0
FORGOTTEN = 0.02
"""Pairs with fewer looks are dropped."""
DISPLAY_FIELDS = ("user", "item", "looks", "time")


@dataclass(frozen=True)
class Displays:
    """Looks of n pairs of user and item, sorted by both: user uint64 keys, item int32 codes, looks float32 (n,)

    as of time int64, the newest display of the pair.
    """

    user: Keys
    item: NDArray[np.int32]
    looks: Floats
    time: Int64

    @staticmethod
    def empty() -> Displays:
        """Nobody was shown anything."""
        return Displays(
            np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64)
        )

    def rows(self, index: NDArray[np.bool_] | Int64) -> Displays:
        """Select pairs."""
        return Displays(*(getattr(self, name)[index] for name in DISPLAY_FIELDS))

    def of_users(self, users: Keys, at: Int64) -> tuple[Int64, NDArray[np.int32], Floats]:
        """Find the pairs of users (n,) up to their times `at` (n,): whose each is, its item, and its looks then."""
        starts, stops = (np.searchsorted(self.user, users, side=side) for side in ("left", "right"))
        rows = ranges(starts, stops)
        owner = np.repeat(np.arange(len(users)), stops - starts)
        past = self.time[rows] <= at[owner]
        owner, rows = owner[past], rows[past]
        return owner, self.item[rows], faded(self.looks[rows], at[owner] - self.time[rows])

    def of_pairs(self, users: Keys, items: NDArray[np.int32], at: Int64) -> Floats:
        """Looks of pairs (n,) at times (n,), 0 where there were none or one came later."""
        if not len(self.user):
            return np.zeros(len(users), np.float32)
        people, pairs = self._pairs
        person = np.minimum(np.searchsorted(people, users), len(people) - 1)
        wanted = (person << 32) + items
        row = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
        found = (pairs[row] == wanted) & (people[person] == users) & (self.time[row] <= at)
        return np.where(found, faded(self.looks[row], at - self.time[row]), np.float32(0))

    @cached_property
    def _pairs(self) -> tuple[Keys, Int64]:
        """Distinct users, and pairs as numbers in the same order."""
        first = np.append(True, self.user[1:] != self.user[:-1])
        return self.user[first], (np.cumsum(first) - 1 << 32) + self.item


def faded(looks: Floats, seconds: Int64) -> Floats:
    """What is left of looks (n,) after so many seconds (n,)."""
    return looks * np.exp2(np.maximum(seconds, 0) / (-HALF_LIFE_DAYS * 86_400)).astype(np.float32)


def take_in(
    known: Displays,
    user: Keys,
    item: NDArray[np.int32],
    time: Int64,
    looks: Floats,
    clicked: NDArray[np.bool_],
) -> tuple[Floats, Displays]:
    """Take in displays (n,) of any order: looks of each pair before each of them, and all pairs afterwards.

    looks: the chance that each display was looked at.
    """
    touched = np.isin(known.user, user)  # the cost of what follows is that of people with new displays
    theirs, others = known.rows(touched), known.rows(~touched)
    n = len(theirs.user)
    users, items = np.concatenate([theirs.user, user]), np.concatenate([theirs.item, item])
    times = np.concatenate([theirs.time, time])
    order = np.lexsort((times, np.arange(len(users)) >= n, items, users))
    shown = np.concatenate([theirs.looks, np.where(clicked, np.float32(0), looks)])[order]
    forgets = np.concatenate([np.zeros(n, np.bool_), clicked])[order]
    users, items, times = users[order], items[order], times[order]
    first = np.append(True, (users[1:] != users[:-1]) | (items[1:] != items[:-1]))[: len(users)]
    starts = np.flatnonzero(first)
    lengths = np.diff(np.append(starts, len(users)))
    longest_first = np.argsort(-lengths, kind="stable")
    value, newest = np.zeros(len(starts), np.float32), np.zeros(len(starts), np.int64)
    before = np.zeros(len(users), np.float32)
    for turn in range(int(lengths.max(initial=0))):
        pairs = longest_first[: np.searchsorted(-lengths[longest_first], -turn, side="left")]
        rows = starts[pairs] + turn
        before[rows] = faded(value[pairs], times[rows] - newest[pairs])
        value[pairs] = np.where(forgets[rows], np.float32(0), before[rows] + shown[rows])
        newest[pairs] = np.maximum(newest[pairs], times[rows])
    earlier = np.empty(len(users), np.float32)
    earlier[order] = before
    parts = others, Displays(users[starts], items[starts], value, newest)
    whole = Displays(*(np.concatenate([getattr(part, name) for part in parts]) for name in DISPLAY_FIELDS))
    whole = whole.rows(np.argsort(whole.user, kind="stable"))
    left = faded(whole.looks, whole.time.max(initial=0) - whole.time)
    return earlier[n:], whole.rows(left >= FORGOTTEN)
