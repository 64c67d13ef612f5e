from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.evaluation.metrics import (
    METRIC_NAMES,
    USER_METRICS,
    HeldOut,
    coverage,
    ndcg_at,
    precision_at,
    reciprocal_rank_at,
    relevance,
    user_metrics,
)

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "ranking_metrics.json").read_text(encoding="utf-8")
)
N_ITEMS = 12

HoldOut = Callable[[Sequence[Sequence[int]]], HeldOut]
rankings = st.permutations(range(N_ITEMS)).flatmap(
    lambda order: st.integers(0, N_ITEMS).map(lambda n: [*order[:n], *[-1] * (N_ITEMS - n)])
)
users = st.lists(
    st.tuples(rankings, st.lists(st.integers(0, N_ITEMS - 1), max_size=30)), min_size=1, max_size=6
)
User = tuple[list[int], list[int]]


def measured(people: list[User]) -> np.ndarray:
    lists = [held for _, held in people]
    offsets = np.append(0, np.cumsum([len(held) for held in lists]))
    held = HeldOut(offsets, np.array([item for held in lists for item in held], np.int32))
    return user_metrics(*relevance(np.array([ranked for ranked, _ in people], np.int32), held))


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_hand_computed_values(case: dict[str, Any], hold_out: HoldOut) -> None:
    ranked = np.array(case["ranked"], np.int32)
    values = user_metrics(*relevance(ranked, hold_out(case["held_out"]))).mean(axis=0)
    found = {
        **dict(zip(USER_METRICS, values, strict=True)),
        "coverage": coverage(ranked, np.ones(10, np.bool_)) if "coverage" in case["expected"] else None,
    }
    assert {name: round(found[name], 4) for name in case["expected"]} == case["expected"]


def test_the_names_are_the_documented_ones() -> None:
    assert METRIC_NAMES == (
        "coverage",
        "mean_reciprocal_rank_at_25",
        "normalized_discounted_cumulative_gain_at_5",
        "normalized_discounted_cumulative_gain_at_10",
        "normalized_discounted_cumulative_gain_at_25",
        "precision_at_5",
        "precision_at_10",
        "precision_at_25",
    )


@given(users)
def test_every_metric_lies_between_0_and_1(people: list[User]) -> None:
    values = measured(people)
    assert values.min() >= 0
    assert values.max() <= 1 + 1e-12


@given(users)
def test_a_user_scores_the_same_alone_as_among_others(people: list[User]) -> None:
    alone = np.concatenate([measured([person]) for person in people])
    assert np.array_equal(measured(people), alone)


@given(users, st.randoms(use_true_random=False))
def test_held_out_order_and_repeats_do_not_matter(people: list[User], random: Random) -> None:
    shuffled = [(ranked, random.sample(held * 2, 2 * len(held))) for ranked, held in people]
    assert np.array_equal(measured(people), measured(shuffled))


@given(rankings, st.sets(st.integers(0, N_ITEMS - 1), min_size=1))
def test_the_formulas_hold_item_by_item(ranked: list[int], relevant: set[int]) -> None:
    hits, n_relevant = relevance(
        np.array([ranked], np.int32),
        HeldOut(np.array([0, len(relevant)]), np.array(sorted(relevant), np.int32)),
    )
    ranks = [rank for rank, item in enumerate(ranked, 1) if item in relevant]
    gain = sum(1 / np.log2(1 + rank) for rank in ranks if rank <= 5)
    ideal = sum(1 / np.log2(1 + rank) for rank in range(1, 1 + min(5, len(relevant))))
    assert precision_at(hits, 5)[0] == sum(rank <= 5 for rank in ranks) / 5
    assert reciprocal_rank_at(hits, 25)[0] == (1 / ranks[0] if ranks else 0)
    assert ndcg_at(hits, n_relevant, 5)[0] == pytest.approx(gain / ideal)


def test_ranking_all_held_out_items_first_is_perfect(hold_out: HoldOut) -> None:
    hits, n_relevant = relevance(np.array([[4, 2, 9, 1, 0]], np.int32), hold_out([[2, 4]]))
    assert ndcg_at(hits, n_relevant, 5)[0] == 1
    assert ndcg_at(hits, n_relevant, 25)[0] == 1


def test_nothing_held_out_scores_zero(hold_out: HoldOut) -> None:
    hits, n_relevant = relevance(np.array([[1, 2]], np.int32), hold_out([[]]))
    assert not hits.any()
    assert ndcg_at(hits, n_relevant, 5)[0] == 0


def test_no_items_ranked_at_all_scores_zero(hold_out: HoldOut) -> None:
    hits, n_relevant = relevance(np.empty((2, 0), np.int32), hold_out([[1], [2]]))
    assert user_metrics(hits, n_relevant).tolist() == [[0.0] * len(USER_METRICS)] * 2


def test_coverage_counts_distinct_items_of_the_catalogue() -> None:
    ranked = np.array([[0, 1, -1], [1, 3, 0]], np.int32)
    assert coverage(ranked, np.ones(6, np.bool_)) == 0.5
    assert coverage(ranked, np.array([False, True, True, True, False, False])) == 2 / 3


def test_held_out_items_outside_a_catalogue_are_left_out(hold_out: HoldOut) -> None:
    inside = hold_out([[0, 1], [2], [], [3, 0]]).among(np.array([True, False, False, True]))
    assert inside.offsets.tolist() == [0, 1, 1, 1, 3]
    assert inside.items.tolist() == [0, 3, 0]
