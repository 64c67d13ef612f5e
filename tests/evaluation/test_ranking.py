from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from newfound.evaluation.ranking import Past, rank, top_k

few_values = st.sampled_from([-np.inf, -2.0, 0.0, 1.0, 3.5])
score_tables = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 8), st.integers(1, 20)), elements=few_values
)


@given(score_tables, st.integers(1, 25))
def test_ties_go_to_the_lower_item_and_lists_are_padded(scores: np.ndarray, k: int) -> None:
    for row, ranked in zip(scores, top_k(scores, k), strict=True):
        order = sorted(np.flatnonzero(row > -np.inf), key=lambda item: (-row[item], item))[:k]
        assert ranked.tolist() == [*order, *[-1] * (k - len(order))]


@given(score_tables, st.permutations(range(8)))
def test_the_order_of_users_and_the_batch_do_not_matter(scores: np.ndarray, order: list[int]) -> None:
    mixed = np.array([user for user in order if user < len(scores)])
    assert np.array_equal(top_k(scores, 5)[mixed], top_k(scores[mixed], 5))
    assert np.array_equal(top_k(scores, 5)[:1], top_k(scores[:1], 5))


def test_seen_items_are_left_out_for_their_user_only() -> None:
    past = Past(np.array([2, 0, 1], np.int32), np.array([0, 1, 3]), np.array([1, 3, 3]))
    scores = np.array([[1, 2, 3], [1, 2, 3], [1, 2, 3]], np.float32)
    ranked = rank(lambda users: scores[users], np.array([0, 1, 2]), 3, past)
    assert ranked.tolist() == [[1, 0, -1], [2, -1, -1], [2, 1, 0]]


def test_many_users_are_scored_in_blocks_in_their_order() -> None:
    sizes = []

    def score(users: np.ndarray) -> np.ndarray:
        sizes.append(len(users))
        return (np.arange(300) == users[:, None]).astype(np.float32)

    users = np.arange(299, -1, -1)
    assert rank(score, users, 2)[:, 0].tolist() == users.tolist()
    assert max(sizes) < 300


def test_no_users_give_no_rankings() -> None:
    assert rank(lambda users: np.empty((0, 4), np.float32), np.arange(0), 3).shape == (0, 3)
