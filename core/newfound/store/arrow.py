"""Arrow types as the tables store them: int64, float64, bool, utf8, and lists of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Protocol, TypeAlias

import numpy as np
from arro3.core import Array, DataType, Field, Schema, Table, list_array
from numpy.typing import NDArray

DeltaType: TypeAlias = "str | dict[str, Any]"
Values: TypeAlias = "Sequence[Any] | NDArray[Any]"

LONG, DOUBLE, BOOLEAN, STRING = "long", "double", "boolean", "string"
STRINGS: DeltaType = {"type": "array", "elementType": STRING, "containsNull": True}
DOUBLES: DeltaType = {"type": "array", "elementType": DOUBLE, "containsNull": True}
BOOLEANS: DeltaType = {"type": "array", "elementType": BOOLEAN, "containsNull": True}

_ARROW = {
    LONG: DataType.int64(),
    DOUBLE: DataType.float64(),
    BOOLEAN: DataType.bool(),
    STRING: DataType.utf8(),
}
_DELTA = {arrow: delta for delta, arrow in _ARROW.items()}


class ArrowStream(Protocol):
    """Any table that exports Arrow: of arro3, polars, pyarrow, nanoarrow."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the table as a stream of Arrow arrays."""


def arrow_table(columns: Mapping[str, tuple[DeltaType, Values]]) -> Table:
    """Build a table from Python values, None for null: `{"NAME": (STRING, ["a"]), "AGE": (LONG, [None])}`."""
    arrays = [_array(kind, values) for kind, values in columns.values()]
    fields = [Field(name, _arrow_type(kind)) for name, (kind, _) in columns.items()]
    return Table.from_arrays(arrays, schema=Schema(fields))


def _array(kind: DeltaType, values: Values) -> Array:
    if not isinstance(kind, dict):
        # A numpy array keeps its type, whatever is asked for.
        return Array(values, _ARROW[kind]).cast(_ARROW[kind])
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([0 if value is None else len(value) for value in values], out=offsets[1:])
    nulls = Array([value is None for value in values], _ARROW[BOOLEAN])
    flat = _array(kind["elementType"], _flat([value for value in values if value is not None]))
    return list_array(Array(offsets), flat, type=_arrow_type(kind), mask=nulls)


def _flat(lists: Sequence[Values]) -> Values:
    if lists and all(isinstance(part, np.ndarray) for part in lists):
        return np.concatenate(lists)
    return list(chain.from_iterable(p.tolist() if isinstance(p, np.ndarray) else p for p in lists))


def empty_table(schema: Schema) -> Table:
    """Return a table without rows that has one batch: without any, no column can become a numpy array."""
    return Table.from_arrays([_array(_delta_type(field.type), []) for field in schema], schema=schema)


def plain_table(data: ArrowStream) -> Table:
    """Cast string views, dictionaries, narrow numbers and large lists to types that every engine reads."""
    table = Table(data)
    fields = [Field(field.name, _plain_type(field.type)) for field in table.schema]
    columns = [table[field.name].cast(field.type) for field in fields]
    return Table.from_arrays(columns, schema=Schema(fields))


def _plain_type(arrow: DataType) -> DataType:
    if DataType.is_list(arrow) or DataType.is_large_list(arrow):
        return DataType.list(Field("element", _plain_type(arrow.value_type)))
    if DataType.is_dictionary(arrow) or DataType.is_string_view(arrow) or DataType.is_large_string(arrow):
        return _ARROW[STRING]
    if DataType.is_integer(arrow):
        return _ARROW[LONG]
    if DataType.is_floating(arrow):
        return _ARROW[DOUBLE]
    return arrow


def delta_fields(schema: Schema) -> list[dict[str, Any]]:
    """Describe a plain schema in the terms of the Delta protocol; every column is nullable."""
    return [
        {"name": field.name, "type": _delta_type(field.type), "nullable": True, "metadata": {}}
        for field in schema
    ]


def _delta_type(arrow: DataType) -> DeltaType:
    if DataType.is_list(arrow):
        return {"type": "array", "elementType": _delta_type(arrow.value_type), "containsNull": True}
    return _DELTA[arrow]


def arrow_schema(fields: list[dict[str, Any]]) -> Schema:
    """Return the Arrow schema that `delta_fields` described."""
    return Schema([Field(field["name"], _arrow_type(field["type"])) for field in fields])


def _arrow_type(delta: DeltaType) -> DataType:
    if isinstance(delta, dict):
        return DataType.list(Field("element", _arrow_type(delta["elementType"])))
    return _ARROW[delta]
