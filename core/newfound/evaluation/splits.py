"""Which events are hidden from training: for the metrics and for validation.

Histories are flat: user u's events are `offsets[u] .. offsets[u + 1] - 1` in time order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int32, Int64, ranges
from newfound.evaluation.metrics import HeldOut
from newfound.hashing import hash64_many

USER_SHARE = 0.1
EVENT_SHARE = 0.1
MIN_EVENTS = 3
MAX_VALIDATION_USERS = 2000
VALIDATION_EVENTS, MOST_VALIDATION = 1_000, 0.2
"""So many hidden events fit the blend well; up to this share of the users hide some for it."""
MAX_TEST_CELLS = 500_000_000
TEST_USERS = (500, 5000)
"""A sample of so many users tells the metrics well enough, if there are more."""


@dataclass(frozen=True, slots=True)
class WithheldSplit:
    """Hidden are the events at or past `ends[u]`, int64 `[n_users]`, an absolute position.

    `test_users` and `validation_users` are ascending int64 user codes and share nobody. Both hide one event or
    more; validation of the network asks for the first. The rest hide nothing.
    """

    ends: Int64
    test_users: Int64
    validation_users: Int64


def user_keys(user_ids: Iterable[str], seed: int) -> NDArray[np.uint64]:
    """Draw a number for each user from its id: who is withheld stays so while others come and go."""
    return hash64_many(f"{seed} {user}" for user in user_ids)


def most_test_users(n_items: int) -> int:
    """How many users to rank this catalogue for, so that the metrics take no longer than minutes."""
    return int(np.clip(MAX_TEST_CELLS // max(n_items, 1), *TEST_USERS))


def share_of_users(n_eligible: int) -> int:
    """How many of the users with enough events the metrics would ask, were there no bound."""
    return max(1, round(USER_SHARE * n_eligible))


def withhold(offsets: Int64, keys: NDArray[np.uint64], most_test: int = TEST_USERS[1]) -> WithheldSplit:
    """Hide the newest 10 % of events (at least one) of a tenth of the users, and of another tenth for validation.

    Taken in the order of their keys among the users with at least 3 events; at least one of each kind where there
    are such users, at most `most_test` and 2,000 for validation. Where another tenth hides few events, up to a fifth
    of the users is for validation.
    """
    n_events = np.diff(offsets)
    drawn = np.flatnonzero(n_events >= MIN_EVENTS)
    drawn = drawn[np.argsort(keys[drawn], kind="stable")]
    n = share_of_users(len(drawn))
    test = np.sort(drawn[: min(n, most_test)])
    hidden = np.maximum(1, np.floor(EVENT_SHARE * n_events).astype(np.int64))
    enough = int(np.searchsorted(np.cumsum(hidden[drawn[n:]]), VALIDATION_EVENTS)) + 1
    most = min(max(n, min(enough, round(MOST_VALIDATION * len(drawn)))), MAX_VALIDATION_USERS)
    validation = np.sort(drawn[n : n + most])
    ends = offsets[1:].copy()
    for users in (test, validation):
        ends[users] -= hidden[users]
    return WithheldSplit(ends, test, validation)


def last_withheld(split: WithheldSplit, offsets: Int64) -> WithheldSplit:
    """Hide only the last event of the test users, whose other hidden events become input."""
    ends = split.ends.copy()
    ends[split.test_users] = offsets[split.test_users + 1] - 1
    return WithheldSplit(ends, split.test_users, split.validation_users[:0])


def in_time(offsets: Int64, times: Int64, cut: int, keys: NDArray[np.uint64], most: int) -> WithheldSplit:
    """Hide every event after the Unix time `cut`; asked are at most `most` of its users, in the order of their keys.

    `times` must ascend within a user. A user without any event before the cut is asked too.
    """
    before = np.append(0, np.cumsum(times <= cut))
    ends = offsets[:-1] + before[offsets[1:]] - before[offsets[:-1]]
    later = np.flatnonzero(ends < offsets[1:])
    test = later[np.argsort(keys[later], kind="stable")][:most]
    return WithheldSplit(ends, np.sort(test), test[:0])


def leave_one_out(offsets: Int64) -> WithheldSplit:
    """Hide the last event of every user who has at least two."""
    test = np.flatnonzero(np.diff(offsets) >= 2)
    ends = offsets[1:].copy()
    ends[test] -= 1
    return WithheldSplit(ends, test, test[:0])


def held_out(split: WithheldSplit, items: Int32, offsets: Int64) -> HeldOut:
    """Collect what is hidden of the test users, in the order of `split.test_users`."""
    starts, stops = split.ends[split.test_users], offsets[split.test_users + 1]
    return HeldOut(np.append(0, np.cumsum(stops - starts)), items[ranges(starts, stops)])
