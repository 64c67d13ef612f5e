"""Figures of single columns."""

from __future__ import annotations

import polars as pl

from newfound.dataset.column_figures import ColumnFigures, column_figures
from newfound.schema.document import Field


def figures(field: Field, values: list[object]) -> ColumnFigures:
    return column_figures(pl.LazyFrame({field.name: values}, strict=True), field)


def test_numbers_have_a_range_and_a_mean() -> None:
    price = Field("PRICE", "double")
    assert figures(price, [1.0, 3.0, None, 3.0]) == ColumnFigures(price, 0.75, 2, 1.0, 3.0, 7 / 3, 0.0)


def test_far_outliers_lie_three_interquartile_ranges_outside_the_quartiles() -> None:
    year = Field("YEAR", "long")
    assert figures(year, [*range(98), 10_000, -10_000]).outliers == 0.02
    assert figures(year, [5] * 99 + [6]).outliers == 0.0


def test_times_have_no_outliers() -> None:
    assert figures(Field("TIMESTAMP", "long"), [*range(99), 10_000_000]).outliers == 0.0


def test_categories_are_counted_one_by_one() -> None:
    genres = Field("GENRES", "string", nullable=True, categorical=True)
    assert figures(genres, ["a|b", "b|c", None, "a"]) == ColumnFigures(genres, 0.75, 3)
    assert figures(Field("TITLE", "string"), ["a|b", "b|c", "a|b"]).distinct == 2


def test_truth_values_are_counted() -> None:
    assert figures(Field("ADULT", "boolean"), [True, None, True]).distinct == 1


def test_of_no_rows_nothing_is_complete() -> None:
    empty = pl.LazyFrame(schema={"PRICE": pl.Float64})
    assert column_figures(empty, Field("PRICE", "double")).complete == 0.0


def test_the_printed_form_names_the_use_of_a_text() -> None:
    text = ColumnFigures(Field("TEXT", "string", textual=True), 1 / 3, 2)
    assert text.to_dict() == {
        "column": "TEXT",
        "type": "textual",
        "complete": 0.3333,
        "distinct": 2,
        "min": None,
        "max": None,
        "mean": None,
    }
