"""What users did, as the bundle keeps it: for filters, for sequential rules and for requests about the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.rule_counts import MAX_LAG
from newfound.serving.bundle import Bundle
from newfound.serving.user_state import Sequences

HISTORY_FIELDS = ("items", "times", "types", "trained")


@dataclass(frozen=True, slots=True)
class History:
    """One user's n interactions in time order: items int32, times int64, types int16, trained bool."""

    items: NDArray[np.int32]
    times: NDArray[np.int64]
    types: NDArray[np.int16]
    trained: NDArray[np.bool_]

    def rows(self, index: NDArray[np.bool_] | slice) -> History:
        """Select interactions."""
        return History(*(getattr(self, name)[index] for name in HISTORY_FIELDS))


def user_history(bundle: Bundle, user_id: str) -> History:
    """All interactions of a user up to the bundle's offset; empty for an unknown user."""
    parts = []
    for index, arrays in ((bundle.base_users, bundle.base), (bundle.changed_users, bundle.overlay)):
        code = index.code_of(user_id)
        offsets = arrays["history_offsets"]
        part = slice(int(offsets[code]), int(offsets[code + 1])) if code >= 0 else slice(0, 0)
        parts.append([np.asarray(arrays[f"history_{name}"][part]) for name in HISTORY_FIELDS])
    return History(*(np.concatenate(pair) for pair in zip(*parts, strict=True)))


def recent_items(history: History) -> NDArray[np.int32]:
    """The last trained items, as many as sequential rules look at."""
    return history.items[history.trained][-MAX_LAG:]


@dataclass(frozen=True, slots=True)
class Tails:
    """Last old and then new trained items of users, end to end: `items[starts[u]:stops[u]]`, new from `fresh[u]`."""

    items: NDArray[np.int32]
    starts: NDArray[np.int64]
    fresh: NDArray[np.int64]
    stops: NDArray[np.int64]


def join_tails(bundle: Bundle, users: Sequence[str], new: Sequences) -> Tails:
    """Put users' new events behind the last items that the bundle has of them."""
    old = [recent_items(user_history(bundle, user)) for user in users]
    n_old = np.array([len(items) for items in old], np.int64)
    n_new = np.diff(new.offsets)
    stops = np.cumsum(n_old + n_new)
    starts = stops - n_old - n_new
    pieces = [np.zeros(0, np.int32)]
    for k, items in enumerate(old):
        pieces += [items, new.items[new.offsets[k] : new.offsets[k + 1]]]
    return Tails(np.concatenate(pieces), starts, starts + n_old, stops)
