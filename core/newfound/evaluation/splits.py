"""Which events are hidden from training: for the metrics and for validation.

Histories are flat: user u's events are `offsets[u] .. offsets[u + 1] - 1` in time order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from newfound.dataset.runs import Int32, Int64, ranges
from newfound.evaluation.metrics import HeldOut

USER_SHARE = 0.1
EVENT_SHARE = 0.1
MIN_EVENTS = 3
MAX_VALIDATION_USERS = 2000


@dataclass(frozen=True, slots=True)
class WithheldSplit:
    """Hidden are the events at or past `ends[u]`, int64 `[n_users]`, an absolute position.

    `test_users` and `validation_users` are ascending int64 user codes and share nobody. Both hide one event or
    more; validation of the network asks for the first. The rest hide nothing.
    """

    ends: Int64
    test_users: Int64
    validation_users: Int64


def withhold(offsets: Int64, seed: int) -> WithheldSplit:
    """Hide the newest 10 % of events (at least one) of a tenth of the users, and of another tenth.

    Drawn among the users with at least 3 events; at least one of each kind where there are such users, at
    most 2,000 for validation.
    """
    n_events = np.diff(offsets)
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(n_events >= MIN_EVENTS))
    n = max(1, round(USER_SHARE * len(drawn)))
    test = np.sort(drawn[:n])
    validation = np.sort(drawn[n : n + min(n, MAX_VALIDATION_USERS)])
    ends = offsets[1:].copy()
    for users in (test, validation):
        ends[users] -= np.maximum(1, np.floor(EVENT_SHARE * n_events[users]).astype(np.int64))
    return WithheldSplit(ends, test, validation)


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
