from __future__ import annotations

import numpy as np
import pytest

from newfound.model.batches import epoch_batches
from newfound.model.sampling import Sampler

from .builders import random_histories, training_data

COUNTS = np.array([900, 100, 25, 4, 0], np.int64)


def one_batch(n_items: int = 50):  # noqa: ANN201
    data = training_data(random_histories(6, n_items), n_items)
    return next(epoch_batches(data, np.arange(6), 2, 4, np.random.default_rng(0)))


def test_expected_counts_follow_the_square_root_of_popularity_plus_a_floor() -> None:
    sampler, batch = Sampler(COUNTS, 10, 1000), one_batch(5)
    rng = np.random.default_rng(0)
    drawn = np.zeros(5)
    for _ in range(2000):
        _, touched = sampler.touch(batch, rng)
        drawn += np.bincount(touched.negatives, minlength=5) / 2000
        expected = np.exp(touched.log_counts)
    roots = np.array([30.0, 10.0, 5.0, 2.0, 1.0])
    theory = 10 * (0.9 * roots / roots.sum() + 0.1 / 5)
    np.testing.assert_allclose(drawn, theory, rtol=0.1)
    np.testing.assert_allclose(expected, theory[touched.negatives], rtol=1e-5)


def test_full_softmax_takes_every_item_once() -> None:
    _, touched = Sampler(COUNTS, 0, 8).touch(one_batch(5), np.random.default_rng(0))
    assert touched.negatives.tolist() == touched.rows.tolist() == [0, 1, 2, 3, 4]
    assert not touched.log_counts.any()


@pytest.mark.parametrize("n_items", [50, 1000])
def test_touched_rows_are_distinct_and_lead_back_to_the_same_items(n_items: int) -> None:
    batch = one_batch(50)
    sampler = Sampler(np.ones(n_items, np.int64), 7, batch.targets.size)
    local, touched = sampler.touch(batch, np.random.default_rng(0))
    assert sampler.dense == (n_items == sampler.n_rows)
    assert np.unique(touched.rows).size == sampler.n_rows == touched.rows.size
    np.testing.assert_array_equal(touched.rows[local.steps.items], batch.steps.items)
    np.testing.assert_array_equal(touched.rows[local.targets], batch.targets)
    assert (touched.rows[touched.negatives] < n_items).all()
