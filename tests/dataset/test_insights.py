"""Each rule of the analysis, just met and just broken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newfound.dataset.column_figures import ColumnFigures
from newfound.dataset.insights import (
    InteractionFacts,
    catalogue_insights,
    column_insights,
    interaction_insights,
)
from newfound.schema.document import Field

GOOD = InteractionFacts(interactions=1000, users=2500, returning=25, event_types=10, moments=2)


def test_enough_data_calls_for_no_remark() -> None:
    assert interaction_insights(GOOD) == []


@pytest.mark.parametrize(
    ("change", "level", "message"),
    [
        ({"interactions": 999}, "error", "999 interactions, training needs 1 more"),
        (
            {"returning": 24, "users": 24},
            "error",
            "24 users with at least 2 interactions each, training needs 1 more",
        ),
        ({"users": 2501}, "warning", "only 1.0% of the users have at least 2 interactions"),
        ({"event_types": 11}, "error", "11 event types, training takes at most 10"),
        ({"moments": 1}, "warning", "all interactions have the same TIMESTAMP: their order is unknown"),
    ],
)
def test_each_shortage_is_told(change: dict[str, int], level: str, message: str) -> None:
    [insight] = interaction_insights(replace(GOOD, **change))
    assert (insight.level, insight.message) == (level, message)


def test_ids_that_do_not_match_are_told() -> None:
    assert catalogue_insights("items", 100, 0, 0) == catalogue_insights("users", 0, 0, 50) == []
    unused, unknown = catalogue_insights("items", 100, 40, 3)
    assert unused.message == "40% of the items have no interactions: do the ids match?"
    assert (unknown.level, unknown.message) == ("info", "3 items of the interactions have no record")


PLAIN, TEXT = Field("A", "string"), Field("T", "string", textual=True)
CATEGORIES, NUMBER = Field("G", "string", categorical=True), Field("N", "double")


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        (ColumnFigures(PLAIN, 0.70, 5), None),
        (ColumnFigures(PLAIN, 0.69, 5), "items.A is 69% complete"),
        (ColumnFigures(Field("IMPRESSION", "string"), 0.01, 5), None),
        (ColumnFigures(TEXT, 0.85, 5), None),
        (ColumnFigures(TEXT, 0.84, 5), "items.T is 84% complete: too little text to train on"),
        (ColumnFigures(CATEGORIES, 1.0, 30), None),
        (ColumnFigures(CATEGORIES, 1.0, 31), "items.G has 31 categories, more than 30 are hard to learn"),
        (ColumnFigures(NUMBER, 1.0, 99, outliers=0.01), None),
        (ColumnFigures(NUMBER, 1.0, 99, outliers=0.02), "items.N has 2.0% far outliers"),
    ],
)
def test_each_weakness_of_a_column_is_told(figures: ColumnFigures, message: str | None) -> None:
    assert [insight.message for insight in column_insights("items", [figures], 0)] == (
        [message] if message else []
    )


def test_rows_with_missing_values_are_told() -> None:
    [insight] = column_insights("users", [], 1200)
    assert (insight.level, insight.message) == ("info", "rows of users with missing values: 1,200")
