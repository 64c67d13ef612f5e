from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from newfound.evaluation.splits import held_out, leave_one_out, withhold

lengths = st.lists(st.integers(0, 60), min_size=1, max_size=80)
seeds = st.integers(0, 2**32)


def offsets_of(counts: list[int]) -> np.ndarray:
    return np.append(0, np.cumsum(counts))


@given(lengths, seeds)
def test_counts_add_up(counts: list[int], seed: int) -> None:
    offsets = offsets_of(counts)
    split = withhold(offsets, seed)
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
    split = withhold(offsets, seed)
    held = held_out(split, np.arange(offsets[-1], dtype=np.int32), offsets)  # items are positions
    first = np.repeat(split.ends[split.test_users], np.diff(held.offsets))
    assert (held.items >= first).all()
    assert ((offsets[:-1] <= split.ends) & (split.ends <= offsets[1:])).all()


@given(lengths, seeds)
def test_test_and_validation_share_no_user_and_both_keep_two_events(counts: list[int], seed: int) -> None:
    offsets = offsets_of(counts)
    split = withhold(offsets, seed)
    drawn = np.concatenate([split.test_users, split.validation_users])
    assert len(np.unique(drawn)) == len(drawn)
    assert ((split.ends - offsets[:-1])[drawn] >= 2).all()


@given(lengths, seeds)
def test_the_seed_decides(counts: list[int], seed: int) -> None:
    one, two = (withhold(offsets_of(counts), seed) for _ in range(2))
    assert np.array_equal(one.ends, two.ends)
    assert np.array_equal(one.test_users, two.test_users)


def test_another_seed_draws_other_users() -> None:
    offsets = offsets_of([10] * 200)
    assert not np.array_equal(withhold(offsets, 0).test_users, withhold(offsets, 1).test_users)


def test_a_tenth_of_users_hides_its_newest_tenth() -> None:
    offsets = offsets_of([50] * 200)
    split = withhold(offsets, 0)
    assert len(split.test_users) == len(split.validation_users) == 20
    assert ((offsets[1:] - split.ends)[split.test_users] == 5).all()
    assert np.array_equal(split.test_users, np.sort(split.test_users))


def test_short_histories_hide_one_event_and_the_shortest_none() -> None:
    split = withhold(offsets_of([3, 2, 9, 1]), 0)
    assert sorted([*split.test_users, *split.validation_users]) == [0, 2]
    assert sorted(offsets_of([3, 2, 9, 1])[1:] - split.ends) == [0, 0, 1, 1]


def test_validation_is_bounded() -> None:
    split = withhold(offsets_of([3] * 30_000), 0)
    assert len(split.test_users) == 3000
    assert len(split.validation_users) == 2000


def test_nobody_has_enough_events() -> None:
    split = withhold(offsets_of([2, 1, 0]), 0)
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
