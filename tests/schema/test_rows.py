"""Whole frames against a document."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest

from newfound.errors import SchemaError
from newfound.schema import rows, rules
from newfound.schema.builtin import builtin
from newfound.schema.document import Field, SchemaDocument
from newfound.schema.rows import check_rows

INTERACTIONS = builtin("interactions")
ITEMS = builtin("items")
CREATED = SchemaDocument(
    "items", (Field("ITEM_ID", "string"), Field("CREATION_TIMESTAMP", "long", nullable=True))
)


def test_text_columns_get_their_types_in_document_order() -> None:
    frame = pl.DataFrame({"TIMESTAMP": ["5"], "EVENT_VALUE": ["4.5"], "ITEM_ID": ["007"], "USER_ID": ["1"]})
    typed, refused = check_rows(frame, INTERACTIONS)
    assert refused.is_empty()
    assert typed.schema == {
        "USER_ID": pl.String,
        "ITEM_ID": pl.String,
        "EVENT_TYPE": pl.String,
        "EVENT_VALUE": pl.Float64,
        "TIMESTAMP": pl.Int64,
        "IMPRESSION": pl.String,
        "RECOMMENDATION_ID": pl.String,
    }
    assert typed.row(0) == ("1", "007", None, 4.5, 5, None, None)


def test_refused_cells_are_told_in_the_order_of_rows_with_their_text() -> None:
    frame = pl.DataFrame(
        {"USER_ID": ["", "u", "u"], "ITEM_ID": ["i", "i", "i"], "TIMESTAMP": ["1", "x" * 200, ""]}
    )
    typed, refused = check_rows(frame, INTERACTIONS)
    assert list(refused.iter_rows()) == [
        (0, "USER_ID", "", rules.MISSING),
        (1, "TIMESTAMP", "x" * 100, rules.NOT_WHOLE),
        (2, "TIMESTAMP", "", rules.MISSING),
    ]
    assert typed["TIMESTAMP"].to_list() == [1, None, None]


def test_an_absent_required_column_refuses_every_row() -> None:
    _, refused = check_rows(pl.DataFrame({"GENRES": ["a", "b"]}), ITEMS)
    assert refused["column"].to_list() == ["ITEM_ID", "ITEM_ID"]


def test_an_empty_frame_keeps_the_columns_of_the_document() -> None:
    typed, refused = check_rows(pl.DataFrame(), ITEMS)
    assert typed.columns == list(ITEMS.names)
    assert typed.height == refused.height == 0


def test_lists_and_dictionaries_of_text_are_text() -> None:
    genres = pl.Series("GENRES", [["Drama", "War"], None])
    typed, _ = check_rows(pl.DataFrame({"ITEM_ID": ["1", "2"]}).with_columns(genres), ITEMS)
    assert typed["GENRES"].to_list() == ["Drama|War", None]
    for kind in (pl.Categorical, pl.Enum(["Drama", "War"])):
        genres = pl.Series("GENRES", ["War", "Drama"], dtype=kind)
        typed, _ = check_rows(pl.DataFrame({"ITEM_ID": ["1", "2"]}).with_columns(genres), ITEMS)
        assert typed["GENRES"].to_list() == ["War", "Drama"]


def test_integer_ids_become_their_exact_text_and_fractions_are_refused() -> None:
    typed, refused = check_rows(pl.DataFrame({"ITEM_ID": [2**63 - 1, 7]}), ITEMS)
    assert typed["ITEM_ID"].to_list() == ["9223372036854775807", "7"]
    _, refused = check_rows(pl.DataFrame({"ITEM_ID": [7.0, 8.5]}), ITEMS)
    assert refused["reason"].to_list() == [rules.NOT_TEXT] * 2


@pytest.mark.parametrize(
    "times",
    [
        pl.Series([1.7e9, None, 1.5]),
        pl.Series(["1700000000.0", None, "1.5"]),
        pl.Series([" 1700000000", None, "1.5"]),
        pl.Series([Decimal("1700000000.0"), None, Decimal("1.5")], dtype=pl.Decimal(12, 1)),
        pl.Series([Decimal(1_700_000_000), None, Decimal(10**30)], dtype=pl.Decimal(38, 0)),
    ],
    ids=lambda times: str(times.dtype),
)
def test_floats_spaced_texts_and_decimals_are_numbers_where_they_are_whole(times: pl.Series) -> None:
    typed, refused = check_rows(pl.DataFrame({"ITEM_ID": list("abc"), "CREATION_TIMESTAMP": times}), CREATED)
    assert typed["CREATION_TIMESTAMP"].to_list() == [1_700_000_000, None, None]
    assert refused["index"].to_list() == [2]


def test_a_column_of_whole_floats_takes_no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(field: Field, raw: object) -> None:
        raise AssertionError(raw)

    monkeypatch.setattr(rows, "check_value", fail)
    for times in ([1.7e9, None], ["1700000000.0", None], [" 1700000000", None]):
        typed, _ = check_rows(pl.DataFrame({"ITEM_ID": ["a", "b"], "CREATION_TIMESTAMP": times}), CREATED)
        assert typed["CREATION_TIMESTAMP"].to_list() == [1_700_000_000, None]


def test_decimals_are_exact_ids_and_prices() -> None:
    ids = pl.Series([Decimal(10**20 + 7)], dtype=pl.Decimal(38, 0))
    prices = pl.Series([Decimal("4.50")], dtype=pl.Decimal(5, 2))
    document = SchemaDocument("items", (Field("ITEM_ID", "string"), Field("PRICE", "double")))
    typed, refused = check_rows(pl.DataFrame({"ITEM_ID": ids, "PRICE": prices}), document)
    assert refused.is_empty()
    assert typed.row(0) == ("100000000000000000007", 4.5)


@pytest.mark.parametrize("values", [[datetime(2024, 1, 1)], [b"x"], [{"a": 1}], [[1]]], ids=str)
def test_a_column_that_no_field_can_hold_is_named(values: list[object]) -> None:
    with pytest.raises(SchemaError, match="column GENRES holds values of type"):
        check_rows(pl.DataFrame({"ITEM_ID": ["1"], "GENRES": values}), ITEMS)


def test_prose_is_cleaned_and_cut_where_labels_would_be_refused() -> None:
    document = SchemaDocument(
        "items", (Field("ITEM_ID", "string"), Field("TEXT", "string", True, textual=True))
    )
    frame = pl.DataFrame({"ITEM_ID": ["1", "2", "3"], "TEXT": ["plain text", "<i>a</i>\n b", "x" * 30_000]})
    typed, refused = check_rows(frame, document)
    assert refused.is_empty()
    assert typed["TEXT"].to_list() == ["plain text", "a b", "x" * 20_000]
