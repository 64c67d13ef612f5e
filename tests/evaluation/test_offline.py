from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest

from newfound.dataset import rules
from newfound.evaluation.metrics import METRIC_NAMES, HeldOut
from newfound.evaluation.offline import evaluate, evaluate_rankings, summarise
from newfound.evaluation.splits import leave_one_out, withhold

HoldOut = Callable[[Sequence[Sequence[int]]], HeldOut]


def test_a_summary_has_value_and_interval_for_every_metric(hold_out: HoldOut) -> None:
    ranked = np.array([[1, 0], [2, 0], [3, 0]], np.int32)
    summary = summarise(ranked, hold_out([[1], [0], [4]]), np.ones(5, np.bool_), 0)
    assert tuple(summary) == METRIC_NAMES
    assert summary["mean_reciprocal_rank_at_25"]["value"] == pytest.approx(0.5)
    assert summary["coverage"]["value"] == 0.8
    assert all(row["low"] <= row["value"] <= row["high"] for row in summary.values())


def test_a_report_does_not_depend_on_the_order_of_users(hold_out: HoldOut) -> None:
    rng = np.random.default_rng(0)
    ranked = np.argsort(rng.random((40, 30)), axis=1)[:, :25].astype(np.int32)
    held = rng.integers(30, size=(40, 3))
    order = rng.permutation(40)
    counts = np.arange(30)
    reports = [
        evaluate_rankings({"model": ranked[users]}, hold_out(held[users].tolist()), counts, 0)
        for users in (np.arange(40), order)
    ]
    assert reports[0] == reports[1]


def test_the_cold_slice_judges_only_rare_items(hold_out: HoldOut) -> None:
    ranked = {"model": np.array([[1, 0], [0, 1], [0, 2]], np.int32)}
    held = hold_out([[0, 1], [0], [2]])
    report = evaluate_rankings(ranked, held, np.array([100, 4, 0, 5]), seed=0)
    assert report["users"] == 3
    assert report["cold"]["users"] == 2
    assert report["cold"]["items"] == 2
    assert report["cold"]["metrics"]["mean_reciprocal_rank_at_25"] == pytest.approx((1 + 1 / 2) / 2)
    assert report["cold"]["metrics"]["coverage"] == 1
    assert evaluate_rankings(ranked, held, np.full(4, 5), seed=0)["cold"] is None


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
    split = withhold(offsets, 0)
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
            {"model": ranked}, hold_out(rng.integers(30, size=(n, 1)).tolist()), np.full(30, 9), 0
        )
        low, high = report["intervals"]["precision_at_10"]
        widths.append(high - low)
    assert all(narrow < wide for wide, narrow in pairwise(widths))
