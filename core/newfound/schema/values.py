"""Check single values against a field: the scalar twin of `rows`, for records that are put one by one.

Free of polars, because `items put` must start quickly; a property test proves that both agree.
"""

from __future__ import annotations

import re
import sys

from newfound.schema import rules
from newfound.schema.document import Field

Value = str | int | float | bool | None

_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_MAX_DIGITS = 4_000
_BITS = {"int": 31, "long": 63}


class RefusedValueError(ValueError):
    """A value that its field cannot hold; the text is the reason."""


def check_value(field: Field, raw: object) -> Value:
    """Return a decoded JSON value as the type of its field; raise RefusedValueError with the reason.

    Empty text is null. Numbers may be given as text, also between spaces, whole ones as floats too, and ids as whole
    numbers; a list of texts is joined by `|`.
    """
    value = _plain(raw)
    if value is None:
        if field.nullable:
            return None
        raise RefusedValueError(rules.MISSING)
    if field.type == "string":
        return _string(field, value)
    if field.type == "boolean":
        return _boolean(value)
    if field.type in _BITS:
        return _whole(field, value)
    return _number(value)


def _plain(raw: object) -> Value:
    if isinstance(raw, list) and all(isinstance(part, str) for part in raw):
        raw = "|".join(raw)
    if raw is None or raw == "":
        return None
    if isinstance(raw, str | int | float | bool):
        return raw
    raise RefusedValueError(rules.NOT_TEXT)


def _string(field: Field, value: str | float | bool) -> str | None:
    if isinstance(value, float | bool):
        raise RefusedValueError(rules.NOT_TEXT)
    text = str(value)
    if "\0" in text:
        raise RefusedValueError(rules.NULL_CHARACTER)
    if field.textual:
        return clean_text(text) or None
    if len(text) > field.max_length:
        raise RefusedValueError(rules.too_long(field.max_length))
    if text in rules.RESERVED:
        raise RefusedValueError(rules.RESERVED_WORD)
    return text


def clean_text(text: str) -> str:
    """Strip markup and runs of white space from prose and cut it to the limit."""
    without_markup = re.sub(r"<[^<>]*>|&#?[A-Za-z0-9]+;", " ", text)
    return re.sub(r"[ \t\r\n]+", " ", without_markup).strip(" ")[: rules.MAX_TEXT_LENGTH]


def _boolean(value: Value) -> bool:
    if value in ("true", "false"):
        return value == "true"
    if isinstance(value, bool):
        return value
    raise RefusedValueError(rules.NOT_BOOLEAN)


def _whole(field: Field, value: str | float | bool) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(text := value.strip(" ")):
        # Python converts at most 4,300 digits; a number this long is out of range anyway.
        value = int(text) if len(text) < _MAX_DIGITS else 1 << 64
    elif isinstance(value, str):
        value = _float_of(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value) if abs(value) < rules.MAX_WHOLE_FLOAT else 1 << 64
    if isinstance(value, bool) or not isinstance(value, int):
        raise RefusedValueError(rules.NOT_WHOLE)
    if not -(1 << _BITS[field.type]) <= value < 1 << _BITS[field.type]:
        raise RefusedValueError(rules.OUT_OF_RANGE)
    if field.name in rules.TIMES and abs(value) > rules.MAX_TIMESTAMP:
        raise RefusedValueError(rules.MILLISECONDS)
    return value


def _number(value: str | float | bool) -> float:
    if isinstance(value, str):
        value = _float_of(value)
    if isinstance(value, str | bool):
        raise RefusedValueError(rules.NOT_NUMBER)
    # An integer may be beyond all floats.
    if not abs(value) <= sys.float_info.max:
        raise RefusedValueError(rules.NOT_FINITE)
    return float(value)


def _float_of(text: str) -> float | str:
    """Return the float that a text stands for, a text that stands for none as it is."""
    plain = text.strip(" ")
    return float(plain) if _NUMBER.fullmatch(plain) or _NO_NUMBER.fullmatch(plain) else text
