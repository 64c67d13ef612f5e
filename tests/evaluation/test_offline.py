from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest

from newfound.dataset import rules
from newfound.evaluation import ranking
from newfound.evaluation.metrics import METRIC_NAMES, HeldOut, ndcg_at, ndcg_by_chance, relevance
from newfound.evaluation.offline import evaluate, evaluate_rankings
from newfound.evaluation.splits import leave_one_out, withhold

HoldOut = Callable[[Sequence[Sequence[int]]], HeldOut]


def known(n: int) -> np.ndarray:
    return np.full(n, 10)


def test_a_report_has_value_and_interval_for_every_metric(hold_out: HoldOut) -> None:
    ranked = np.array([[1, 0], [2, 0], [3, 0]], np.int32)
    report = evaluate_rankings({"model": ranked}, hold_out([[1], [0], [4]]), np.full(5, 9), known(3), 0)
    assert tuple(report["metrics"]) == tuple(report["intervals"]) == METRIC_NAMES
    assert report["metrics"]["mean_reciprocal_rank_at_25"] == pytest.approx(0.5)
    assert report["metrics"]["coverage"] == 0.8
    for name, (low, high) in report["intervals"].items():
        assert low <= report["metrics"][name] <= high


def test_gains_are_taken_user_by_user(hold_out: HoldOut) -> None:
    # The model is one rank ahead for everyone: 1 - 1/2 for each user, so that the interval has no width.
    rankings = {"model": np.array([[1, 0]] * 3, np.int32), "popularity": np.array([[0, 1]] * 3, np.int32)}
    report = evaluate_rankings(rankings, hold_out([[1]] * 3), np.full(2, 9), known(3), 0)
    assert report["gains"]["popularity"]["mean_reciprocal_rank_at_25"] == {
        "value": 0.5,
        "interval": [0.5, 0.5],
    }


def test_slices_by_hand(hold_out: HoldOut) -> None:
    # Item 0 is cold. Users: 4 events before (new), 5 (neither), 50 (long).
    ranked = {"model": np.array([[0, 1, 2, 3], [2, 1, 0, 3], [3, 2, 1, 0]], np.int32)}
    held = hold_out([[0], [1, 0], [3]])
    report = evaluate_rankings(ranked, held, np.array([4, 5, 9, 9]), np.array([4, 5, 50]), 0)
    rank = "mean_reciprocal_rank_at_25"
    parts = {
        name: (part["users"], part["items"], part["metrics"][rank]) for name, part in report["slices"].items()
    }
    assert parts == {
        "cold": (2, 1, pytest.approx((1 + 1 / 3) / 2)),  # users 0 and 1 hold it, at ranks 1 and 3
        "warm": (2, 3, pytest.approx((1 / 2 + 1) / 2)),  # users 1 and 2, at ranks 2 and 1
        "newUsers": (1, 4, 1.0),
        "longHistories": (1, 4, 1.0),
    }
    none = evaluate_rankings(ranked, held, np.full(4, 9), np.full(3, 9), 0)["slices"]
    assert {name for name, part in none.items() if part is None} == {"cold", "newUsers", "longHistories"}


def test_chance_is_what_random_orders_earn_on_average(hold_out: HoldOut) -> None:
    held = hold_out([[0], [1, 2], []])
    # One of 12 items: sum of 10 discounts / 12. Two of 12: twice that, over the best of two ranks.
    gains = sum(1 / math.log2(rank + 1) for rank in range(1, 11)) / 12
    by_hand = (gains + 2 * gains / (1 + 1 / math.log2(3))) / 2
    assert ndcg_by_chance(held, 12, 10) == pytest.approx(by_hand)
    rng = np.random.default_rng(0)
    orders = np.argsort(rng.random((20_000, 12)), axis=1).astype(np.int32)
    many = hold_out([[0]] * 20_000)
    assert ndcg_at(*relevance(orders, many), 10).mean() == pytest.approx(gains, abs=0.01)


