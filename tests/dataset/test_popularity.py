from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.dataset.popularity import (
    BACK_OFF_EVENTS,
    SHARE_FLOOR,
    DecayedPopularity,
    empty,
    log_popularity,
    updated,
    values_at,
    weighted_log_popularity,
    with_usual,
)

HALF_LIVES = [900.0, 86_400.0, np.inf]
NOW = 1_700_000_000
events = st.lists(st.tuples(st.integers(0, 4), st.integers(NOW - 200_000, NOW)), min_size=1, max_size=40)
Event = tuple[int, int]


def added(state: DecayedPopularity, people: list[Event], n_items: int = 5) -> DecayedPopularity:
    items = np.array([item for item, _ in people], np.int32)
    return updated(state, items, np.array([time for _, time in people], np.int64), n_items)


def brute_force(people: list[Event], seconds: int) -> list[list[float]]:
    return [
        [sum(2 ** -((seconds - time) / half_life) for i, time in people if i == item) for item in range(5)]
        for half_life in HALF_LIVES
    ]


@given(events, st.integers(0, 100_000))
def test_values_are_the_decayed_counts(people: list[Event], later: int) -> None:
    state = added(empty(HALF_LIVES, 5), people)
    assert state.reference == max(time for _, time in people)
    assert values_at(state, NOW + later) == pytest.approx(
        np.array(brute_force(people, NOW + later)), rel=1e-9
    )


@given(events, st.integers(0, 40), st.randoms(use_true_random=False))
def test_events_may_come_in_parts_and_in_any_order(people: list[Event], cut: int, random: Random) -> None:
    mixed = random.sample(people, len(people))
    parts = added(added(empty(HALF_LIVES, 5), mixed[:cut]), mixed[cut:])
    assert parts.reference == added(empty(HALF_LIVES, 5), people).reference
    assert parts.values == pytest.approx(added(empty(HALF_LIVES, 5), people).values, rel=1e-9)


def test_one_half_life_later_the_value_is_half() -> None:
    state = added(empty([3600.0], 1), [(0, NOW)], 1)
    assert values_at(state, NOW + 3600).tolist() == [[0.5]]


def test_an_infinite_half_life_counts() -> None:
    state = added(empty([np.inf], 5), [(2, 5), (2, NOW), (4, 17)])
    assert state.values.tolist() == [[0, 0, 2, 0, 1]]


def test_new_items_start_at_zero() -> None:
    state = added(added(empty([60.0], 1), [(0, NOW)], 1), [(2, NOW)], 3)
    assert state.values.tolist() == [[1, 0, 1]]


def test_nothing_new_changes_nothing() -> None:
    state = added(empty(HALF_LIVES, 5), [(1, NOW)])
    again = added(state, [])
    assert again.reference == NOW
    assert np.array_equal(again.values, state.values)


def test_long_silence_does_not_overflow_or_warn() -> None:
    state = added(added(empty([1.0], 1), [(0, 0)], 1), [(0, NOW)], 1)
    assert state.values.tolist() == [[1.0]]


@given(events)
def test_shares_are_free_of_the_moment_they_are_taken(people: list[Event]) -> None:
    state = added(empty([86_400.0], 5), people)
    now, later = state.values, values_at(state, NOW + 5000)
    assert later * now.sum() == pytest.approx(now * later.sum(), rel=1e-5)


@given(events, st.integers(0, 100_000))
def test_popularity_backs_off_to_the_next_longer_half_life(people: list[Event], later: int) -> None:
    expected = []
    longer = np.full(5, 0.2)
    for row in reversed(brute_force(people, NOW + later)):
        longer = (np.array(row) + BACK_OFF_EVENTS * longer) / (sum(row) + BACK_OFF_EVENTS)
        expected.insert(0, np.log(longer + SHARE_FLOOR))
    logs = log_popularity(added(empty(HALF_LIVES, 5), people), NOW + later)
    assert logs.dtype == np.float32
    assert logs == pytest.approx(np.array(expected), abs=1e-5)


@pytest.mark.parametrize("weights", [[0.5, 0.0, 2.0], [0.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
@pytest.mark.parametrize("n_items", [1, 5, 40_000])
def test_weighted_popularity_is_the_product_with_the_weights(weights: list[float], n_items: int) -> None:
    rng = np.random.default_rng(0)
    items, times = rng.integers(0, n_items, 500), NOW - rng.integers(0, 200_000, 500)
    state = updated(empty(HALF_LIVES, n_items), items.astype(np.int32), times, n_items)
    gamma, usual = np.array(weights, np.float32), np.log([0.5, 0.1, 0.01]).astype(np.float32)
    unknown = rng.random(n_items).astype(np.float32)
    expected = gamma @ with_usual(log_popularity(state, NOW + 5000), unknown, usual)
    found = weighted_log_popularity(state, NOW + 5000, gamma, unknown, usual)
    assert found == pytest.approx(expected, abs=1e-4)


def test_what_is_usual_is_added_for_the_part_that_is_unknown() -> None:
    logs = np.log([[0.2, 0.2, 0.2]]).astype(np.float32)
    found = with_usual(logs, np.array([0.0, 0.5, 1.0], np.float32), np.log([0.1]).astype(np.float32))
    assert np.exp(found) == pytest.approx(np.array([[0.2, 0.25, 0.3]]), abs=1e-6)
