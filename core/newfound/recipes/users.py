"""The users part of UPDATE's overlay: states and histories of everyone with events since FULL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.event_rows import EventRow
from newfound.recipes.evidence import Slate, slate_key
from newfound.serving.arrays import Array
from newfound.serving.bundle import Bundle
from newfound.serving.history import HISTORY_FIELDS
from newfound.serving.ids import IdIndex
from newfound.serving.user_state import STATE_FIELDS, Sequences, UserStates


@dataclass(frozen=True, slots=True)
class Batch:
    """New events of a batch by user, users in order of their first row.

    `trained`: the events that train, end to end; `organic` marks those of them that answer no slate.
    `shown_after` maps a slate's offset to how many of its user's trained events came before it.
    """

    users: list[str]
    trained: Sequences
    organic: NDArray[np.bool_]
    shown_after: Mapping[int, int]


def batch_by_user(
    bundle: Bundle, rows: Sequence[EventRow], slates: Sequence[Slate], type_names: tuple[str, ...]
) -> Batch:
    """Split rows by user, keeping their (time, offset) order."""
    shown, keys = {slate.offset for slate in slates}, {slate.key for slate in slates}
    events: dict[str, list[EventRow]] = {}
    after: dict[int, int] = {}
    for row in rows:
        own = events.setdefault(row.user, [])
        if row.offset in shown:
            after[row.offset] = len(own)
        if row.item is not None and row.counts:
            own.append(row)
    organic = [
        event.impression is None and (event.recommendation_id is None or slate_key(event) not in keys)
        for own in events.values()
        for event in own
    ]
    sequences = _sequences(bundle, list(events.values()), type_names)
    return Batch(list(events), sequences, np.array(organic, np.bool_), after)


def _sequences(bundle: Bundle, events: list[list[EventRow]], type_names: tuple[str, ...]) -> Sequences:
    flat = [row for own in events for row in own]
    types = {name: k for k, name in enumerate(type_names)}
    return Sequences(
        np.append(0, np.cumsum([len(own) for own in events])).astype(np.int64),
        bundle.item_codes([row.item or "" for row in flat]),
        np.array([row.time for row in flat], np.int64),
        np.array([types[row.type] for row in flat], np.int16),
    )


def changed_users(
    bundle: Bundle, rows: Sequence[EventRow], batch: Batch, states: UserStates, type_names: tuple[str, ...]
) -> dict[str, Array]:
    """Merge the batch into the overlay's users: newest states, and new interactions behind the earlier ones."""
    old = bundle.changed_users
    ids = list(dict.fromkeys([*old.ids_of(np.arange(len(old))), *batch.users]))
    row_of = {user: k for k, user in enumerate(ids)}
    place = np.array([row_of[user] for user in batch.users], np.int64)
    merged = UserStates.empty(len(ids), bundle.network)
    for name in STATE_FIELDS:
        getattr(merged, name)[: len(old)] = bundle.overlay[f"state_{name}"]
        getattr(merged, name)[place] = getattr(states, name)
    owner, fields = _new_history(bundle, rows, row_of, type_names)
    offsets = np.asarray(bundle.overlay["history_offsets"], np.int64)
    old_owner = np.repeat(np.arange(len(old)), np.diff(offsets))
    order = np.argsort(np.concatenate([old_owner, owner]), kind="stable")
    counts = np.bincount(np.concatenate([old_owner, owner]), minlength=len(ids))
    return {
        **IdIndex.build(ids).arrays("users"),
        **{f"state_{name}": getattr(merged, name) for name in STATE_FIELDS},
        "history_offsets": np.append(0, np.cumsum(counts)).astype(np.int64),
        **{
            f"history_{name}": np.concatenate([bundle.overlay[f"history_{name}"], fields[name]])[order]
            for name in HISTORY_FIELDS
        },
    }


def _new_history(
    bundle: Bundle, rows: Sequence[EventRow], row_of: Mapping[str, int], type_names: tuple[str, ...]
) -> tuple[NDArray[np.int64], dict[str, Array]]:
    clicks = [row for row in rows if row.item is not None]
    types = {name: k for k, name in enumerate(type_names)}
    return np.array([row_of[row.user] for row in clicks], np.int64), {
        "items": bundle.item_codes([row.item or "" for row in clicks]),
        "times": np.array([row.time for row in clicks], np.int64),
        "types": np.array([types[row.type] for row in clicks], np.int16),
        "trained": np.array([row.counts for row in clicks], np.bool_),
    }
