"""Streamed events and logged responses as plain rows, read without polars: what UPDATE and `recommend` take in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound import columns as c
from newfound.dataset.histories import EventSelection
from newfound.hashing import hash64_many
from newfound.store.data_files import DataFile
from newfound.store.delta_log import Snapshot
from newfound.store.tables import Table


@dataclass(frozen=True, slots=True)
class EventRow:
    """One streamed event; item None: an impression nobody clicked. `counts`: it is an interaction that trains."""

    offset: int
    user: str
    item: str | None
    type: str
    time: int
    session: str | None
    recommendation_id: str | None
    impression: tuple[str, ...] | None
    counts: bool


@dataclass(frozen=True, slots=True)
class Response:
    """A logged response: what was served, best first, at which published scores, and by which solution version.

    ranked: the scores are shares of given items, not of the whole catalogue.
    """

    items: tuple[str, ...]
    scores: tuple[float, ...]
    version: str = ""
    ranked: bool = False


_EVENT_COLUMNS = (
    c.EVENT_OFFSET,
    c.USER_ID,
    c.ITEM_ID,
    c.EVENT_TYPE,
    c.TIMESTAMP,
    c.SESSION_ID,
    c.RECOMMENDATION_ID,
    c.IMPRESSION,
    c.EVENT_VALUE,
)


def read_events(
    table: Table,
    snapshot: Snapshot,
    since: int,
    selection: EventSelection,
    users: Iterable[str] | None = None,
) -> list[EventRow]:
    """Read the events from an offset on, of some users or all, in (time, offset) order; types in lower case."""
    if snapshot.next_offset <= since:
        return []
    hashes = None
    if users is not None:
        hashes = np.sort(hash64_many(users).view(np.int64))
    data = table.read((*_EVENT_COLUMNS, c.USER_HASH), lambda file: _may_hold(file, since, hashes), snapshot)
    events = []
    for batch in data.to_batches():
        chosen = batch[c.EVENT_OFFSET].to_numpy() >= since
        if hashes is not None:
            chosen &= np.isin(batch[c.USER_HASH].to_numpy(), hashes)
        rows = batch.take(np.flatnonzero(chosen))
        columns = [rows[name].to_pylist() for name in _EVENT_COLUMNS]
        for offset, user, item, kind, time, session, response, shown, value in zip(*columns, strict=True):
            counts = item is not None and selection.admits(kind, value)
            impression = tuple(shown) if shown is not None else None
            name = (kind or "").lower()
            events.append(EventRow(offset, user, item, name, time, session, response, impression, counts))
    return sorted(events, key=lambda row: (row.time, row.offset))


def _may_hold(file: DataFile, since: int, hashes: NDArray[np.int64] | None) -> bool:
    """Judge by a file's bounds whether it can hold events from `since` on, of users with these sorted hashes."""
    if file.max_offset is not None and file.max_offset < since:
        return False
    if hashes is None or file.min_user_hash is None or file.max_user_hash is None:
        return True
    first = int(np.searchsorted(hashes, file.min_user_hash))
    return first < len(hashes) and int(hashes[first]) <= file.max_user_hash


def read_responses(table: Table, snapshot: Snapshot, ids: Iterable[str]) -> dict[str, Response]:
    """Find logged responses by recommendationId; unknown ids are left out."""
    wanted = set(ids)
    if not wanted or snapshot.version < 0:
        return {}
    found: dict[str, Response] = {}
    read = (c.RECOMMENDATION_ID, c.ITEM_IDS, c.SCORES, c.SOLUTION_VERSION, c.CANDIDATES)
    for batch in table.read(read, snapshot=snapshot).to_batches():
        names = batch[c.RECOMMENDATION_ID].to_pylist()
        rows = [k for k, name in enumerate(names) if name in wanted]
        chosen = batch.take(np.array(rows, np.int64))
        columns = (chosen[name].to_pylist() for name in read)
        found |= {
            name: Response(tuple(items), tuple(scores), version, candidates is not None)
            for name, items, scores, version, candidates in zip(*columns, strict=True)
        }
    return found
