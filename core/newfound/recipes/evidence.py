"""From events to evidence: which lists were shown, what was clicked in them, by whom in which state (design §4).

One slate is one response or one explicit list. An explicit list wins over the response that the same event names.
A response that no event refers to is no evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.event_rows import EventRow, Response
from newfound.hashing import hash64
from newfound.serving.bundle import Bundle
from newfound.serving.network import Floats
from newfound.serving.user_state import Sequences, UserStates, advance, request_vectors

SAME_DISPLAY_SECONDS = 3_600
EXPLICIT = 0x9E3779B97F4A7C15
"""Turns the key of a slate into the one that says that its explicit list was counted."""


@dataclass(slots=True)
class Slate:
    """One displayed list; `scores` None for an explicit one, whose order means nothing; `response`: what was served."""

    key: int
    user: str
    time: int
    offset: int
    items: tuple[str, ...]
    scores: tuple[float, ...] | None
    response: Response | None = None
    clicked: set[str] = field(default_factory=set)


def slate_key(row: EventRow) -> int:
    """Name the slate that an event refers to: its response, else the same list within a session or an hour."""
    if row.recommendation_id:
        return hash64(f"response {row.recommendation_id}")
    display = row.session or str(row.time // SAME_DISPLAY_SECONDS)
    return hash64("\x00".join(("list", row.user, display, *(row.impression or ()))))


def collect_slates(rows: Iterable[EventRow], responses: Mapping[str, Response]) -> list[Slate]:
    """Gather the slates that events refer to, with all clicks on them; rows come in (time, offset) order."""
    slates: dict[int, Slate] = {}
    for row in rows:
        response = responses.get(row.recommendation_id) if row.recommendation_id else None
        if row.impression is None and response is None:
            continue
        key = slate_key(row)
        if key not in slates:
            slates[key] = Slate(key, row.user, row.time, row.offset, (), None)
        slate = slates[key]
        slate.response = response
        if row.impression is not None:
            slate.items, slate.scores = row.impression, None
        elif response is not None and not slate.items:
            slate.items, slate.scores = response.items, response.scores
        if row.item is not None and row.counts:
            slate.clicked.add(row.item)
    return list(slates.values())


def counted_keys(slates: Collection[Slate]) -> NDArray[np.uint64]:
    """What to remember of slates that were counted, sorted: their keys, and of explicit lists another one."""
    keys = {slate.key for slate in slates} | {
        slate.key ^ EXPLICIT for slate in slates if slate.scores is None
    }
    return np.array(sorted(keys), np.uint64)


def click_keys(slates: Iterable[Slate]) -> dict[int, str]:
    """Name the clicks on what slates show: the item by the key."""
    return {
        hash64(f"{slate.key} {item}"): item for slate in slates for item in slate.clicked & set(slate.items)
    }


def vectors_when_shown(
    bundle: Bundle,
    states: UserStates,
    sequences: Sequences,
    user: NDArray[np.int64],
    after: NDArray[np.int64],
    at: NDArray[np.int64],
) -> tuple[Floats, UserStates]:
    """User vectors (n_slates, d) at the moment of each slate, and the users' states after all new events.

    states, sequences: the users before their new events, and those events; slate s is of user `user[s]`, after
    `after[s]` of them, at Unix time `at[s]`.
    """
    out = np.empty((len(user), bundle.network.size), np.float32)
    by_moment: dict[int, NDArray[np.int64]] = {int(j): np.flatnonzero(after == j) for j in np.unique(after)}

    def see(slates: NDArray[np.int64], seen: UserStates) -> None:
        out[slates] = request_vectors(
            bundle.network, bundle.item_rows, seen, at[slates], bundle.base["center"]
        )

    def observe(j: int, users: NDArray[np.int64], seen: UserStates) -> None:
        slates = by_moment.get(j)
        if slates is None:
            return
        row = np.full(len(states.item), -1)
        row[users] = np.arange(len(users))
        present = row[user[slates]] >= 0
        if present.any():
            see(slates[present], seen.rows(row[user[slates[present]]]))

    final = advance(bundle.network, bundle.item_rows, states, sequences, observe)
    last = np.flatnonzero(after == np.diff(sequences.offsets)[user]) if len(user) else np.zeros(0, np.int64)
    if len(last):
        see(last, final.rows(user[last]))
    return out, final
