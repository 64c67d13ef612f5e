"""What users did, as the bundle keeps it: for filters, for sequential rules and for requests about the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import ranges
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
    return user_histories(bundle, [user_id])[1]


def user_histories(bundle: Bundle, user_ids: Sequence[str]) -> tuple[NDArray[np.int64], History]:
    """All interactions of many users up to the bundle's offset, end to end, and whose each is, (n,)."""
    owners, parts = [], []
    for codes, arrays in zip(bundle.user_codes(user_ids), (bundle.base, bundle.overlay), strict=True):
        known = np.flatnonzero(codes >= 0)
        offsets = arrays["history_offsets"]
        starts, stops = offsets[codes[known]], offsets[codes[known] + 1]
        at = ranges(starts, stops)
        owners.append(np.repeat(known, stops - starts))
        parts.append(History(*(arrays[f"history_{name}"][at] for name in HISTORY_FIELDS)))
    return by_owner(owners, parts)


def by_owner(
    owners: Sequence[NDArray[np.int64]], parts: Sequence[History]
) -> tuple[NDArray[np.int64], History]:
    """Join interactions of many users user by user; each user's keep the order of the parts."""
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return owner[order], History(
        *(np.concatenate([getattr(part, name) for part in parts])[order] for name in HISTORY_FIELDS)
    )


def trained_items(
    owner: NDArray[np.int64], history: History, n_users: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """The trained items of each user, end to end: `items[starts[u]:stops[u]]`."""
    lengths = np.bincount(owner[history.trained], minlength=n_users)
    stops = np.cumsum(lengths)
    return history.items[history.trained], stops - lengths, stops


@dataclass(frozen=True, slots=True)
class Tails:
    """Old and then new trained items of users, end to end: `items[starts[u]:stops[u]]`, new from `fresh[u]`."""

    items: NDArray[np.int32]
    starts: NDArray[np.int64]
    fresh: NDArray[np.int64]
    stops: NDArray[np.int64]


def join_tails(bundle: Bundle, users: Sequence[str], new: Sequences) -> Tails:
    """Put users' new events behind those that the bundle has of them."""
    old, starts, stops = trained_items(*user_histories(bundle, users), len(users))
    n_old, n_new = stops - starts, np.diff(new.offsets)
    everyone = np.arange(len(users))
    owner = np.concatenate([np.repeat(everyone, n_old), np.repeat(everyone, n_new)])
    order = np.argsort(owner, kind="stable")
    stops = np.cumsum(n_old + n_new)
    return Tails(np.concatenate([old, new.items])[order], stops - n_old - n_new, stops - n_new, stops)
