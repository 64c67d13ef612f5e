"""What training and the analysis warn of."""

from __future__ import annotations

import polars as pl
import pytest

from newfound.dataset.cautions import ahead_of_clock, cautions, training_warnings
from newfound.dataset.events import put_events
from newfound.dataset.histories import EventSelection
from newfound.dataset.importing import import_dataset
from newfound.project import Project
from newfound.store.layout import Layout
from newfound.store.tables import Table

from .test_analyze import WriteFile

NOW = 1_700_000_000.0
SCALE = [1.0] * 5 + [2.0] * 5 + [3.0] * 20 + [4.0] * 40 + [5.0] * 30


def found(values: list[float | None], *, latest: int = 5, all_values: bool = True) -> list[str]:
    times = [latest, *range(len(values))][: len(values)]
    rows = pl.LazyFrame(
        {"TIMESTAMP": times, "EVENT_VALUE": values}, schema={"TIMESTAMP": pl.Int64, "EVENT_VALUE": pl.Float64}
    )
    return cautions(rows, NOW, all_values=all_values)


def test_a_rating_scale_with_low_values_is_told_with_the_remedy() -> None:
    [warning] = found(SCALE)
    assert "10% of the values are below 3" in warning
    assert "--event-value-threshold 3`" in warning
    [halves] = found([value / 2 for value in range(1, 11)])
    assert "--event-value-threshold 3`" in halves
    [ten] = found([float(value) for value in range(1, 11)] + [None])
    assert "--event-value-threshold 5.5`" in ten


@pytest.mark.parametrize(
    "values",
    [
        [],
        [None, None],
        [1.0] * 9,
        [0.0, 1.0] * 9,
        [value for value in SCALE if value > 2],
        [1.0, *[4.0] * 30, *[5.0] * 30, 3.0, 2.0],
        [*SCALE, 3.25],
        [*SCALE, 5.5],
        [*SCALE, -1.0],
        [19.99, 5.0, 1.0],
    ],
    ids=str,
)
def test_other_values_are_left_alone(values: list[float | None]) -> None:
    assert found(values) == []


def test_a_threshold_leaves_nothing_to_warn_of() -> None:
    assert found(SCALE, all_values=False) == []


def test_a_time_more_than_a_day_ahead_is_told() -> None:
    assert ahead_of_clock(1_700_086_400, NOW) == []
    [warning] = ahead_of_clock(4_681_000_000, NOW)
    assert "4681000000 (2118-05-03)" in warning
    assert found([None], latest=4_681_000_000) == [warning]


def test_imported_and_streamed_interactions_are_judged_together(
    layout: Layout, write_file: WriteFile
) -> None:
    path = write_file("i.csv", b"USER_ID,ITEM_ID,TIMESTAMP\n1,a,4681000000\n")
    import_dataset(layout, "interactions", [path])
    put_events(
        layout,
        [b'{"userId": "u", "itemId": "a", "eventValue": %.1f}' % value for value in SCALE]
        + [b'{"userId": "u", "impression": ["a"], "eventValue": 7}'],
    )
    states = [Table(layout, name).snapshot() for name in ("interactions", "events")]
    ahead, rated = training_warnings(layout, states[0], states[1], EventSelection())
    assert ("2118" in ahead) and ("rating scale" in rated)
    assert training_warnings(layout, states[0], states[1], EventSelection(None, 3.0)) == [ahead]
    assert training_warnings(layout, Table(layout, "users").snapshot(), states[1], EventSelection()) == [
        rated
    ]


def test_a_full_training_says_what_it_warns_of(project: Project, write_file: WriteFile) -> None:
    path = write_file("late.csv", b"USER_ID,ITEM_ID,TIMESTAMP\nu1,i1,4681000000\n")
    project.import_dataset("interactions", [path], mode="incremental")
    project.create_solution("popular", "popularity-count")
    [warning] = project.train("popular")["warnings"]
    assert "2118" in warning
    assert project.solution("popular@v1")["warnings"] == [warning]
