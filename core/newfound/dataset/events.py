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
from newfound.dataset.event_lines import Event, parse_line
from newfound.errors import InputRefusedError
from newfound.hashing import hash64_many
from newfound.store.arrow import DOUBLE, LONG, STRING, STRINGS, arrow_table
from newfound.store.event_ids import EventIds, Keys, catch_up, event_keys
from newfound.store.layout import Layout
from newfound.store.tables import Table as StoredTable

_BATCH_ROWS = 50_000


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
    events = _parsed(lines, time.time() if now is None else now, rejected)
    batches = list(_batches(events))
    accepted = duplicates = 0
    if batches and (not rejected or on_error == "skip"):
        accepted, duplicates = _store(layout, batches, lock_timeout)
    return {"accepted": accepted, "duplicates": duplicates, "rejected": rejected}


def _parsed(lines: Iterable[bytes], now: float, rejected: list[dict[str, Any]]) -> Iterator[Event]:
    for number, line in enumerate(lines, start=1):
        if line.isspace() or not line:
            continue
        try:
            yield from parse_line(line, now)
        except InputRefusedError as error:
            rejected.append({"line": number, "reason": error.message})


def _batches(events: Iterator[Event]) -> Iterator[_Batch]:
    # Arrow takes a tenth of the memory of Python objects, and a slow pipe is read before the lock is taken.
    while chunk := list(islice(events, _BATCH_ROWS)):
        yield _batch(chunk)


def _batch(events: list[Event]) -> _Batch:
    identified = [row for row, event in enumerate(events) if event.event_id is not None]
    keys = event_keys(event.event_id for event in events if event.event_id is not None)
    return _Batch(_event_table(events), np.array(identified, np.intp), keys)


def _event_table(events: list[Event]) -> Table:
    user_ids = [event.user_id for event in events]
    return arrow_table(
        {
            columns.USER_HASH: (LONG, hash64_many(user_ids).view(np.int64)),
            columns.USER_ID: (STRING, user_ids),
            columns.SESSION_ID: (STRING, [event.session_id for event in events]),
            columns.ITEM_ID: (STRING, [event.item_id for event in events]),
            columns.EVENT_TYPE: (STRING, [event.event_type for event in events]),
            columns.EVENT_VALUE: (DOUBLE, [event.event_value for event in events]),
            columns.TIMESTAMP: (LONG, [event.timestamp for event in events]),
            columns.EVENT_ID: (STRING, [event.event_id for event in events]),
            columns.RECOMMENDATION_ID: (STRING, [event.recommendation_id for event in events]),
            columns.IMPRESSION: (STRINGS, [event.impression for event in events]),
            columns.PROPERTIES: (STRING, [event.properties for event in events]),
        }
    )


def _store(layout: Layout, batches: list[_Batch], lock_timeout: float) -> tuple[int, int]:
    accepted = duplicates = 0
    with StoredTable(layout, "events").writing(lock_timeout) as writer:
        keys = np.hstack([batch.keys for batch in batches])
        # Events without an eventId need no look-up: the index catches up when one has.
        index = catch_up(layout.event_ids, writer.snapshot) if keys.size else EventIds()
        new = np.split(index.unseen(keys), np.cumsum([batch.identified.size for batch in batches])[:-1])
        for batch, is_new in zip(batches, new, strict=True):
            repeated = batch.identified[~is_new]
            duplicates += repeated.size
            accepted += writer.add(batch.without(repeated), source="put")
        writer.commit()
    return accepted, duplicates
