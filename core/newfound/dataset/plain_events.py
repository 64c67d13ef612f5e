"""Many lines of events at once: plain ones field by field over all of them, the rest one by one.

orjson reads a line in a fraction of the time, but keeps the last of two equal keys and turns long numbers into floats.
So its result counts only where it provably is what `event_lines` makes of the line; every doubt is left to that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import numpy as np
import orjson

from newfound.dataset.event_lines import (
    DEFAULT_EVENT_TYPE,
    EARLIEST,
    FLAT_FIELDS,
    MAX_AHEAD_SECONDS,
    MAX_ID_LENGTH,
    MAX_IMPRESSIONS,
    MAX_LINE_BYTES,
    MAX_RECOMMENDATION_ID_LENGTH,
    MILLISECONDS_FROM,
    Event,
    parse_line,
)
from newfound.errors import InputRefusedError

EventColumns = dict[str, list[Any]]

FIELDS = tuple(field.name for field in fields(Event))
_PLAIN_FIELDS = FLAT_FIELDS - {"properties", "metricAttribution"}
_NUMBER = {int, float, type(None)}


class _DoubtfulError(Exception):
    """A value that takes a closer look: perhaps a bad one."""


def read_events(
    lines: Sequence[tuple[int, bytes]], now: float, rejected: list[dict[str, Any]]
) -> EventColumns:
    """Return the events of numbered lines as columns, in their order, and add the lines refused to `rejected`."""
    records = [_plain_record(line) for _, line in lines]
    plain = [place for place, record in enumerate(records) if record is not None]
    try:
        columns = _columns([record for record in records if record is not None], now)
    except _DoubtfulError:
        plain, columns = [], {name: [] for name in FIELDS}
    chosen = set(plain)
    places, events = list(plain), []
    for place, (number, line) in enumerate(lines):
        if place in chosen or line.isspace() or not line:
            continue
        try:
            found = parse_line(line, now)
        except InputRefusedError as error:
            rejected.append({"line": number, "reason": error.message})
        else:
            events += found
            places += [place] * len(found)
    return _merged(columns, events, places) if events else columns


def _merged(columns: EventColumns, events: Iterable[Event], places: list[int]) -> EventColumns:
    order = np.argsort(places, kind="stable").tolist()
    rest = zip(*map(attrgetter(*FIELDS), events), strict=True)
    together = {name: columns[name] + list(values) for name, values in zip(FIELDS, rest, strict=True)}
    return {name: [values[k] for k in order] for name, values in together.items()}


def _plain_record(line: bytes) -> dict[str, Any] | None:
    """Return a flat event of known fields without properties, None unless orjson read it as Python would.

    Numbers are yet to be checked, and that all values in lists are texts.
    """
    if b"\\" in line or len(line) > MAX_LINE_BYTES:
        return None
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if type(record) is not dict or not record.keys() <= _PLAIN_FIELDS:
        return None
    texts = len(record)
    for value in record.values():
        kind = type(value)
        if kind is str:
            texts += 1
        elif kind is list:
            texts += len(value)
    # Without a backslash each quote begins or ends a text. A key that occurs twice leaves two quotes over.
    return record if line.count(b'"') == 2 * texts else None


def _columns(records: list[dict[str, Any]], now: float) -> EventColumns:
    """Return the columns of plain records; raise _DoubtfulError if any value may be a bad one."""
    sessions, items = _texts(records, "sessionId"), _texts(records, "itemId")
    own = _texts(records, "userId")
    users = [session if user is None else user for user, session in zip(own, sessions, strict=True)]
    recommendations = _texts(records, "recommendationId", MAX_RECOMMENDATION_ID_LENGTH)
    impressions = _impressions(records)
    evidence = zip(items, recommendations, impressions, strict=True)
    if None in users or (None, None, None) in evidence:
        raise _DoubtfulError
    return {
        "user_id": users,
        "session_id": sessions,
        "item_id": items,
        "event_type": [
            kind or (None if item is None else DEFAULT_EVENT_TYPE)
            for kind, item in zip(_texts(records, "eventType"), items, strict=True)
        ],
        "event_value": [None if math.isnan(value) else value for value in _numbers(records, "eventValue")],
        "timestamp": _times(records, now),
        "event_id": _texts(records, "eventId"),
        "recommendation_id": recommendations,
        "impression": impressions,
        "properties": [None] * len(records),
    }


def _texts(records: list[dict[str, Any]], name: str, max_length: int = MAX_ID_LENGTH) -> list[str | None]:
    values = [record.get(name) for record in records]
    _check_texts([value for value in values if value is not None], max_length)
    return values


def _check_texts(values: list[Any], max_length: int = MAX_ID_LENGTH) -> None:
    if not set(map(type, values)) <= {str}:
        raise _DoubtfulError
    lengths = set(map(len, values))
    if min(lengths, default=1) < 1 or max(lengths, default=1) > max_length:
        raise _DoubtfulError


def _impressions(records: list[dict[str, Any]]) -> list[list[str] | None]:
    values = [record.get("impression") for record in records]
    lists = [value for value in values if value is not None]
    if not set(map(type, lists)) <= {list} or not set(map(len, lists)) <= set(range(1, MAX_IMPRESSIONS + 1)):
        raise _DoubtfulError
    _check_texts([item for items in lists for item in items])
    return values


def _numbers(records: list[dict[str, Any]], name: str) -> list[float]:
    """Return finite numbers, NaN for none."""
    values = [record.get(name) for record in records]
    if not set(map(type, values)) <= _NUMBER:
        raise _DoubtfulError
    numbers = np.array(values, np.float64)
    # To orjson -0 is a whole number or not, to Python it is the whole number 0.
    if np.isinf(numbers).any() or (np.signbit(numbers) & (numbers == 0)).any():
        raise _DoubtfulError
    return numbers.tolist()


def _times(records: list[dict[str, Any]], now: float) -> list[int]:
    times = np.array(_numbers(records, "sentAt"))
    times[np.isnan(times)] = now
    latest = min(MILLISECONDS_FROM, now + MAX_AHEAD_SECONDS)
    if ((times > latest) | (times < EARLIEST)).any():
        raise _DoubtfulError
    return np.floor(times).astype(np.int64).tolist()
