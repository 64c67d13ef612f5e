"""`events put`: streamed events, durable when the call returns, stored once per eventId."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from arro3.core import Array, Table
from numpy.typing import NDArray

from newfound import columns
from newfound.dataset.json_objects import without_mark
from newfound.dataset.plain_events import EventColumns, read_events
from newfound.hashing import hash64_many
from newfound.store.arrow import DOUBLE, LONG, STRING, STRINGS, arrow_table
from newfound.store.event_ids import EventIds, Keys, catch_up, event_keys
from newfound.store.layout import Layout
from newfound.store.tables import Table as StoredTable

_BATCH_LINES = 20_000
_FILE_ROWS = 250_000  # some MiB: larger than what is merged


@dataclass(frozen=True, slots=True)
class _Batch:
    """Events as an Arrow table; `keys` of shape `(2, n)` are of the eventIds in rows `identified`."""

    rows: Table
    identified: NDArray[np.intp]
    keys: Keys

    def without(self, duplicates: NDArray[np.intp]) -> Table:
        """Return all rows but the given ones."""
        if not duplicates.size:
            return self.rows
        kept = np.setdiff1d(np.arange(self.rows.num_rows), duplicates)
        [batch] = self.rows.combine_chunks().to_batches()
        return Table.from_batches([batch.take(Array(kept))])


def put_events(
    layout: Layout,
    lines: Iterable[bytes],
    *,
    on_error: str = "fail",
    lock_timeout: float = 60.0,
    now: float | None = None,
) -> dict[str, Any]:
    """Store the events of JSON lines in one commit and return the counts that `events put --json` prints.

    With any rejected line nothing is stored unless `on_error` is "skip". `now`, in Unix seconds, stands in
    for the clock. Raises BusyError, DamagedError or ResourceError.
    """
    rejected: list[dict[str, Any]] = []
    batches = list(_batches(lines, time.time() if now is None else now, rejected))
    accepted = duplicates = 0
    if batches and (not rejected or on_error == "skip"):
        accepted, duplicates = _store(layout, batches, lock_timeout)
    return {"accepted": accepted, "duplicates": duplicates, "rejected": rejected}


def _batches(lines: Iterable[bytes], now: float, rejected: list[dict[str, Any]]) -> Iterator[_Batch]:
    # Arrow takes a tenth of the memory of Python objects, and a slow pipe is read before the lock is taken.
    numbered = enumerate(without_mark(lines), start=1)
    while chunk := list(islice(numbered, _BATCH_LINES)):
        events = read_events(chunk, now, rejected)
        if events["user_id"]:
            yield _batch(events)


def _batch(events: EventColumns) -> _Batch:
    identified = [row for row, event_id in enumerate(events["event_id"]) if event_id is not None]
    keys = event_keys(events["event_id"][row] for row in identified)
    return _Batch(_event_table(events), np.array(identified, np.intp), keys)


def _event_table(events: EventColumns) -> Table:
    return arrow_table(
        {
            columns.USER_HASH: (LONG, _user_hashes(events["user_id"])),
            columns.USER_ID: (STRING, events["user_id"]),
            columns.SESSION_ID: (STRING, events["session_id"]),
            columns.ITEM_ID: (STRING, events["item_id"]),
            columns.EVENT_TYPE: (STRING, events["event_type"]),
            columns.EVENT_VALUE: (DOUBLE, events["event_value"]),
            columns.TIMESTAMP: (LONG, events["timestamp"]),
            columns.EVENT_ID: (STRING, events["event_id"]),
            columns.RECOMMENDATION_ID: (STRING, events["recommendation_id"]),
            columns.IMPRESSION: (STRINGS, events["impression"]),
            columns.PROPERTIES: (STRING, events["properties"]),
        }
    )


def _user_hashes(user_ids: list[str]) -> NDArray[np.int64]:
    distinct = list(set(user_ids))
    hashes = dict(zip(distinct, hash64_many(distinct).view(np.int64).tolist(), strict=True))
    return np.array([hashes[user] for user in user_ids], np.int64)


def _store(layout: Layout, batches: list[_Batch], lock_timeout: float) -> tuple[int, int]:
    duplicates = 0
    with StoredTable(layout, "events").writing(lock_timeout) as writer:
        keys = np.hstack([batch.keys for batch in batches])
        # Events without an eventId need no look-up: the index catches up when one has.
        index = catch_up(layout.event_ids, writer.snapshot) if keys.size else EventIds()
        new = np.split(index.unseen(keys), np.cumsum([batch.identified.size for batch in batches])[:-1])
        fresh = []
        for batch, is_new in zip(batches, new, strict=True):
            repeated = batch.identified[~is_new]
            duplicates += repeated.size
            fresh.append(batch.without(repeated))
        accepted = writer.add_batches(fresh, _FILE_ROWS, source="put")
        writer.commit()
    return accepted, duplicates
