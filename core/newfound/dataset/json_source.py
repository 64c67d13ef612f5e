"""Read JSON Lines files in bounded memory: one flat object a line. A row's number is its line number, from 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from newfound.dataset.batch import Batch, RefusedCell
from newfound.dataset.blocks import MAX_RECORD_BYTES, read_blocks
from newfound.dataset.json_objects import parse_object
from newfound.errors import InputRefusedError
from newfound.schema.rules import NULL_CHARACTER

if TYPE_CHECKING:
    import polars as pl

_MAX_SHOWN = 100


@dataclass(frozen=True, slots=True)
class JsonSource:
    """A JSON Lines file, plain or gzipped."""

    path: str

    def columns(self) -> list[str]:
        """Return every key of the file, in order of appearance."""
        return list(dict.fromkeys(name for batch in self.batches() for name in batch.frame.columns))

    def batches(self) -> Iterator[Batch]:
        """Yield the lines of a block at a time; a column of mixed types holds Python objects."""
        row = 1
        rest = b""
        for block in read_blocks(self.path):
            text, newline, rest = (rest + block).rpartition(b"\n")
            if len(rest) > MAX_RECORD_BYTES:
                raise InputRefusedError(
                    f"{self.path}:{row}: the line is too long", "give JSON Lines", self.path
                )
            if newline:
                lines = text.removeprefix(b"\xef\xbb\xbf").split(b"\n")
                yield _parse(lines, row)
                row += len(lines)


def _parse(lines: list[bytes], first_row: int) -> Batch:
    import polars as pl

    rows: list[int] = []
    records: list[dict[str, Any]] = []
    broken: list[RefusedCell] = []
    for row, line in enumerate(lines, first_row):
        if not line or line.isspace():
            continue
        try:
            records.append(_object(line))
            rows.append(row)
        except InputRefusedError as error:
            broken.append(RefusedCell(row, "", line.decode(errors="replace")[:_MAX_SHOWN], error.message))
    names = dict.fromkeys(chain.from_iterable(records))
    columns = [_column(name, [record.get(name) for record in records]) for name in names]
    return Batch(np.array(rows, np.int64), pl.DataFrame(columns), tuple(broken))


def _object(line: bytes) -> dict[str, Any]:
    """Decode a line; raise InputRefusedError with the bare reason."""
    try:
        record = orjson.loads(line)
        # As many colons as keys: no key occurs twice, and no text has to be looked at.
        if not isinstance(record, dict) or line.count(b":") != len(record):
            record = parse_object(line)
    except (orjson.JSONDecodeError, InputRefusedError):
        raise InputRefusedError("not a valid JSON object") from None
    if b"\\u0000" in line and any("\0" in value for value in record.values() if isinstance(value, str)):
        raise InputRefusedError(NULL_CHARACTER)
    return record


def _column(name: str, values: list[Any]) -> pl.Series:
    import polars as pl

    native = {str: pl.String, int: pl.Int64, float: pl.Float64, bool: pl.Boolean}
    types = set(map(type, values)) - {type(None)}
    if not types:
        return pl.Series(name, values, dtype=pl.Null)
    if len(types) == 1 and (dtype := native.get(types.pop())):
        try:
            return pl.Series(name, values, dtype=dtype)
        except TypeError:
            pass  # integers beyond 64 bits
    return pl.Series(name, values, dtype=pl.Object)
