from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.simulation.presets import PRESETS, synthetic_world
from newfound.simulation.world import EVERGREEN, LIKED, N_BEST, World, fading, fit_level, sigmoid


def test_appeal_fades_by_half_lives_down_to_what_never_fades() -> None:
    day = 86_400
    left = np.exp(fading(np.array([0, day, 2 * day]), 2 * day, half_life_days=1.0))
    assert left == pytest.approx([EVERGREEN + (1 - EVERGREEN) / 4, EVERGREEN + (1 - EVERGREEN) / 2, 1.0])


def test_nothing_fades_without_a_half_life() -> None:
    assert not fading(np.array([0, 10**9]), 2 * 10**9, np.inf).any()


def test_the_chance_of_a_click_is_the_sigmoid_of_level_taste_and_appeal(world: World) -> None:
    new = world.chance(np.array([2]), np.array([6]), world.start)
    assert new == pytest.approx(1 / (1 + np.exp(-(3.0 - 1.0))))


def test_items_exist_from_their_creation_on(world: World) -> None:
    assert world.n_old == 6
    assert world.known(world.start) == 7
    assert world.known(world.start + 86_400) == 8


@given(st.integers(0, 2**32 - 1))
def test_the_level_makes_the_best_items_as_liked_as_stated(seed: int) -> None:
    log_odds = np.random.default_rng(seed).normal(0, 2, (20, 40)).astype(np.float32)
    best = np.sort(log_odds, axis=1)[:, -N_BEST:]
    assert sigmoid(best + np.float32(fit_level(log_odds))).mean() == pytest.approx(LIKED, rel=1e-3)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_draws_the_same_world_from_the_same_seed(name: str) -> None:
    one, two = (synthetic_world(name, 1, 100, 5) for _ in range(2))
    assert (one.taste == two.taste).all()
    assert all((a == b).all() for a, b in zip(one.history, two.history, strict=True))


@pytest.mark.parametrize("name", PRESETS)
def test_the_past_holds_each_item_of_a_user_once_and_none_before_it_existed(name: str) -> None:
    world = synthetic_world(name, 1, 100, 0)
    users, items, times = world.history
    assert len({*zip(users.tolist(), items.tolist(), strict=True)}) == len(users)
    assert (world.created[items] <= times).all() and (times < world.start).all()
    assert (np.diff(times) >= 0).all() and (np.diff(world.created) >= 0).all()
