from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from newfound.model.network import Params, init
from newfound.model.tower import build_catalogue
from newfound.model.validation import validation_ndcg

from .builders import training_data

pytestmark = pytest.mark.usefixtures("no_silent_conversion")

ITEMS = build_catalogue(None, np.ones(5, np.int64), 5, np.random.default_rng(0)).everything()


def ranking_by_bias(bias: list[float]) -> Params:
    params = init(np.random.default_rng(0), 32, len(bias), 2, 0)
    return params | {"ids": {"vectors": jnp.zeros((len(bias), 32)), "bias": jnp.array(bias)}}


@pytest.mark.parametrize(
    ("target", "exclude_seen", "expected"),
    [
        (4, True, 1.0),  # the first
        (3, True, 1 / np.log2(3)),  # the second
        (0, True, 1 / np.log2(4)),  # items 1 and 2 are seen: the third
        (0, False, 1 / np.log2(6)),
        (2, True, 1 / np.log2(4)),  # seen itself, still ranked
    ],
)
def test_ndcg_is_that_of_the_target_rank(target: int, exclude_seen: bool, expected: float) -> None:
    data = training_data([[1, 2, target]], 5, hidden=[1], validate=True, exclude_seen=exclude_seen)
    params = ranking_by_bias([1.0, 2.0, 3.0, 4.0, 5.0])
    assert validation_ndcg(params, ITEMS, data) == pytest.approx(expected)


def test_ties_are_broken_by_item_order() -> None:
    data = training_data([[0, 3]], 5, hidden=[1], validate=True)
    params = ranking_by_bias([1.0] * 5)
    ndcg = validation_ndcg(params, ITEMS, data)
    assert ndcg == pytest.approx(1 / np.log2(4))


def test_a_target_below_the_tenth_place_gains_nothing() -> None:
    data = training_data([[0, 19]], 20, hidden=[1], validate=True)
    params = ranking_by_bias([20.0 - k for k in range(20)])
    twenty = build_catalogue(None, np.ones(20, np.int64), 5, np.random.default_rng(0)).everything()
    assert validation_ndcg(params, twenty, data) == 0


def test_users_without_visible_events_are_left_out() -> None:
    data = training_data([[3], [1, 4]], 5, hidden=[1, 1], validate=True)
    params = ranking_by_bias([1.0, 2.0, 3.0, 4.0, 5.0])
    assert validation_ndcg(params, ITEMS, data) == 1.0
    nobody = training_data([[3]], 5, hidden=[1], validate=True)
    assert validation_ndcg(params, ITEMS, nobody) is None
