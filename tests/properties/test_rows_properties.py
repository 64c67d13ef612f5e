"""The vectorised checks and the scalar judge give the same verdict on any text and any JSON value."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newfound.schema.document import Field, SchemaDocument
from newfound.schema.rows import check_rows
from newfound.schema.values import RefusedValueError, check_value

FIELDS = (
    Field("ITEM_ID", "string"),
    Field("GENRES", "string", nullable=True, categorical=True),
    Field("TEXT", "string", nullable=True, textual=True),
    Field("TIMESTAMP", "long"),
    Field("YEAR", "int", nullable=True),
    Field("PRICE", "double", nullable=True),
    Field("ADULT", "boolean", nullable=True),
)
NUMERIC_TEXT = st.text("0123456789+-.eE_ infaNxX", max_size=12)
TEXT = (
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
    | NUMERIC_TEXT
    | st.sampled_from(["TIMESTAMP", "true", "false", "True", "x" * 257, "<b>a</b>  &amp; b"])
)
JSON_VALUES = TEXT | st.integers(-(2**70), 2**70) | st.floats() | st.booleans() | st.none()


def scalar_verdict(field: Field, value: object) -> tuple[object, str | None]:
    try:
        return check_value(field, value), None
    except RefusedValueError as error:
        return None, str(error)


def assert_same_verdicts(field: Field, column: pl.Series, values: list[Any]) -> None:
    typed, refused = check_rows(pl.DataFrame({field.name: column}), SchemaDocument("items", (field,)))
    expected = [scalar_verdict(field, value) for value in values]
    assert typed[field.name].to_list() == [value for value, _ in expected]
    reasons = [(index, reason) for index, (_, reason) in enumerate(expected) if reason]
    assert list(refused.select("index", "reason").iter_rows()) == reasons


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
@settings(deadline=None)
@given(values=st.lists(st.none() | TEXT, max_size=6))
@example(["9223372036854775808", "-9223372036854775808", "2147483648", "-0", "+5", "1e400", "5.", ".5e-3"])
@example(["0" * 50 + "7", "1" * 5000, "100000000001", "100000000000", "1e-400", "\u0661", " 5", "5 "])
@example(["1700000000.0", "1.5", "1e9", " 7.0 ", "-0.0", "9007199254740993.0", " 9007199254740993", "5.0.0"])
@example(["", None, "é" * 200, "a|b", "a\tb", "<", "&nbsp;", " "])
def test_a_text_column_is_judged_like_each_of_its_cells(field: Field, values: list[str | None]) -> None:
    assert_same_verdicts(field, pl.Series(values, dtype=pl.String), values)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
@settings(deadline=None)
@given(values=st.lists(JSON_VALUES, max_size=6))
def test_a_column_of_mixed_json_values_is_judged_like_each_of_its_cells(
    field: Field, values: list[Any]
) -> None:
    assert_same_verdicts(field, pl.Series(values, dtype=pl.Object), values)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
@pytest.mark.parametrize(
    ("dtype", "strategy"),
    [
        (pl.Int64, st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5)),
        (pl.UInt64, st.integers(0, 2**64 - 1)),
        (pl.Float64, st.floats() | st.integers(-(2**60), 2**60).map(float)),
        (pl.Boolean, st.booleans()),
    ],
    ids=str,
)
def test_a_typed_column_is_judged_like_each_of_its_cells(
    field: Field, dtype: pl.DataType, strategy: st.SearchStrategy[object]
) -> None:
    @settings(deadline=None)
    @given(values=st.lists(st.none() | strategy, max_size=6))
    def judged_alike(values: list[Any]) -> None:
        assert_same_verdicts(field, pl.Series(values, dtype=dtype), values)

    judged_alike()
