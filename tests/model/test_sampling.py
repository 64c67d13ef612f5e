from __future__ import annotations

import numpy as np
import pytest

from newfound.model.batches import Batch, epoch_batches
from newfound.model.sampling import Sampler
from newfound.model.tower import build_catalogue

from .builders import random_histories, training_data

COUNTS = np.array([900, 100, 25, 4, 0], np.int64)


def sampler_of(counts: np.ndarray, n_negatives: int, slots: int) -> Sampler:
    return Sampler(build_catalogue(None, counts, 5, np.random.default_rng(0)), counts, n_negatives, slots)


def one_batch(n_items: int) -> Batch:
    data = training_data(random_histories(6, n_items), n_items)
    return next(epoch_batches(data, np.arange(6), 2, 4, np.random.default_rng(0)))


def test_expected_counts_follow_the_square_root_of_popularity_plus_a_floor() -> None:
    sampler, batch, rng = sampler_of(COUNTS, 10, 1000), one_batch(5), np.random.default_rng(0)
    drawn = np.zeros(5)
    for _ in range(2000):
        update = sampler.touch(batch, rng)
        drawn += np.bincount(update.negatives, minlength=5) / 2000
    roots = np.array([30.0, 10.0, 5.0, 2.0, 1.0])
    expected = 10 * (0.9 * roots / roots.sum() + 0.1 / 5)
    np.testing.assert_allclose(drawn, expected, rtol=0.1)
    np.testing.assert_allclose(np.exp(update.log_counts), expected[update.negatives], rtol=1e-5)


def test_full_softmax_takes_every_item_once() -> None:
    update = sampler_of(COUNTS, 0, 8).touch(one_batch(5), np.random.default_rng(0))
    assert update.negatives.tolist() == update.items.rows.tolist() == [0, 1, 2, 3, 4]
    assert not update.log_counts.any()


@pytest.mark.parametrize(("n_items", "dense"), [(20, True), (1000, False)])
def test_touched_items_are_distinct_and_lead_back_to_those_of_the_batch(n_items: int, dense: bool) -> None:
    batch = one_batch(20)
    sampler = sampler_of(np.ones(n_items, np.int64), 7, batch.targets.size)
    update = sampler.touch(batch, np.random.default_rng(0))
    rows = update.items.rows
    assert sampler.dense == dense
    assert np.unique(rows).size == rows.size
    np.testing.assert_array_equal(rows[update.steps.items], batch.steps.items)
    np.testing.assert_array_equal(rows[update.targets], batch.targets)
    assert (rows[update.negatives] < n_items).all()
