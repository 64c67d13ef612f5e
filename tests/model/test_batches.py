from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from newfound.dataset.gaps import gap_bucket
from newfound.model.batches import count_targets, epoch_batches, last_steps, training_users

from .builders import training_data

shapes = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12).map(
    lambda pairs: [(length, min(length, hidden)) for length, hidden in pairs]
)


def numbered(shape: list[tuple[int, int]]) -> list[list[int]]:
    """Histories in which every event has an item of its own: its index."""
    starts = np.cumsum([0] + [length for length, _ in shape])
    return [list(range(start, start + length)) for start, (length, _) in zip(starts, shape, strict=False)]


@settings(deadline=None)
@given(shapes, st.integers(1, 5), st.integers(1, 6), st.integers(0, 3))
def test_every_visible_target_comes_once_and_only_from_its_own_user(
    shape: list[tuple[int, int]], lanes: int, bptt: int, seed: int
) -> None:
    histories, hidden = numbered(shape), [h for _, h in shape]
    data = training_data(histories, 200, hidden=hidden)
    users = training_users(data, 0.0, 1.0)
    expected = {
        (h[k - 1], h[k]) for h, n in zip(histories, hidden, strict=True) for k in range(1, len(h) - n)
    }
    pairs: list[tuple[int, int]] = []
    before = np.full(lanes, -1)  # the target that each lane saw last
    for batch in epoch_batches(data, users, lanes, bptt, np.random.default_rng(seed)):
        for t in range(bptt):
            items, targets, keep = batch.steps.items[t], batch.targets[t], batch.steps.keep[t]
            used = batch.weights[t] > 0
            pairs += zip(items[used].tolist(), targets[used].tolist(), strict=True)
            carried = used & (keep == 1)
            np.testing.assert_array_equal(items[carried], before[carried])
            before = np.where(used, targets, before)
    assert len(pairs) == len(expected) == count_targets(data, users)
    assert set(pairs) == expected


def test_gaps_are_those_before_the_event_and_before_its_target() -> None:
    data = training_data([[0, 1, 2]], 3)
    data.times[:] = [100, 160, 3760]
    (batch,) = epoch_batches(data, np.array([0]), 1, 2, np.random.default_rng(0))
    assert batch.steps.gaps[:, 0].tolist() == [0, gap_bucket(60)]
    assert batch.steps.next_gaps[:, 0].tolist() == [gap_bucket(60), gap_bucket(3600)]
    assert batch.steps.types[:, 0].tolist() == [0, 1]


def test_each_epoch_has_its_own_order_of_users() -> None:
    data = training_data([[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]], 10)
    rng = np.random.default_rng(0)
    orders = [next(epoch_batches(data, np.arange(5), 1, 5, rng)).targets.ravel().tolist() for _ in range(2)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == [1, 3, 5, 7, 9]


def test_percentiles_choose_users_by_visible_length() -> None:
    data = training_data([list(range(n)) for n in (1, 2, 3, 4, 5, 30)], 30, hidden=[0, 0, 0, 0, 0, 26])
    assert training_users(data, 0.0, 1.0).tolist() == [1, 2, 3, 4, 5]
    assert training_users(data, 0.5, 1.0).tolist() == [3, 4, 5]
    assert training_users(data, 0.0, 0.5).tolist() == [1, 2, 3, 5]


def test_last_steps_end_at_the_newest_visible_event_and_restart_at_the_first() -> None:
    data = training_data([[0, 1, 2, 3], [4, 5, 6]], 7, hidden=[1, 2])
    steps = last_steps(data, np.array([0, 1]), data.times[[3, 5]] + 86400, 4)
    assert steps.items[:, 0].tolist() == [0, 0, 1, 2]
    assert steps.items[-1].tolist() == [2, 4]
    assert steps.keep[:, 0].tolist()[1:] == [0, 1, 1]
    assert steps.keep[-1].tolist() == [1, 0]
    assert steps.gaps[1, 0] == 0
    assert steps.next_gaps[-1].tolist() == [gap_bucket(86400 + 600)] * 2
    assert steps.next_gaps[1, 0] == gap_bucket(600)
