from __future__ import annotations

import numpy as np
import pytest

from newfound.simulation.traffic import Audience, coins, draw_traffic, rounds
from newfound.simulation.world import TIRED, World


def test_the_same_seed_brings_the_same_visits(world: World) -> None:
    one, two = (draw_traffic(world, 24, 5, 3) for _ in range(2))
    assert all((a.user == b.user).all() and (a.time == b.time).all() for a, b in zip(one, two, strict=True))


def test_more_people_come_in_the_evening_than_at_night(world: World) -> None:
    hours = draw_traffic(world, 24 * 20, 50, 0)
    by_hour = np.reshape([len(visits.user) for visits in hours], (20, 24)).mean(axis=0)
    assert by_hour[15] > 2 * by_hour[3]
    assert by_hour.mean() == pytest.approx(50, rel=0.05)


def test_rounds_hold_everyone_once_and_keep_the_order_of_a_user(world: World) -> None:
    [visits] = draw_traffic(world, 1, 40, 1)
    parts = rounds(visits)
    assert sorted(n for part in parts for n in part.number.tolist()) == visits.number.tolist()
    assert all(len(set(part.user.tolist())) == len(part.user) for part in parts)
    for user in range(4):
        times = [time for part in parts for time in part.time[part.user == user].tolist()]
        assert times == sorted(times)


def test_coins_are_uniform_and_belong_to_a_request_and_an_item() -> None:
    grid = coins(np.arange(300)[:, None], np.arange(200)[None, :], 7)
    assert grid.mean() == pytest.approx(0.5, abs=0.01)
    assert np.histogram(grid, 10, (0, 1))[0] / grid.size == pytest.approx(np.full(10, 0.1), abs=0.01)
    assert coins(np.array([5]), np.array([9]), 7)[0] == grid[5, 9]
    assert coins(np.array([5]), np.array([9]), 8)[0] != grid[5, 9]


def test_nobody_clicks_what_they_clicked_before(world: World) -> None:
    audience = Audience(world, 0)
    assert audience.tired_chance(np.array([0]), np.array([0]), world.start) == 0


def test_every_display_tires_and_a_day_forgets_half_of_it(world: World) -> None:
    audience = Audience(world, 0)
    at = np.array([2]), np.array([2])
    audience.displays[2, 2] = 2
    fresh = world.chance(*at, world.start)
    assert audience.tired_chance(*at, world.start) == pytest.approx(fresh * TIRED**2)
    for _ in range(24):
        audience.pass_hour()
    assert audience.tired_chance(*at, world.start) == pytest.approx(fresh * TIRED)


def test_clicks_come_as_often_as_the_truth_says(world: World) -> None:
    clicks = tries = expected = 0.0
    for seed in range(200):
        audience = Audience(world, seed)
        [visits] = draw_traffic(world, 1, 4, seed)
        for part in rounds(visits)[:1]:
            items = np.tile(np.array([2, 3, -1]), (len(part.user), 1))
            chance = audience.tired_chance(part.user[:, None], items[:, :2], world.start)
            expected += float((chance * np.array([1, 2**-0.7])).sum())
            seen = audience.look(part, items, world.start)
            assert not seen[:, 2].any()
            clicks += seen.sum()
            tries += seen[:, :2].size
    assert clicks / tries == pytest.approx(expected / tries, abs=0.04)
