from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newfound.dataset import rule_counts
from newfound.dataset.rules import RulesTable, build, recent, scores, updated

N_ITEMS = 9
histories = st.lists(st.lists(st.integers(0, N_ITEMS - 1), max_size=50), max_size=6)
History = list[list[int]]


def flat(people: History) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bounds = np.append(0, np.cumsum([len(items) for items in people])).astype(np.int64)
    items = np.array([item for items in people for item in items], np.int32)
    return items, bounds[:-1], bounds[1:]


def counted(people: History) -> np.ndarray:
    """T by the definition, one pair at a time."""
    T = np.zeros((N_ITEMS, N_ITEMS))
    for items in people:
        for t, target in enumerate(items):
            for lag in range(1, min(t, 20) + 1):
                T[items[t - lag], target] += 1 / lag
    return T


def dense(table: RulesTable) -> np.ndarray:
    n_items = len(table.counts)
    T = np.zeros((n_items, n_items))
    T[np.repeat(np.arange(n_items), np.diff(table.offsets)), table.items] = table.values
    return T


@given(histories)
def test_counts_follow_the_definition(people: History) -> None:
    table = build(*flat(people), N_ITEMS)
    assert dense(table) == pytest.approx(counted(people), rel=1e-5)
    assert table.counts.tolist() == [sum(items.count(item) for items in people) for item in range(N_ITEMS)]


@given(histories)
def test_rows_are_in_item_order_and_hold_no_zeros(people: History) -> None:
    table = build(*flat(people), N_ITEMS)
    keys = np.repeat(np.arange(N_ITEMS), np.diff(table.offsets)) * N_ITEMS + table.items
    assert (np.diff(keys) > 0).all()
    assert (table.values > 0).all()
    assert (table.items.dtype, table.values.dtype, table.offsets[-1]) == (np.int32, np.float32, len(keys))


@given(histories, st.data())
def test_adding_new_events_equals_counting_again(people: History, data: st.DataObject) -> None:
    kept = [data.draw(st.integers(0, len(items))) for items in people]
    first = build(*flat([items[:n] for items, n in zip(people, kept, strict=True)]), N_ITEMS)
    tails = [items[max(0, n - 20) :] for items, n in zip(people, kept, strict=True)]
    items, starts, stops = flat(tails)
    fresh = starts + np.minimum(np.array(kept, np.int64), 20)
    grown = updated(first, items, starts, fresh, stops, N_ITEMS)
    whole = build(*flat(people), N_ITEMS)
    assert np.array_equal(grown.counts, whole.counts)
    assert dense(grown) == pytest.approx(dense(whole), rel=1e-5)


@given(histories)
def test_longer_pasts_than_needed_change_nothing(people: History) -> None:
    items, starts, stops = flat(people)
    fresh = np.maximum(starts, stops - 3)
    before = build(items, starts, fresh, N_ITEMS)
    assert dense(updated(before, items, starts, fresh, stops, N_ITEMS)) == pytest.approx(
        counted(people), rel=1e-5
    )


@settings(deadline=None)
@given(histories)
def test_scores_follow_the_definition(people: History) -> None:
    table = build(*flat(people), N_ITEMS)
    scale = (table.counts[:, None] + 20) * (table.counts + 20) ** 0.2
    Tn = counted(people) / scale
    expected = [
        sum((0.8**j * Tn[item] for j, item in enumerate(items[::-1][:20])), np.zeros(N_ITEMS))
        for items in people
    ]
    found = scores(table, *flat(people))
    assert found.shape == (len(people), N_ITEMS)
    assert found == pytest.approx(np.array(expected).reshape(found.shape), rel=1e-4)


def test_a_user_scores_the_same_alone_as_among_many() -> None:
    rng = np.random.default_rng(0)
    items, starts, stops = flat([rng.integers(40, size=rng.integers(30)).tolist() for _ in range(150)])
    table = build(items, starts, stops, 40)
    together = scores(table, items, starts, stops)
    assert np.array_equal(together[140:141], scores(table, items, starts[140:141], stops[140:141]))
    assert not together[stops == starts].any()


def test_recent_events_weigh_less_the_longer_ago_and_twenty_of_them_count() -> None:
    items = np.array([7, 8, 7, *range(30)], np.int32)
    users, found, weights = recent(items, np.array([0, 3, 3]), np.array([3, 33, 3]))
    assert users.tolist() == [0] * 3 + [1] * 20
    assert found.tolist() == [7, 8, 7, *range(10, 30)]
    assert weights == pytest.approx([0.64, 0.8, 1.0, *(0.8**age for age in range(19, -1, -1))], rel=1e-5)


def test_new_items_extend_the_table() -> None:
    old = build(np.array([0, 1], np.int32), np.array([0]), np.array([2]), 2)
    grown = updated(old, np.array([0, 1, 4], np.int32), np.array([0]), np.array([2]), np.array([3]), 5)
    assert grown.counts.tolist() == [1, 1, 0, 0, 1]
    assert dense(grown)[:2, 4].tolist() == [0.5, 1.0]
    assert old.counts.tolist() == [1, 1]


def test_an_update_leaves_the_old_table_alone() -> None:
    old = build(np.array([0, 1, 0, 1], np.int32), np.array([0]), np.array([4]), 2)
    values = old.values.copy()
    updated(old, np.array([0, 1], np.int32), np.array([0]), np.array([0]), np.array([2]), 2)
    assert np.array_equal(old.values, values)


def test_a_row_keeps_its_largest_entries_and_the_lower_items_among_equals() -> None:
    follows = [*range(600, 0, -1), 599, 300]  # after item 0: items 300 and 599 twice, the others once
    items = np.array([[0, item] for item in follows], np.int32).ravel()
    starts = np.arange(0, len(items), 2)
    table = build(items, starts, starts + 2, 601)
    assert table.items.tolist() == [*range(1, 500), 599]
    assert table.values[[298, 299, 300, -1]].tolist() == [1, 2, 1, 2]
    assert table.offsets.tolist() == [0, *[500] * 601]


def test_many_blocks_count_like_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    items, starts, stops = flat([rng.integers(50, size=60).tolist() for _ in range(30)])
    whole = build(items, starts, stops, 50)
    monkeypatch.setattr(rule_counts, "_BLOCK", 16)
    parts = build(items, starts, stops, 50)
    assert all(np.array_equal(getattr(whole, name), getattr(parts, name)) for name in RulesTable.__slots__)


def test_no_row_outgrows_500_entries() -> None:
    rng = np.random.default_rng(0)
    items = rng.zipf(1.3, 200_000).clip(max=3000).astype(np.int32) - 1
    starts = np.arange(0, 200_000, 100)
    table = build(items, starts, starts + 100, 3000)
    assert np.diff(table.offsets).max() == 500
    assert table.counts.sum() == 200_000
