"""What is read out of the values of unknown columns."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newfound.schema.builtin import builtin
from newfound.schema.document import Field, SchemaDocument
from newfound.schema.infer import ColumnProfile, infer_document, profile
from newfound.schema.parsing import parse_document
from newfound.schema.rows import check_rows


def infer(dataset: str = "items", **columns: list[object]) -> SchemaDocument:
    series = [pl.Series(name, values, strict=True) for name, values in columns.items()]
    distinct = {column.name: column.drop_nulls().n_unique() for column in series}
    document, notes = infer_document(dataset, {c.name: profile(c) for c in series}, distinct, len(series[0]))
    assert len(notes) == len(series)
    return document


def field(**columns: list[object]) -> Field:
    return infer(**columns).fields[-1]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1995", "-3", None, ""], "long"),
        (["1995", " 3 "], "long"),
        (["1995", "3.5"], "double"),
        (["1995", " 3.5"], "double"),
        (["1e3", ".5"], "double"),
        (["true", "false", None], "boolean"),
        (["007", "8"], "string"),
        (["0", "00"], "string"),
        (["0", " 00"], "string"),
        (["1234567890123456"], "string"),
        (["1.5", "nan"], "string"),
        (["1", "x"], "string"),
        ([None, None], "string"),
        ([1, 2], "long"),
        ([1.5, 2.0], "double"),
        ([True, None], "boolean"),
    ],
)
def test_the_narrowest_type_that_holds_every_value_is_taken(values: list[object], kind: str) -> None:
    assert field(X=values) == Field("X", kind, nullable=True, categorical=field(X=values).categorical)


def test_the_document_is_the_built_in_one_and_what_it_lacks() -> None:
    document = infer(YEAR=["1995"], BRAND=["a"])
    assert document.fields[:-2] == builtin("items").fields
    assert document.names[-2:] == ("YEAR", "BRAND")
    assert parse_document(document.to_dict()) == document


MANY = [f"value {k}" for k in range(51)]


@pytest.mark.parametrize(
    ("name", "values", "categorical"),
    [
        ("BRAND", MANY[:50], True),
        ("BRAND", MANY, False),
        ("BRAND", MANY * 100, True),
        ("BRAND", [*MANY[:50], "a|b"], True),
        ("MY_GENRES", MANY, True),
        ("category", MANY, True),
        ("BRAND", [None] * 3, False),
    ],
    ids=["few", "many", "one per cent", "pipes", "GENRE", "CATEGOR", "none"],
)
def test_a_string_is_categorical_by_its_values_or_its_name(
    name: str, values: list[object], categorical: bool
) -> None:
    assert field(**{name: values}).categorical == categorical


def test_the_longest_prose_of_items_is_textual_and_no_other_column() -> None:
    document = infer(A=["x" * 120, "y" * 120], B=["x" * 300, None], C=["x" * 30])
    assert [f.name for f in document.fields if f.textual] == ["B"]
    assert not infer("users", A=["x" * 300]).fields[-1].textual


def test_names_of_items_are_textual_where_nothing_is_longer() -> None:
    names = [f"Film number {k} (1999)" for k in range(60)]
    assert field(NAME=names).textual
    assert not field(NAME=names[:50]).textual, "so few are categories"
    assert not field(BRAND=[f"The {k} Company" for k in range(60)] * 3).textual, "names of many items each"
    assert not field(CODE=[f"code-{k}" for k in range(60)]).textual
    assert not field(MAIN_CATEGORY=names).textual
    document = infer(NAME=names, ABSTRACT=[f"{name} and what came after" for name in names])
    assert [f.name for f in document.fields if f.textual] == ["ABSTRACT"]


def test_text_too_long_for_a_plain_string_is_textual_even_if_most_is_short() -> None:
    assert field(A=["x" * 1001, *["y"] * 100]).textual


def test_a_reserved_column_gets_its_reserved_type() -> None:
    document = infer("users", CREATION_TIMESTAMP=["5", "6"])
    assert document.fields[-1] == Field("CREATION_TIMESTAMP", "long", nullable=True)
    attributed = infer("interactions", EVENT_ATTRIBUTION_SOURCE=["mail", "mail"])
    assert attributed.fields[-1] == Field("EVENT_ATTRIBUTION_SOURCE", "string", nullable=True)


@settings(deadline=None)
@given(st.lists(st.lists(st.none() | st.text("019.-truefals|é", max_size=5), max_size=4), max_size=4))
def test_profiling_in_pieces_equals_profiling_at_once(pieces: list[list[str | None]]) -> None:
    joined = ColumnProfile()
    for piece in pieces:
        joined = joined.joined(profile(pl.Series(piece, dtype=pl.String)))
    assert joined == profile(pl.Series([value for piece in pieces for value in piece], dtype=pl.String))


@settings(deadline=None)
@given(st.lists(st.none() | st.text("0123456789.-+eEtrufals|nan é", max_size=6), min_size=1, max_size=6))
def test_values_always_fit_the_field_that_is_inferred_from_them(values: list[str | None]) -> None:
    document = infer(X=list(values))
    frame = pl.DataFrame({"ITEM_ID": ["i"] * len(values), "X": pl.Series(values, dtype=pl.String)})
    assert check_rows(frame, document)[1].is_empty()
