"""The two formats of many answers: JSON Lines as Amazon Personalize writes them, and Parquet with the same content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from arro3.core import Table


@dataclass(frozen=True, slots=True)
class Row:
    """The answer to one line: `input` as it was given, then either `output`, as documented, or an error."""

    input: Any
    output: dict[str, Any] | None
    error: str | None


def encode_json(rows: Sequence[Row]) -> bytes:
    """Render one JSON object a line."""
    options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
    return b"".join(orjson.dumps(row, option=options) for row in rows)


def encode_parquet(rows: Sequence[Row]) -> Table:
    """Make a table: `input` the line as JSON, the fields of `output` a column each (null after an error), `error`."""
    from newfound.store import arrow

    outputs = [row.output or {} for row in rows]
    kinds: dict[str, arrow.DeltaType] = {
        "recommendationId": arrow.STRING,
        "recommendedItems": arrow.STRINGS,
        "scores": arrow.DOUBLES,
        "propensities": arrow.DOUBLES,
        "explored": arrow.BOOLEANS,
    }
    return arrow.arrow_table(
        {
            "userId": (arrow.STRING, [_user(row) for row in rows]),
            "input": (arrow.STRING, [orjson.dumps(row.input).decode() for row in rows]),
            **{name: (kind, [output.get(name) for output in outputs]) for name, kind in kinds.items()},
            "error": (arrow.STRING, [row.error for row in rows]),
        }
    )


def _user(row: Row) -> str | None:
    """The user that an answer is for; None for a bad line."""
    return None if row.output is None else str(row.input["userId"])
