from __future__ import annotations

import numpy as np
import polars as pl
from arro3.core import DataType

from newfound.store.arrow import (
    BOOLEAN,
    BOOLEANS,
    DOUBLE,
    DOUBLES,
    LONG,
    STRING,
    STRINGS,
    arrow_schema,
    arrow_table,
    delta_fields,
    empty_table,
    plain_table,
)

COLUMNS = {
    "a": (LONG, [1, None]),
    "b": (DOUBLE, [1.5, None]),
    "c": (BOOLEAN, [True, None]),
    "d": (STRING, ["x", None]),
    "e": (STRINGS, [["x", "y"], None]),
    "f": (DOUBLES, [[], [0.5]]),
    "g": (BOOLEANS, [[True], None]),
}


def test_python_values_come_back_with_their_nulls() -> None:
    table = arrow_table(COLUMNS)
    assert {name: table[name].to_pylist() for name in table.column_names} == {
        name: values for name, (_, values) in COLUMNS.items()
    }


def test_numpy_values_are_taken_as_they_are() -> None:
    assert arrow_table({"a": (LONG, np.array([3, 4]))})["a"].to_pylist() == [3, 4]


def test_lists_may_be_arrays_and_plain_lists_side_by_side() -> None:
    floats = np.array([0.5, 1.5], np.float32)
    for rows in ([floats, np.zeros(0, np.float32)], [floats, [None, 2.0], None, []]):
        column = arrow_table({"X": (DOUBLES, rows)})["X"]
        assert column.to_pylist() == [None if row is None else list(row) for row in rows]
    flags = [np.array([True, False]), [None]]
    assert arrow_table({"X": (BOOLEANS, flags)})["X"].to_pylist() == [[True, False], [None]]


def test_a_schema_survives_the_terms_of_the_delta_protocol() -> None:
    schema = arrow_table(COLUMNS).schema
    assert arrow_schema(delta_fields(schema)) == schema


def test_what_polars_exports_becomes_types_that_every_engine_reads() -> None:
    frame = pl.DataFrame(
        {
            "text": ["x", None],
            "category": pl.Series(["x", "y"], dtype=pl.Categorical),
            "list": [["x"], []],
            "narrow": pl.Series([1, 2], dtype=pl.Int8),
            "unsigned": pl.Series([1, 2], dtype=pl.UInt32),
            "single": pl.Series([0.5, None], dtype=pl.Float32),
            "flag": [True, None],
        }
    )
    plain = plain_table(frame)
    strings = plain.schema.field("list").type.value_type
    kinds = [field.type for field in plain.schema if field.name != "list"]
    text, whole, real = DataType.utf8(), DataType.int64(), DataType.float64()
    assert kinds == [text, text, whole, whole, real, DataType.bool()]
    assert strings == text
    assert pl.DataFrame(plain).to_dicts() == frame.to_dicts()


def test_columns_of_an_empty_table_become_empty_arrays() -> None:
    empty = empty_table(arrow_table(COLUMNS).schema)
    assert empty.num_rows == 0
    assert empty["a"].to_numpy().size == 0
    assert empty["e"].to_pylist() == []
