import numpy as np
import pytest

from newfound.explore.prior import LEAST_VARIANCE, learned_variance


def test_what_items_have_beyond_their_metadata_is_found_in_each_direction() -> None:
    rng = np.random.default_rng(0)
    n_users, n_items = 2_000, 300
    tastes = (0.3 * rng.standard_normal((n_users, 2))).astype(np.float32)
    told = np.zeros((n_items, 2), np.float32)
    told[:, 0] = rng.standard_normal(n_items)
    theta = told + np.array([0.1, 0.8]) * rng.standard_normal((n_items, 2))
    odds = np.exp(tastes @ theta.T)
    odds /= odds.sum(axis=1, keepdims=True)
    items = np.concatenate([rng.choice(n_items, 30, p=row) for row in odds]).astype(np.int32)
    found = learned_variance(tastes, np.repeat(np.arange(n_users), 30), items, told)
    assert found[0] == np.float32(LEAST_VARIANCE)
    assert found[1] == pytest.approx(0.64, rel=0.25)


def test_where_no_item_is_known_well_directions_have_the_least_variance() -> None:
    told, one = np.zeros((5, 2), np.float32), np.zeros(1, np.int64)
    least = learned_variance(np.zeros((3, 2), np.float32), one, one.astype(np.int32), told)
    np.testing.assert_array_equal(least, np.float32([LEAST_VARIANCE] * 2))
    assert learned_variance(np.zeros((3, 0), np.float32), one, one.astype(np.int32), told[:, :0]).shape == (
        0,
    )
