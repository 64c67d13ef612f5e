"""How often people would choose an item by their tastes alone."""

from __future__ import annotations

import numpy as np
import pytest

from newfound.dataset import audience as module
from newfound.dataset.audience import audience

N_USERS, N_ITEMS, N_EVENTS = 300, 80, 400


def test_taken_out_of_popularity_it_leaves_the_appeal_of_items() -> None:
    random = np.random.default_rng(0)
    tastes = random.standard_normal((N_USERS, 2)).astype(np.float32)
    coordinates = random.standard_normal((N_ITEMS, 2)).astype(np.float32)
    appeal = random.standard_normal(N_ITEMS)
    odds = np.exp(appeal + 1.5 * tastes @ coordinates.T)
    counts = (N_EVENTS * odds / odds.sum(axis=1, keepdims=True)).sum(axis=0)
    found = audience(
        1.5 * coordinates, counts, tastes, np.zeros_like(tastes), np.full(N_USERS, N_EVENTS, np.int64)
    )
    left = np.log(counts) - found
    told, untold = (1 - np.corrcoef(scores, appeal)[0, 1] for scores in (left, np.log(counts)))
    assert told < 0.03 < 0.1 < untold


def test_on_average_over_events_it_is_nothing_and_where_nothing_is_known_too() -> None:
    random = np.random.default_rng(1)
    coordinates, people = (random.standard_normal((n, 3)).astype(np.float32) for n in (20, 30))
    counts, events = random.integers(0, 9, 20), random.integers(1, 9, 30)
    found = audience(coordinates, counts, people, np.full_like(people, 0.1), events)
    assert abs(counts @ found) / counts.sum() < 1e-5
    nobody, nothing = people[:0], np.zeros((20, 0), np.float32)
    assert not audience(coordinates, counts, nobody, nobody, events[:0]).any()
    assert not audience(nothing, counts, np.zeros((30, 0), np.float32), np.zeros((30, 0)), events).any()


def test_many_people_are_thinned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    coordinates, people = (random.standard_normal((n, 3)).astype(np.float32) for n in (20, 4_000))
    given = coordinates, np.ones(20, np.int64), people, np.zeros_like(people), np.ones(4_000, np.int64)
    everybody = audience(*given)
    monkeypatch.setattr(module, "MOST_CELLS", 20 * 1_000)
    some = audience(*given)
    assert (some != everybody).any()
    np.testing.assert_allclose(some, everybody, atol=0.2)
