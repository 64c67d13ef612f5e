from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.explore.displays import HALF_LIFE_DAYS, Displays, take_in

DAY = 86_400
Event = tuple[int, int, int, float, bool]
"""User, item, time in hours, looks, clicked."""

EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(0, 500),
        st.sampled_from([0.2, 0.5, 1.0]),
        st.booleans(),
    ),
    max_size=40,
)


def taken(known: Displays, events: list[Event]) -> tuple[np.ndarray, Displays]:
    user, item, hours, looks, clicked = zip(*events, strict=True) if events else [()] * 5
    return take_in(
        known,
        np.array(user, np.uint64),
        np.array(item, np.int32),
        np.array(hours, np.int64) * 3_600,
        np.array(looks, np.float32),
        np.array(clicked, np.bool_),
    )


def by_hand(events: list[Event]) -> tuple[list[float], dict[tuple[int, int], float]]:
    """Looks before each event, and of all pairs at the last hour: an event after the other."""
    before = [0.0] * len(events)
    pairs: dict[tuple[int, int], tuple[float, int]] = {}
    for k in sorted(range(len(events)), key=lambda k: events[k][2]):
        user, item, hour, looks, clicked = events[k]
        value, then = pairs.get((user, item), (0.0, hour))
        before[k] = value * 2 ** (-(hour - then) / (24 * HALF_LIFE_DAYS))
        pairs[user, item] = (0.0 if clicked else before[k] + looks, hour)
    last = max((hour for _, _, hour, *_ in events), default=0)
    return before, {
        pair: value * 2 ** (-(last - then) / (24 * HALF_LIFE_DAYS)) for pair, (value, then) in pairs.items()
    }


def distinct_moments(events: list[Event]) -> list[Event]:
    """No two events at once: which of them came first would be anybody's guess."""
    return list({hour: (user, item, hour, *rest) for user, item, hour, *rest in events}.values())  # type: ignore[misc]  # the rest has the types of Event


@given(EVENTS)
def test_looks_add_up_fade_and_end_with_a_click(events: list[Event]) -> None:
    events = distinct_moments(events)
    before, displays = taken(Displays.empty(), events)
    expected, pairs = by_hand(events)
    np.testing.assert_allclose(before, expected, rtol=1e-4, atol=1e-6)
    last = max((hour for _, _, hour, *_ in events), default=0) * 3_600
    wanted = np.array([pair for pair, value in pairs.items() if value > 0.03], np.int64).reshape(-1, 2)
    found = displays.of_pairs(
        wanted[:, 0].astype(np.uint64), wanted[:, 1].astype(np.int32), np.full(len(wanted), last)
    )
    np.testing.assert_allclose(found, [pairs[user, item] for user, item in wanted.tolist()], rtol=1e-4)


@given(EVENTS, st.integers(0, 40))
def test_taking_in_a_part_after_the_other_is_the_same_if_they_follow_in_time(
    events: list[Event], cut: int
) -> None:
    events = sorted(distinct_moments(events), key=lambda event: event[2])
    whole, after = taken(Displays.empty(), events)
    first, between = taken(Displays.empty(), events[:cut])
    second, last = taken(between, events[cut:])
    np.testing.assert_allclose(np.concatenate([first, second]), whole, atol=0.03)
    kept = {
        (user, item): looks for user, item, looks in zip(after.user, after.item, after.looks, strict=True)
    }
    for user, item, looks in zip(last.user, last.item, last.looks, strict=True):
        assert looks == pytest.approx(kept[user, item], abs=0.03)


def test_everything_of_some_users_is_found_and_nothing_of_others() -> None:
    _, displays = taken(
        Displays.empty(), [(5, 1, 0, 1.0, False), (5, 3, 0, 0.5, False), (9, 1, 0, 1.0, False)]
    )
    at = np.array([0, 7 * DAY, 0])
    owner, items, looks = displays.of_users(np.array([9, 5, 6], np.uint64), at)
    assert owner.tolist() == [0, 1, 1]
    assert items.tolist() == [1, 1, 3]
    assert looks.tolist() == [1.0, 0.5, 0.25]
    pairs = displays.of_pairs(
        np.array([5, 5, 6, 9], np.uint64), np.array([3, 2, 1, 1], np.int32), np.zeros(4, np.int64)
    )
    assert pairs.tolist() == [0.5, 0, 0, 1]


def test_a_question_about_the_past_knows_nothing_of_what_came_later() -> None:
    _, displays = taken(Displays.empty(), [(5, 1, 0, 1.0, False), (5, 3, 48, 0.5, False)])
    user, then = np.array([5], np.uint64), np.array([DAY])
    _, items, _ = displays.of_users(user, then)
    assert items.tolist() == [1]
    assert displays.of_pairs(user, np.array([3], np.int32), then).tolist() == [0]


def test_what_is_forgotten_is_dropped() -> None:
    _, displays = taken(
        Displays.empty(), [(1, 1, 0, 1.0, False), (1, 2, 24 * 60, 1.0, False), (2, 2, 24 * 60, 1.0, True)]
    )
    assert displays.item.tolist() == [2]
    nothing = Displays.empty().of_pairs(np.array([1], np.uint64), np.array([1], np.int32), np.array([0]))
    assert nothing.tolist() == [0]
