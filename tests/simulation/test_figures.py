from __future__ import annotations

import numpy as np
import pytest

from newfound.simulation import figures
from newfound.simulation.loop import RunLog
from newfound.simulation.world import World


def log_of(world: World, shown: list[tuple[int, int, list[int], list[int]]]) -> RunLog:
    """Rows of hour, user, items and clicked items."""
    hour, user, items, clicked = zip(*shown, strict=True)
    lists = np.array(items)
    liked = np.array([[item in own for item in row] for row, own in zip(items, clicked, strict=True)])
    return RunLog(np.array(hour), np.array(user), lists, liked, lists >= world.n_old)


def test_good_items_are_those_the_oracle_shows_most(world: World) -> None:
    oracle = log_of(world, [(0, 0, [6, 1], [6]), (13, 1, [7, 6], []), (13, 2, [6, 0], [6])])
    new = figures.judge_new_items(world, oracle, 24)
    assert new.codes.tolist() == [6, 7] and new.came.tolist() == [0, 12]
    assert new.fair.sum(axis=1).tolist() == [3, 1]
    assert new.fair[0].tolist() == [1, 0, 2, 0]
    assert new.worse.tolist() == [False, True]


def test_an_item_is_found_with_its_thirtieth_impression_in_time(world: World) -> None:
    rows = [(h, h % 4, [6, 7], []) for h in range(24) for _ in range(2)]
    oracle = log_of(world, rows)
    new = figures.judge_new_items(world, oracle, 24)
    new = figures.NewItems(new.codes, new.came, np.array([True, True]), new.worse, new.fair)
    found = figures.summarise(world, oracle, oracle, new, 24)
    assert found["foundIn24Hours"] == 1.0  # item 7 came too late to tell
    assert found["foundIn72Hours"] is None
    assert found["t50Hours"] == 6
    few = log_of(world, rows[:29])
    assert figures.summarise(world, few, oracle, new, 24)["foundIn24Hours"] == 0.0


def test_clicks_are_compared_with_the_oracle_and_explored_places_with_the_better_half(world: World) -> None:
    oracle = log_of(world, [(0, 0, [6, 4], [6, 4]), (1, 1, [6, 5], [5, 6])])
    own = log_of(world, [(0, 0, [6, 4], [6]), (1, 1, [7, 5], [])])
    new = figures.judge_new_items(world, oracle, 2)
    found = figures.summarise(world, own, oracle, new, 2)
    assert found["shareOfOracle"] == 0.25
    assert found["regretPerThousandRequests"] == 1_500
    assert found["exploredShare"] == 0.5 and found["exploredOnWorseHalf"] == 0.5
    assert found["coverage"] == 4 / 8


def test_a_lift_counts_the_hours_asked_for(world: World) -> None:
    base = log_of(world, [(0, 0, [4], [4]), (5, 1, [5], [5])])
    own = log_of(world, [(0, 0, [4], [4]), (5, 1, [5], [])])
    assert figures.lift([own], [base], 4, (0, 5))["value"] == 0.0  # type: ignore[index]  # None would fail the test
    assert figures.lift([own], [base], 4, (5, 9))["value"] == -1.0  # type: ignore[index]  # None would fail the test
    assert figures.lift([own], [base], 4, (6, 9)) is None


def test_the_interval_of_several_seeds_is_students() -> None:
    found = figures.mean_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert found["value"] == 3.0
    assert found["high"] - 3.0 == pytest.approx(2.776 * np.sqrt(2.5 / 5))


def test_break_even_is_the_hour_after_the_last_deficit() -> None:
    ones = np.ones(4)
    assert figures.break_even(np.array([0, 1, 2, 1.0]), ones) == 2
    assert figures.break_even(ones, ones) == 0
    assert figures.break_even(np.array([1, 1, 1, 0.0]), ones) is None
