from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from newfound.explore.poisson_binomial import leave_one_out, poisson, radices, toss


def brute_force(chances: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """P(0 won), P(1 won), ... by going through all outcomes."""
    found = np.zeros(len(chances) + 1)
    for outcome in product((0, 1), repeat=len(chances)):
        found[sum(outcome)] += np.prod(np.where(outcome, chances, 1 - chances))
    return np.append(found, np.zeros(rows))[:rows]


def nothing_tossed(rows: int, n: int) -> NDArray[np.float32]:
    return np.eye(1, rows, dtype=np.float32).repeat(n, axis=0).T


@given(st.integers(1, 7), st.integers(1, 9), st.integers(0, 1000))
def test_each_toss_is_left_out_in_turn(m: int, rows: int, seed: int) -> None:
    chances = np.random.default_rng(seed).choice([0, 0.001, 0.2, 0.5, 0.9, 1], (m, 3))
    found = leave_one_out(nothing_tossed(rows, 3), chances.astype(np.float32))
    assert found.shape == (m, rows, 3)
    for one, column in product(range(m), range(3)):
        others = np.delete(chances[:, column], one)
        np.testing.assert_allclose(found[one, :, column], brute_force(others, rows), atol=1e-6)


def test_a_crowd_beyond_what_a_float_can_tell_from_none_is_counted() -> None:
    rates = np.array([150.0], np.float32)
    found = poisson(301, rates, np.zeros(1, np.float32))[:, 0]
    assert found.sum() == pytest.approx(1, abs=1e-4)
    assert found @ np.arange(301) == pytest.approx(150, rel=1e-3)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 15, 16, 17, 24, 25, 48, 49, 200])
def test_parts_hold_all_tosses_and_not_many_more(n: int) -> None:
    assert n <= np.prod(radices(n)) <= max(2 * n, 1)


def test_the_tosses_left_out_do_not_change_with_their_number() -> None:
    chances = np.random.default_rng(0).uniform(size=(20, 4)).astype(np.float32)
    for one, without in enumerate(leave_one_out(nothing_tossed(30, 4), chances)):
        others = nothing_tossed(30, 4)
        toss(others, np.delete(chances, one, axis=0))
        np.testing.assert_allclose(without, others, rtol=1e-5, atol=1e-12)


def test_many_seldom_tosses_are_nearly_a_poisson_number() -> None:
    chances = np.linspace(0.001, 0.15, 40, dtype=np.float32)[:, None]
    exact = nothing_tossed(12, 1)
    toss(exact, chances)
    found = poisson(12, chances.sum(axis=0), (chances**2).sum(axis=0))
    assert np.abs(found - exact).max() < 1e-3
