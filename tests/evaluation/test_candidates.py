from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.evaluation.candidates import draw


def mass(scores: np.ndarray, codes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    return np.exp(np.take_along_axis(scores, codes, axis=1) + offsets).sum(axis=1)


@given(st.integers(0, 100), st.integers(0, 39), st.integers(0, 9))
def test_live_candidates_are_the_target_the_head_and_others(n_head: int, n_tail: int, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(3, 40)).astype(np.float32)
    scores[:, 7] = -np.inf
    targets = np.array([0, 39, 5])
    drawn = draw(scores, targets, n_head, n_tail, seed)
    assert drawn.codes[:, 0].tolist() == targets.tolist()
    assert (drawn.offsets[:, 0] == 0).all()
    for row, codes, offsets, target in zip(scores, drawn.codes, drawn.offsets, targets, strict=True):
        head = codes[1:][offsets[1:] == 0]
        best = [item for item in np.argsort(-row) if item not in (target, 7)][:n_head]
        assert sorted(head) == sorted(best)
        tail = codes[1:][offsets[1:] != 0]
        live = codes[1:][offsets[1:] > -np.inf]
        assert 7 not in live
        assert target not in live
        assert not set(head) & set(tail[offsets[1:][offsets[1:] != 0] > -np.inf])


def test_a_head_as_large_as_the_catalogue_is_exact() -> None:
    scores = np.random.default_rng(0).normal(size=(4, 30))
    drawn = draw(scores, np.arange(4), 29, 10, 0)
    assert mass(scores, drawn.codes, drawn.offsets) == pytest.approx(np.exp(scores).sum(axis=1))


def test_a_sample_estimates_the_sum_over_the_catalogue() -> None:
    scores = np.repeat(np.random.default_rng(0).normal(size=(1, 500)), 2000, axis=0)
    drawn = draw(scores, np.full(2000, 3), 20, 30, 1)
    estimates = mass(scores, drawn.codes, drawn.offsets)
    assert estimates.mean() == pytest.approx(np.exp(scores[0]).sum(), abs=4 * estimates.std() / np.sqrt(2000))


def test_a_target_that_cannot_be_recommended_is_still_the_target() -> None:
    drawn = draw(np.array([[-np.inf, 1.0, -np.inf]]), np.array([0]), 2, 0, 0)
    assert drawn.codes[0, 0] == 0
    assert drawn.offsets[0, 0] == 0
    assert drawn.codes[0, drawn.offsets[0] == 0].tolist() == [0, 1]


def test_the_seed_decides() -> None:
    scores = np.zeros((2, 1000))
    one, two, other = (draw(scores, np.array([0, 1]), 3, 20, seed) for seed in (5, 5, 6))
    assert np.array_equal(one.codes, two.codes)
    assert not np.array_equal(one.codes, other.codes)


def test_a_catalogue_of_one_item_has_no_rivals() -> None:
    drawn = draw(np.zeros((1, 1)), np.array([0]), 5, 5, 0)
    assert np.isfinite(drawn.offsets[0]).sum() == 1
