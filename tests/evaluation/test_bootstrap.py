from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from newfound.evaluation.bootstrap import coverage_interval, interval

tables = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 30), st.integers(1, 3)), elements=st.floats(0, 1, width=32)
)


@given(tables)
def test_the_interval_stays_within_the_values(values: np.ndarray) -> None:
    low, high = interval(values, 0)
    assert (values.min(axis=0) - 1e-9 <= low).all()
    assert (low <= high).all()
    assert (high <= values.max(axis=0) + 1e-9).all()


@given(tables)
def test_the_order_of_users_does_not_matter(values: np.ndarray) -> None:
    shuffled = values[np.random.default_rng(len(values)).permutation(len(values))]
    assert np.array_equal(interval(values, 3), interval(shuffled, 3))


def test_the_width_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(0).random((2000, 2))
    low, high = interval(values, 1)
    assert np.allclose((high - low) / 2, 1.96 * values.std(axis=0) / np.sqrt(2000), rtol=0.1)
    assert (low < values.mean(axis=0)).all()
    assert (values.mean(axis=0) < high).all()


def test_large_samples_are_drawn_in_parts_of_the_same_law() -> None:
    values = np.random.default_rng(0).random((9000, 1))  # more than one block of resamples
    low, high = interval(values, 1)
    assert (high - low)[0] / 2 == pytest.approx(1.96 * values.std() / np.sqrt(9000), rel=0.1)


def test_the_seed_decides() -> None:
    values = np.random.default_rng(0).random((50, 1))
    assert np.array_equal(interval(values, 7), interval(values, 7))
    assert not np.array_equal(interval(values, 7), interval(values, 8))


def test_one_user_has_no_spread() -> None:
    low, high = interval(np.array([[0.25, 1.0]]), 0)
    assert low.tolist() == high.tolist() == [0.25, 1.0]


def test_no_users_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one user"):
        interval(np.empty((0, 3)), 0)


def test_the_interval_of_coverage_matches_repeated_experiments() -> None:
    rng = np.random.default_rng(0)
    catalogue = np.ones(200, np.bool_)
    draws = [rng.geometric(0.02, (100, 5)).clip(max=200).astype(np.int32) - 1 for _ in range(300)]
    spread = np.std([len(np.unique(ranked)) / 200 for ranked in draws])
    widths = [high - low for low, high in (coverage_interval(ranked, catalogue) for ranked in draws)]
    assert 0.8 < np.mean(widths) / (2 * 1.96 * spread) < 1.5


def test_the_interval_of_coverage_holds_the_value_and_ignores_gaps() -> None:
    low, high = coverage_interval(np.array([[0, 1, -1], [1, 2, 3]], np.int32), np.ones(8, np.bool_))
    assert low < 4 / 8 < high
    assert coverage_interval(np.array([[0, 1], [1, 0]], np.int32), np.ones(4, np.bool_)) == (0.5, 0.5)
