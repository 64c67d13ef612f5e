"""The curve over age: hats between knots, and what of it a whole catalogue pays for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.dataset.age import KNOTS, N_AGES, age_components, weighted_age

ages = st.lists(st.integers(-86_400, 200 * 86_400), min_size=1, max_size=30)


def test_at_a_knot_the_curve_has_the_height_of_that_knot_alone() -> None:
    at = np.array(KNOTS, np.int64)
    curve = age_components(at, np.ones(len(at), np.bool_), np.zeros(len(at), np.float32))[:, :-1]
    assert curve == pytest.approx(np.eye(len(KNOTS))[:, :-1], abs=1e-6)


def test_an_item_that_nobody_dated_has_no_age() -> None:
    parts = age_components(np.array([0, 5]), np.zeros(2, np.bool_), np.zeros(2, np.float32))
    assert not parts.any()


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
