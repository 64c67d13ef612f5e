from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newfound.dataset.gaps import gap_bucket
from newfound.serving import user_state
from newfound.serving.bundle import Bundle
from newfound.serving.user_state import (
    NO_ITEM,
    STATE_FIELDS,
    Sequences,
    UserStates,
    advance,
    request_vectors,
)

START = 1_700_000_000
event = st.tuples(st.integers(0, 119), st.integers(0, 10**6), st.integers(-1, 2))
histories = st.lists(st.lists(event, max_size=6), min_size=1, max_size=5)


def sequences(users: list[list[tuple[int, int, int]]]) -> Sequences:
    flat = [event for user in users for event in user]
    items, times, types = zip(*flat, strict=True) if flat else ((), (), ())
    offsets = np.append(0, np.cumsum([len(user) for user in users])).astype(np.int64)
    return Sequences(
        offsets, np.array(items, np.int32), START + np.array(times, np.int64), np.array(types, np.int16)
    )


def advanced(bundle: Bundle, states: UserStates, users: list[list[tuple[int, int, int]]]) -> UserStates:
    return advance(bundle.network, bundle.item_rows, states, sequences(users))


def assert_close(one: UserStates, other: UserStates) -> None:
    for name in STATE_FIELDS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-5, err_msg=name)


@settings(max_examples=30, deadline=None)
@given(users=histories)
def test_advancing_together_is_advancing_alone_one_event_at_a_time(
    bundle: Bundle, users: list[list[tuple[int, int, int]]]
) -> None:
    together = advanced(bundle, UserStates.empty(len(users), bundle.network), users)
    for k, user in enumerate(users):
        alone = UserStates.empty(1, bundle.network)
        for one in user:
            alone = advanced(bundle, alone, [[one]])
        assert_close(together.rows(slice(k, k + 1)), alone)


@settings(max_examples=20, deadline=None)
@given(users=histories, cut=st.integers(0, 5))
def test_where_a_history_is_cut_into_batches_does_not_matter(
    bundle: Bundle, users: list[list[tuple[int, int, int]]], cut: int
) -> None:
    nobody = UserStates.empty(len(users), bundle.network)
    first = advanced(bundle, nobody, [user[:cut] for user in users])
    both = advanced(bundle, first, [user[cut:] for user in users])
    assert_close(both, advanced(bundle, nobody, users))


def test_advancing_leaves_the_states_it_began_with_alone(bundle: Bundle) -> None:
    begun = advanced(bundle, UserStates.empty(2, bundle.network), [[(1, 0, 0)], []])
    kept = begun.copy()
    advanced(bundle, begun, [[(2, 9, 1)], [(3, 9, 0)]])
    for name in STATE_FIELDS:
        np.testing.assert_array_equal(getattr(begun, name), getattr(kept, name))


def test_the_last_items_before_the_newest_are_kept_in_order(bundle: Bundle) -> None:
    items = np.random.default_rng(0).integers(0, 100, bundle.network.window + 5).tolist()
    nobody = UserStates.empty(2, bundle.network)
    states = advanced(
        bundle, nobody, [[(item, k, 0) for k, item in enumerate(items)], [(7, 0, 0), (8, 1, 0)]]
    )
    assert states.recent[0].tolist() == items[4:-1]
    assert states.recent[1].tolist() == [NO_ITEM] * (bundle.network.window - 1) + [7]


def test_vectors_do_not_depend_on_how_many_are_asked_at_once(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [[(3 * k + j, 60 * j, 0) for j in range(k)] for k in range(7)]
    states = advanced(bundle, UserStates.empty(7, bundle.network), users)
    at, nobody = np.full(7, START + 10**6), np.zeros(bundle.network.size, np.float32)
    together = request_vectors(bundle.network, bundle.item_rows, states, at, nobody)
    monkeypatch.setattr(user_state, "AT_ONCE", 2)
    apart = request_vectors(bundle.network, bundle.item_rows, states, at, nobody)
    np.testing.assert_allclose(apart, together, atol=1e-5)


def test_the_newest_event_waits_until_its_gap_to_the_next_is_known(bundle: Bundle) -> None:
    one = advanced(bundle, UserStates.empty(1, bundle.network), [[(5, 100, 1)]])
    assert (one.h == 0).all()
    assert (one.item[0], one.before[0], one.type[0], one.time[0]) == (5, 0, 1, START + 100)
    two = advanced(bundle, one, [[(6, 100 + 3600, 0)]])
    network = bundle.network
    x = network.inputs(bundle.item_rows(np.array([5])), np.zeros(1, np.uint8), gap_bucket([3600]), one.type)
    np.testing.assert_allclose(two.h, network.step(x, np.zeros_like(one.h)), atol=1e-6)
    assert two.before[0] == gap_bucket(3600)


def test_a_late_event_counts_without_turning_time_back(bundle: Bundle) -> None:
    states = advanced(bundle, UserStates.empty(1, bundle.network), [[(5, 1000, 0), (6, 10, 0)]])
    assert states.item[0] == 6
    assert states.time[0] == START + 1000
    assert states.before[0] == gap_bucket(0)


def test_nobody_is_the_given_vector_and_the_wait_until_the_request_matters(bundle: Bundle) -> None:
    states = advanced(bundle, UserStates.empty(2, bundle.network), [[(5, 0, 0)], []])
    empty = np.full(bundle.network.size, 7, np.float32)

    def vectors(seconds: int) -> np.ndarray:
        at = np.full(2, START + seconds)
        return request_vectors(bundle.network, bundle.item_rows, states, at, empty)

    soon, later = vectors(60), vectors(30 * 86_400)
    assert (soon[1] == 7).all() and (later[1] == 7).all()
    assert np.abs(soon[0] - later[0]).max() > 0.01
    np.testing.assert_array_equal(vectors(-500), vectors(0))


def test_an_observer_sees_each_user_before_each_of_its_new_events(bundle: Bundle) -> None:
    users = [[(1, 0, 0), (2, 60, 0)], [], [(3, 5, 1)]]
    seen: list[tuple[int, int, int]] = []

    def observe(j: int, rows: np.ndarray, states: UserStates) -> None:
        seen.extend((j, row, item) for row, item in zip(rows.tolist(), states.item.tolist(), strict=True))

    empty = UserStates.empty(3, bundle.network)
    advance(bundle.network, bundle.item_rows, empty, sequences(users), observe)
    assert sorted(seen) == [(0, 0, NO_ITEM), (0, 2, NO_ITEM), (1, 0, 1)]


@pytest.mark.parametrize("users", [[], [[], []]])
def test_no_events_change_nothing(bundle: Bundle, users: list[list[tuple[int, int, int]]]) -> None:
    empty = UserStates.empty(len(users), bundle.network)
    after = advanced(bundle, empty, users)
    assert_close(after, empty)
