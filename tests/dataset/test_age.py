from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.dataset.age import DAY, HOUR, KNOTS, N_AGES, N_RISES, age_components, weighted_age

ages = st.lists(st.integers(-86_400, 200 * 86_400), min_size=1, max_size=30)
HEIGHTS = np.array([5.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.0])
YOUNG, UNTESTED = 7.0, 2.0
WEIGHTS = np.append(-np.diff(HEIGHTS), [YOUNG, UNTESTED])


def added(ages: list[float], trust: float = 1.0, stated: bool = True) -> np.ndarray:
    n = len(ages)
    parts = age_components(np.array(ages, np.int64), np.full(n, stated), np.full(n, trust, np.float32))
    assert parts.shape == (n, N_AGES)
    return parts @ WEIGHTS


def test_the_curve_goes_through_its_heights_and_is_level_outside() -> None:
    assert added(list(KNOTS)) == pytest.approx(HEIGHTS, abs=1e-5)
    assert added([0, -5 * DAY, 400 * DAY]) == pytest.approx([5, 5, 0], abs=1e-5)


def test_the_curve_is_straight_in_log_age() -> None:
    assert added([np.sqrt(10 * 30) * DAY]) == pytest.approx([0.75], abs=1e-3)


def test_where_only_older_ages_are_known_the_curve_goes_on_level() -> None:
    weights = np.zeros(N_AGES)
    weights[N_RISES - 1] = 2.0
    parts = age_components(
        np.array([0, HOUR, 20 * DAY, 30 * DAY]).astype(np.int64), np.ones(4, bool), np.ones(4, np.float32)
    )
    assert parts @ weights == pytest.approx([2, 2, 2, 2], abs=1e-5)


def test_what_nobody_chose_yet_has_a_level_of_its_own_and_more_while_it_is_new() -> None:
    assert added([0, 7 * DAY, 999 * DAY], trust=0.0) == pytest.approx([9, 2 + 7 / np.e, 2], abs=1e-4)
    assert added([0], trust=0.5) == pytest.approx([5 / 2 + 9 / 2], abs=1e-4)


def test_items_without_a_stated_age_get_nothing() -> None:
    assert not added([0, DAY], stated=False).any()


@given(ages, st.lists(st.floats(-3, 3, width=32), min_size=N_AGES, max_size=N_AGES), st.integers(0, 99))
def test_the_weighted_sum_is_the_product_with_the_components(
    seconds: list[int], weights: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    old = np.array(seconds, np.int64)
    stated, trust = rng.random(len(old)) < 0.7, rng.random(len(old), dtype=np.float32)
    gamma = np.array(weights, np.float32)
    found = weighted_age(old, stated, trust, gamma)
    assert found.dtype == np.float32
    assert found == pytest.approx(age_components(old, stated, trust) @ gamma, abs=1e-4)
