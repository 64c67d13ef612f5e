"""One line of `events put`: a flat JSON event or a PutEvents envelope (behaviour specification §1)."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeGuard

from newfound.dataset.json_objects import parse_object
from newfound.errors import InputRefusedError
from newfound.schema.rules import plain_name

DEFAULT_EVENT_TYPE = "click"
MAX_LINE_BYTES = 1 << 20
MAX_ID_LENGTH = 256
MAX_RECOMMENDATION_ID_LENGTH = 40
MAX_IMPRESSIONS = 500  # as many items as one response holds
MAX_PROPERTIES_LENGTH = MAX_SOURCE_LENGTH = 1024
COMPACT = (",", ":")
MAX_AHEAD_SECONDS = 86_400
MILLISECONDS_FROM = 1e11
NO_TIME = "must be Unix seconds or ISO 8601 text with an offset"
EARLIEST = -62_135_596_800  # the year 1: the first with an ISO 8601 form

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_USER_FIELDS = frozenset({"userId", "sessionId"})
_ENVELOPE_FIELDS = _USER_FIELDS | {"trackingId", "eventList"}
_EVENT_FIELDS = frozenset(
    [
        "itemId",
        "eventType",
        "eventValue",
        "sentAt",
        "eventId",
        "recommendationId",
        "impression",
        "properties",
        "metricAttribution",
    ]
)
FLAT_FIELDS = _EVENT_FIELDS | _USER_FIELDS
# Where older clients write them; the field of the event itself wins.
_ALSO_PROPERTIES = {plain_name(name): name for name in ("itemId", "eventValue")}
_RESERVED_PROPERTIES = {"userid", "sessionid", "eventtype", "timestamp", "recommendationid", "impression"}


@dataclass(frozen=True, slots=True)
class Event:
    """A checked event, `timestamp` in Unix seconds.

    Without `item_id` it is an impression nobody clicked, whose type is what was said of it, by default none.
    """

    user_id: str
    session_id: str | None
    item_id: str | None
    event_type: str | None
    event_value: float | None
    timestamp: int
    event_id: str | None
    recommendation_id: str | None
    impression: list[str] | None
    properties: str | None


def parse_line(line: bytes, now: float) -> list[Event]:
    """Return the events of one line that is not blank; raise InputRefusedError with the bare reason.

    `now`, in Unix seconds, is the time of events without `sentAt`; one more than a day later is refused.
    """
    if len(line) > MAX_LINE_BYTES:
        raise InputRefusedError(f"the line is longer than {MAX_LINE_BYTES:,} bytes")
    record = parse_object(line)
    if "eventList" not in record:
        _refuse_unknown(record, FLAT_FIELDS)
        return [_event(record, *_user(record), now)]
    _refuse_unknown(record, _ENVELOPE_FIELDS)
    user_id, session_id = _user(record)
    if not isinstance(record["eventList"], list):
        _refuse("eventList", "must be a list of events")
    events = []
    for place, event in enumerate(record["eventList"]):
        try:
            _refuse_unknown(_object(event), _EVENT_FIELDS)
            events.append(_event(event, user_id, session_id, now))
        except InputRefusedError as error:
            _refuse(f"eventList[{place}]", error.message)
    return events


def parse_time(value: object, now: float) -> int:
    """Return whole Unix seconds, rounded down, from a number, its text, or ISO 8601 text with an offset."""
    if isinstance(value, str):
        value = time_of_text(value)
    if not _is_finite_number(value):
        _refuse("sentAt", NO_TIME)
    if value > MILLISECONDS_FROM:
        _refuse("sentAt", f"{value} looks like milliseconds; divide it by 1000")
    if value > now + MAX_AHEAD_SECONDS:
        _refuse("sentAt", f"{value} is more than a day ahead of the clock")
    if value < EARLIEST:
        _refuse("sentAt", f"{value} is before the year 1")
    return math.floor(value)


def time_of_text(text: str) -> int | float:
    """Return the Unix seconds of a number's text or of ISO 8601 text with an offset; InputRefusedError for others."""
    try:
        seconds = float(text)
    except ValueError:
        pass  # no number: read as ISO 8601 below
    else:
        if not math.isfinite(seconds):
            _refuse("sentAt", NO_TIME)
        return seconds
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            _refuse("sentAt", f"{text!r} has no offset, such as Z or +02:00")
        return (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        _refuse("sentAt", f"{text!r} is neither Unix seconds nor ISO 8601")


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputRefusedError("not a JSON object")
    return value


def _refuse(field: str, reason: str) -> NoReturn:
    raise InputRefusedError(f"{field}: {reason}")


def _refuse_unknown(record: dict[str, Any], known: frozenset[str]) -> None:
    if not record.keys() <= known:
        _refuse(min(record.keys() - known), "unknown field")


def _user(record: dict[str, Any]) -> tuple[str, str | None]:
    session_id = _text(record, "sessionId")
    user_id = _text(record, "userId") or session_id
    if user_id is None:
        _refuse("userId", "missing, and so is sessionId")
    return user_id, session_id


def _event(record: dict[str, Any], user_id: str, session_id: str | None, now: float) -> Event:
    properties = _properties(record.get("properties"))
    kept = properties
    if (attribution := record.get("metricAttribution")) is not None:
        kept = (properties or {}) | {"metricAttribution": _attribution(attribution)}
    record = _from_properties(properties or {}) | {
        key: value for key, value in record.items() if value is not None
    }
    item_id = _text(record, "itemId")
    recommendation_id = _text(record, "recommendationId", MAX_RECOMMENDATION_ID_LENGTH)
    impression = _impression(record.get("impression"))
    if item_id is None and recommendation_id is None and impression is None:
        _refuse("itemId", "missing, and so are recommendationId and impression")
    return Event(
        user_id=user_id,
        session_id=session_id,
        item_id=item_id,
        event_type=_text(record, "eventType") or (None if item_id is None else DEFAULT_EVENT_TYPE),
        event_value=_value(record.get("eventValue")),
        timestamp=parse_time(record.get("sentAt", now), now),
        event_id=_text(record, "eventId"),
        recommendation_id=recommendation_id,
        impression=impression,
        properties=None if kept is None else json.dumps(kept, separators=COMPACT),
    )


def _from_properties(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an event that stand among its properties."""
    named = ((_ALSO_PROPERTIES.get(plain_name(key)), value) for key, value in properties.items())
    return {name: value for name, value in named if name is not None}


def _text(record: dict[str, Any], field: str, max_length: int = MAX_ID_LENGTH) -> str | None:
    value = record.get(field)
    return None if value is None else _checked_text(value, field, max_length)


def _checked_text(value: object, field: str, max_length: int = MAX_ID_LENGTH) -> str:
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        _refuse(field, "must be a string")
    if not 1 <= len(value) <= max_length:
        _refuse(field, f"must have 1 to {max_length} characters")
    if not _is_storable(value):
        _refuse(field, "holds a NUL or half of a surrogate pair")
    return value


def _is_storable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _is_finite_number(value: object) -> TypeGuard[int | float]:
    # NaN compares false, and an integer may be beyond all floats.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def _value(value: object) -> float | None:
    if value is None:
        return None
    if not _is_finite_number(value):
        _refuse("eventValue", "must be a finite number")
    return float(value)


def _impression(value: object) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_IMPRESSIONS:
        _refuse("impression", f"must be a list of 1 to {MAX_IMPRESSIONS} item ids")
    return [_checked_text(item, "impression") for item in value]


def _properties(value: object) -> dict[str, Any] | None:
    if value is None:
        return None
    try:
        properties = parse_object(value) if isinstance(value, str) else _object(value)
    except InputRefusedError as error:
        _refuse("properties", error.message)
    for key in properties:
        if key.lower() in _RESERVED_PROPERTIES:
            _refuse("properties", f"{key} has a field of its own in the event")
    if len(json.dumps(properties, separators=COMPACT, ensure_ascii=False)) > MAX_PROPERTIES_LENGTH:
        _refuse("properties", f"must have at most {MAX_PROPERTIES_LENGTH:,} characters")
    return properties


def _attribution(value: object) -> dict[str, Any]:
    """Check what says whose merit an event is; it is kept among the properties."""
    if not isinstance(value, dict) or value.keys() != {"eventAttributionSource"}:
        _refuse("metricAttribution", "must be an object that holds eventAttributionSource alone")
    _checked_text(value["eventAttributionSource"], "eventAttributionSource", MAX_SOURCE_LENGTH)
    return value
