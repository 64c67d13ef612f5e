from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newfound.dataset import affinity
from newfound.dataset.affinity import LONGEST, NO_AFFINITY, add_affinities, affinities, build, leading

N_ITEMS, N_USERS, LENGTH = 96, 400, 12


def histories(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users of two camps: each chooses among the items of the own half."""
    source = np.random.default_rng(seed)
    camp = np.arange(N_USERS) % 2
    items = source.integers(N_ITEMS // 2, size=(N_USERS, LENGTH)) + (camp * N_ITEMS // 2)[:, None]
    starts = np.arange(N_USERS) * LENGTH
    return items.astype(np.int32).reshape(-1), starts, starts + LENGTH


def dense(items: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """The definition: X, whole."""
    n = np.zeros((len(starts), N_ITEMS))
    for user, (low, high) in enumerate(zip(starts, stops, strict=True)):
        np.add.at(n[user], items[low:high], 1)
    return n / np.maximum(np.outer(n.sum(axis=1), n.sum(axis=0)), 1) ** 0.25


def test_affinities_are_the_projection_on_the_largest_principal_directions() -> None:
    past = histories()
    table = build(*past, N_ITEMS, 0)
    size = table.vectors.shape[1]
    x = dense(*past)
    directions = np.linalg.svd(x)[2][:size]
    expected = x @ directions.T @ directions
    found = affinities(table, *past)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.95
    top = np.linalg.svd(x)[2][0]
    assert np.linalg.norm(table.vectors.T @ top) / np.linalg.norm(table.vectors[:, 0]) == pytest.approx(
        1, abs=0.01
    )
    assert 0.5 < found.std(axis=1).mean() < 2


def test_an_item_of_the_own_camp_is_nearer_though_never_seen() -> None:
    items, starts, stops = histories()
    near = affinities(build(items, starts, stops, N_ITEMS, 0), items, starts, stops)
    own = np.arange(N_ITEMS)[None] // (N_ITEMS // 2) == (np.arange(N_USERS) % 2)[:, None]
    seen = dense(items, starts, stops) > 0
    assert near[own & ~seen].mean() > near[~own].mean() + 0.5


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, two = (build(*histories(), N_ITEMS, 3) for _ in range(2))
    assert one.vectors.tobytes() == two.vectors.tobytes()


def test_directions_of_nearly_the_same_histories_lead_there_in_one_round() -> None:
    items, starts, stops = histories()
    x = dense(items, starts, stops)

    def told(table: affinity.AffinityTable) -> float:
        return float(np.square(x @ np.linalg.qr(table.vectors)[0]).sum())

    before = build(items, starts, stops - 1, N_ITEMS, 0)
    near = build(items, starts, stops, N_ITEMS, 0, before)
    assert told(near) > 0.99 * told(build(items, starts, stops, N_ITEMS, 0))
    fewer = affinity.AffinityTable(before.items[::2], before.scale[::2], before.vectors[::2])
    assert told(build(items, starts, stops, N_ITEMS, 0, fewer)) > 0.9 * told(near)


def test_large_data_is_cut_to_frequent_items_and_a_sample_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affinity, "MAX_ITEMS", 32)
    monkeypatch.setattr(affinity, "MAX_USERS", 50)
    items, starts, stops = histories()
    table = build(items, starts, stops, 10**6, 0)
    counts = np.bincount(items, minlength=N_ITEMS)
    assert len(table.items) == 32
    assert counts[table.items].min() >= np.sort(counts)[-32]
    assert (np.diff(table.items) > 0).all()
    assert affinities(table, items, starts[:3], stops[:3]).shape == (3, 32)


@pytest.mark.parametrize("most", [N_ITEMS, 32])
def test_affinities_are_added_to_the_columns_of_their_items(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(affinity, "MAX_ITEMS", most)
    items, starts, stops = histories()
    table = build(items, starts, stops, N_ITEMS, 0)
    weights = np.linspace(0, 1, N_ITEMS + 4, dtype=np.float32)
    expected = np.ones((5, N_ITEMS + 4), np.float32)
    expected[:, table.items] += weights[table.items] * affinities(table, items, starts[:5], stops[:5])
    out = np.ones_like(expected)
    add_affinities(out, table, weights, items, starts[:5], stops[:5])
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_too_few_items_have_no_affinity() -> None:
    assert build(np.arange(10, dtype=np.int32), np.array([0]), np.array([10]), 10, 0) is NO_AFFINITY
    assert affinities(NO_AFFINITY, np.arange(3, dtype=np.int32), np.array([0]), np.array([3])).shape == (1, 0)


@settings(deadline=None)
@given(st.lists(st.integers(0, N_ITEMS + 50), max_size=40), st.integers(0, 5))
def test_only_what_was_chosen_counts_in_any_order_and_an_empty_history_says_nothing(
    chosen: list[int], seed: int
) -> None:
    table = build(*histories(), N_ITEMS, 0)
    items = np.array(chosen, np.int32)
    one = np.array([0]), np.array([len(items)])
    found = affinities(table, items, *one)
    shuffled = np.random.default_rng(seed).permutation(items)
    np.testing.assert_allclose(affinities(table, shuffled, *one), found, atol=1e-4)
    if not (items < N_ITEMS).any():
        assert not found.any()


def test_the_newest_events_of_a_long_history_count() -> None:
    table = build(*histories(), N_ITEMS, 0)
    new = np.arange(LONGEST, dtype=np.int32) % 40
    old = np.full(1_000, 90, np.int32)
    whole = np.concatenate([old, new])
    cut = affinities(table, new, np.array([0]), np.array([len(new)]))
    np.testing.assert_array_equal(affinities(table, whole, np.array([0]), np.array([len(whole)])), cut)


def test_the_leading_directions_are_the_camps_and_unknown_items_have_none() -> None:
    table = build(*histories(), N_ITEMS, 0)
    rows = leading(table, N_ITEMS + 2)
    assert rows.shape == (N_ITEMS + 2, table.vectors.shape[1])
    assert np.isnan(rows[N_ITEMS:]).all()
    # Nobody is of both camps: each has a direction of its own, with one sign.
    halves = rows[: N_ITEMS // 2, :2], rows[N_ITEMS // 2 : N_ITEMS, :2]
    sizes = np.array([np.square(half).sum(axis=0) for half in halves])
    np.testing.assert_allclose(np.sort(sizes / sizes.sum(axis=0), axis=0), [[0, 0], [1, 1]], atol=1e-6)
    assert sorted(sizes.argmax(axis=0)) == [0, 1]
    for direction, camp in enumerate(sizes.argmax(axis=0)):
        assert len(np.unique(np.sign(halves[camp][:, direction]))) == 1
