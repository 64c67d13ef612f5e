"""What Amazon Personalize fixes about its data: required and reserved fields, limits (behaviour specification §1)."""

from __future__ import annotations

import re
from typing import Final, Literal

from newfound import columns

FieldType = Literal["string", "int", "long", "float", "double", "boolean"]

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "interactions": (columns.USER_ID, columns.ITEM_ID, columns.TIMESTAMP),
    "items": (columns.ITEM_ID,),
    "users": (columns.USER_ID,),
}
RESERVED: Final[dict[str, FieldType]] = {
    columns.USER_ID: "string",
    columns.ITEM_ID: "string",
    columns.TIMESTAMP: "long",
    columns.EVENT_TYPE: "string",
    columns.EVENT_VALUE: "float",
    columns.IMPRESSION: "string",
    columns.RECOMMENDATION_ID: "string",
    columns.EVENT_ATTRIBUTION_SOURCE: "string",
    columns.CREATION_TIMESTAMP: "long",
}
# Columns that newfound adds to its tables.
TAKEN: Final = frozenset(
    {columns.EVENT_OFFSET, columns.USER_HASH, columns.RECORD_OFFSET, columns.RECORD_SOURCE}
)
MAX_METADATA_FIELDS: Final = {"interactions": 5, "items": 100, "users": 25}

MAX_ID_LENGTH: Final = 256
MAX_STRING_LENGTH: Final = 1_000
MAX_TEXT_LENGTH: Final = 20_000
# Seconds reach this in the year 5138, milliseconds passed it in 1973.
MAX_TIMESTAMP: Final = 100_000_000_000
# From here on a float does not tell which whole number was meant.
MAX_WHOLE_FLOAT: Final = float(1 << 53)

IDS: Final = frozenset({columns.USER_ID, columns.ITEM_ID})
TIMES: Final = frozenset({columns.TIMESTAMP, columns.CREATION_TIMESTAMP})

MISSING: Final = "a value is required"
NOT_TEXT: Final = "not text"
NOT_WHOLE: Final = "not a whole number"
OUT_OF_RANGE: Final = "out of range"
NOT_NUMBER: Final = "not a number"
NOT_FINITE: Final = "not a finite number"
NOT_BOOLEAN: Final = "neither true nor false"
MILLISECONDS: Final = "not in Unix seconds; milliseconds must be divided by 1000"
NULL_CHARACTER: Final = "a NUL character"
RESERVED_WORD: Final = "a reserved name cannot be a value"


def too_long(limit: int) -> str:
    """Return the reason for refusing a text longer than `limit` characters."""
    return f"longer than {limit} characters"


def camel(name: str) -> str:
    """Spell a field as the events API does.

    >>> camel("CREATION_TIMESTAMP")
    'creationTimestamp'
    """
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def plain_name(name: str) -> str:
    """Strip what field names may not differ in alone: case and all but letters and digits.

    >>> plain_name("GENRES_FIELD_1") == plain_name("genresField1")
    True
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())
