from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.evaluation.splits import (
    WithheldSplit,
    held_out,
    in_time,
    last_withheld,
    leave_one_out,
    most_test_users,
    user_keys,
    withhold,
)

lengths = st.lists(st.integers(0, 60), min_size=1, max_size=80)
seeds = st.integers(0, 2**32)


def offsets_of(counts: list[int]) -> np.ndarray:
    return np.append(0, np.cumsum(counts))


def split_of(offsets: np.ndarray, seed: int) -> WithheldSplit:
    return withhold(offsets, user_keys([f"u{k}" for k in range(len(offsets) - 1)], seed))


@given(lengths, seeds)
def test_counts_add_up(counts: list[int], seed: int) -> None:
    offsets = offsets_of(counts)
    split = split_of(offsets, seed)
    hidden = offsets[1:] - split.ends
    held = held_out(split, np.arange(offsets[-1], dtype=np.int32), offsets)
    n_train = (split.ends - offsets[:-1]).sum()
    n_validation = int(hidden[split.validation_users].sum())
    assert n_train + len(held.items) + n_validation == offsets[-1]
    assert hidden[split.test_users].tolist() == np.diff(held.offsets).tolist()
    assert (hidden[split.validation_users] >= 1).all()
    assert hidden.sum() == len(held.items) + n_validation


@given(lengths, seeds)
def test_no_event_that_trains_is_at_or_past_the_cut(counts: list[int], seed: int) -> None:
    offsets = offsets_of(counts)
    split = split_of(offsets, seed)
    held = held_out(split, np.arange(offsets[-1], dtype=np.int32), offsets)  # items are positions
    first = np.repeat(split.ends[split.test_users], np.diff(held.offsets))
    assert (held.items >= first).all()
    assert ((offsets[:-1] <= split.ends) & (split.ends <= offsets[1:])).all()


@given(lengths, seeds)
def test_test_and_validation_share_no_user_and_both_keep_two_events(counts: list[int], seed: int) -> None:
    offsets = offsets_of(counts)
    split = split_of(offsets, seed)
    drawn = np.concatenate([split.test_users, split.validation_users])
    assert len(np.unique(drawn)) == len(drawn)
    assert ((split.ends - offsets[:-1])[drawn] >= 2).all()


@given(lengths, seeds)
def test_the_seed_decides(counts: list[int], seed: int) -> None:
    one, two = (split_of(offsets_of(counts), seed) for _ in range(2))
    assert np.array_equal(one.ends, two.ends)
    assert np.array_equal(one.test_users, two.test_users)


def test_another_seed_draws_other_users() -> None:
    offsets = offsets_of([10] * 200)
    assert not np.array_equal(split_of(offsets, 0).test_users, split_of(offsets, 1).test_users)


@pytest.mark.parametrize(
    ("events", "validation"), [(50, 40), (500, 20), (350, 29)], ids=["few", "many", "as many as are wanted"]
)
def test_a_tenth_of_users_hides_its_newest_tenth_and_up_to_a_fifth_for_validation(
    events: int, validation: int
) -> None:
    offsets = offsets_of([events] * 200)
    split = split_of(offsets, 0)
    assert len(split.test_users) == 20
    assert len(split.validation_users) == validation
    assert ((offsets[1:] - split.ends)[split.test_users] == events // 10).all()
    assert np.array_equal(split.test_users, np.sort(split.test_users))


def test_short_histories_hide_one_event_and_the_shortest_none() -> None:
    split = split_of(offsets_of([3, 2, 9, 1]), 0)
    assert sorted([*split.test_users, *split.validation_users]) == [0, 2]
    assert sorted(offsets_of([3, 2, 9, 1])[1:] - split.ends) == [0, 0, 1, 1]


def test_validation_is_bounded() -> None:
    split = split_of(offsets_of([3] * 30_000), 0)
    assert len(split.test_users) == 3000
    assert len(split.validation_users) == 2000


def test_nobody_has_enough_events() -> None:
    split = split_of(offsets_of([2, 1, 0]), 0)
    assert split.ends.tolist() == [2, 3, 3]
    assert len(split.test_users) == len(split.validation_users) == 0


def test_leave_one_out_hides_the_last_event_of_all_who_have_two() -> None:
    offsets = offsets_of([3, 1, 0, 2])
    split = leave_one_out(offsets)
    held = held_out(split, np.array([5, 6, 7, 8, 9, 4], np.int32), offsets)
    assert split.ends.tolist() == [2, 4, 4, 5]
    assert split.test_users.tolist() == [0, 3]
    assert held.items.tolist() == [7, 4]
    assert len(split.validation_users) == 0


def test_a_large_catalogue_is_ranked_for_a_sample_that_others_leave_alone() -> None:
    offsets = offsets_of([3] * 30_000)
    keys = user_keys(map(str, range(30_000)), 0)
    whole, sample = withhold(offsets, keys), withhold(offsets, keys, 700)
    assert len(sample.test_users) == 700
    assert set(sample.test_users) < set(whole.test_users)
    assert np.array_equal(sample.validation_users, whole.validation_users)
    assert [most_test_users(n) for n in (100, 200_000, 10_000_000)] == [5000, 2500, 500]


@given(lengths, st.integers(0, 60), seeds)
def test_what_is_hidden_was_hidden_before_or_is_new(counts: list[int], grown: int, seed: int) -> None:
    before, after = offsets_of(counts), offsets_of([n + grown for n in counts])
    first, second = split_of(before, seed), split_of(after, seed)
    both = np.intersect1d(first.test_users, second.test_users)
    visible_then, visible_now = (s.ends[both] - o[both] for s, o in ((first, before), (second, after)))
    assert (visible_now >= visible_then).all()


def test_who_is_withheld_stays_so_while_others_come() -> None:
    few, many = [f"u{k:04}" for k in range(500)], [f"u{k:04}" for k in range(550)]
    splits = [withhold(offsets_of([5] * len(ids)), user_keys(ids, 3)) for ids in (few, many)]
    stayed = np.intersect1d(splits[0].test_users, splits[1].test_users)
    assert len(stayed) >= 0.8 * len(splits[0].test_users)


def test_a_cut_in_time_hides_all_that_came_after_it() -> None:
    offsets, times = offsets_of([3, 2, 0, 2]), np.array([1, 5, 6, 5, 5, 6, 7])
    split = in_time(offsets, times, 5, np.arange(4, dtype=np.uint64), 10)
    assert split.ends.tolist() == [2, 5, 5, 5]
    assert split.test_users.tolist() == [0, 3]  # the last one is new: nothing of it came before
    assert in_time(offsets, times, 5, np.array([9, 0, 0, 1], np.uint64), 1).test_users.tolist() == [3]
    assert len(in_time(offsets, times, 7, np.arange(4, dtype=np.uint64), 10).test_users) == 0


def test_the_last_of_several_withheld_events_is_asked_with_the_others_as_input() -> None:
    offsets = offsets_of([50, 50, 50])
    split = split_of(offsets, 0)
    last = last_withheld(split, offsets)
    [user] = last.test_users.tolist()
    assert last.ends[user] == offsets[user + 1] - 1
    assert split.ends[user] == offsets[user + 1] - 5
