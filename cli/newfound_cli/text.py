"""Untrusted text and numbers, made fit for a terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# C0, DEL, C1, bidirectional controls, line and paragraph separators, lone surrogates: what can move the
# cursor, hide text or start an escape sequence.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_TIME_KEYS = ("timestamp", "datetime", "tlatest")


def clean(text: object) -> str:
    """Replace every control and bidirectional character by U+FFFD; the result is one line."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", str(text))


def dump_json(value: object, *, indent: bool = False) -> str:
    """Write one JSON document that cannot act on a terminal; readers get every string back exactly."""
    import orjson

    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else None).decode()
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def iso(seconds: float) -> str:
    """Write whole Unix seconds as ISO 8601 in UTC; a time outside the calendar stays a number.

    >>> iso(1700000000)
    '2023-11-14T22:13:20Z'
    """
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def heading(key: str) -> str:
    """Turn a JSON key into words.

    >>> heading("explorationItemAgeCutoff")
    'exploration item age cutoff'
    """
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", " ", key).lower() if not key.isupper() else key


def show(key: str, value: object) -> str:
    """Write the value of a JSON key for a person, on one clean line.

    >>> show("rows", 1204), show("score", 0.01234567), show("parent", None), show("followLatest", True)
    ('1,204', '0.01235', '-', 'yes')
    """
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int() | float() if key.lower().endswith(_TIME_KEYS):
            whole = value // 1
            return f"{whole:.0f} ({iso(whole)})"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.4g}"
        case list() | tuple():
            return ", ".join(show(key, part) for part in value) or "-"
        case dict():
            return ", ".join(f"{clean(name)}={show(str(name), part)}" for name, part in value.items()) or "-"
        case _:
            return clean(value)