def test_ties_go_to_the_first_items_whatever_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    users, n_items = np.arange(10), 40
    scores = np.round(np.random.default_rng(0).random((10, n_items)) * 3).astype(np.float32)  # four values
    expected = [sorted(range(n_items), key=lambda k: (-row[k], k))[:25] for row in scores]
    for size in (1, 3, 64):
        monkeypatch.setattr(ranking, "_BLOCK_USERS", size)
        assert ranking.rank(lambda block: scores[block].copy(), users).tolist() == expected


def test_a_report_does_not_depend_on_the_order_of_users(hold_out: HoldOut) -> None:
    rng = np.random.default_rng(0)
    ranked = np.argsort(rng.random((40, 30)), axis=1)[:, :25].astype(np.int32)
    held = rng.integers(30, size=(40, 3))
    order = rng.permutation(40)
    counts = np.arange(30)
    reports = [
        evaluate_rankings({"model": ranked[users]}, hold_out(held[users].tolist()), counts, known(40), 0)
        for users in (np.arange(40), order)
    ]
    assert reports[0] == reports[1]


def test_a_known_habit_is_found_by_model_and_rules_but_not_by_popularity() -> None:
    n_items, n_users, n_events = 60, 80, 12
    first = np.random.default_rng(0).integers(n_items, size=(n_users, 1))
    items = ((first + np.arange(n_events)) % n_items).astype(np.int32).ravel()  # everyone walks in a circle
    offsets = np.arange(0, items.size + 1, n_events)
    split = leave_one_out(offsets)
    table = rules.build(items, offsets[:-1], split.ends, n_items)

    def successor(users: np.ndarray) -> np.ndarray:
        last = items[split.ends[users] - 1]
        return (np.arange(n_items) == (last[:, None] + 1) % n_items).astype(np.float32)

    report = evaluate(successor, split, items, offsets, table, seed=0, hide_seen=True)
    gains = [report["metrics"], report["baselines"]["sequential_rules"], report["baselines"]["popularity"]]
    model, by_rules, by_count = (row["mean_reciprocal_rank_at_25"] for row in gains)
    assert model == 1
    assert by_rules > 0.9
    assert by_count < 0.3
    assert json.loads(json.dumps(report)) == report


def test_seen_items_take_places_only_when_they_may_return() -> None:
    items = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 3], np.int32)
    offsets = np.array([0, 3, 6, 9, 12])
    split = leave_one_out(offsets)
    table = rules.build(items, offsets[:-1], split.ends, 4)
    reports = [
        evaluate(
            lambda users: np.tile(np.float32([4, 3, 2, 1]), (len(users), 1)),
            split, items, offsets, table, seed=0, hide_seen=hide,
        )["metrics"]["mean_reciprocal_rank_at_25"]
        for hide in (True, False)
    ]  # fmt: skip
    assert reports == pytest.approx([(3 + 1 / 2) / 4, (3 / 3 + 1 / 4) / 4])


def test_no_test_users_are_refused() -> None:
    offsets = np.array([0, 2, 3])
    items = np.array([0, 1, 0], np.int32)
    split = withhold(offsets, np.arange(2, dtype=np.uint64))
    table = rules.build(items, offsets[:-1], split.ends, 2)
    with pytest.raises(ValueError, match="at least one user"):
        evaluate(
            lambda users: np.zeros((len(users), 2), np.float32),
            split,
            items,
            offsets,
            table,
            seed=0,
            hide_seen=True,
        )


def test_intervals_narrow_with_more_users(hold_out: HoldOut) -> None:
    rng = np.random.default_rng(0)
    widths = []
    for n in (50, 500, 5000):
        ranked = np.argsort(rng.random((n, 30)), axis=1)[:, :25].astype(np.int32)
        report = evaluate_rankings(
            {"model": ranked}, hold_out(rng.integers(30, size=(n, 1)).tolist()), np.full(30, 9), known(n), 0
        )
        low, high = report["intervals"]["precision_at_10"]
        widths.append(high - low)
    assert all(narrow < wide for wide, narrow in pairwise(widths))
