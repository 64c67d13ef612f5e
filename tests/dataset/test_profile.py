from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from newfound.dataset.profile import (
    MOST_NODES,
    Offer,
    likeliest_tastes,
    offer,
    profiles,
    taste_evidence,
    taste_variance,
)

NOTHING = Offer(np.zeros((0, 2), np.float32), np.zeros(0, np.float32))
S = np.array([1.0, 0.5, 0.25], np.float32)


def catalogue(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of mean 0 and variance 1 over all events, of items that have each trait or not; and their events."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 50, n)
    y = rng.choice([-1.0, 1.0], (n, 3))
    y -= counts @ y / counts.sum()
    scale, axes = np.linalg.eigh((y * counts[:, None]).T @ y / counts.sum())
    return (y @ axes / np.sqrt(scale)).astype(np.float32), counts


def people(seed: int, strength: float = 1.0) -> tuple[np.ndarray, ...]:
    """Coordinates, counts, tastes of 200 people, and what 60 choices of each tell."""
    rng = np.random.default_rng(seed)
    y, counts = catalogue(seed)
    tastes = strength * np.sqrt(S) * rng.standard_normal((200, 3))
    odds = counts * np.exp(tastes @ y.T)
    items = np.concatenate([rng.choice(len(y), 60, p=row / row.sum()) for row in odds]).astype(np.int32)
    return y, counts, tastes, *taste_evidence(y, items, np.full(200, 60))


def second_order(sums: np.ndarray, n: np.ndarray) -> np.ndarray:
    return S * sums / (1 + n * S)


def most_probable(sums: np.ndarray, n: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The same by steps of Newton's method until nothing moves, one person at a time."""
    found = []
    for g, events in zip(sums.astype(float), n[:, 0].astype(float), strict=True):
        w = np.zeros(3)
        for _ in range(50):
            share = counts * np.exp(y @ w - (y @ w).max())
            share /= share.sum()
            mean = share @ y
            curvature = events * ((y * share[:, None]).T @ y - np.outer(mean, mean)) + np.diag(1 / S)
            w += 0.5 * np.linalg.solve(curvature, g - events * mean - w / S)
        found.append(w)
    return np.array(found)


def test_around_0_the_estimate_is_that_of_the_formula() -> None:
    y = np.array([[1.0, 0], [2, 0], [-1, 0.5], [3, 3]], np.float32)
    s = np.array([0.5, 2.0], np.float32)
    found = profiles(y, s, np.array([3, 0, 1]), NOTHING)
    expected = [[0.5 * 2 / (1 + 3 * 0.5), 2 * 0.5 / (1 + 2)], [0, 0], [0.5 * 3 / 1.5, 2 * 3 / 3]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_one_step_comes_near_the_most_probable_taste() -> None:
    y, counts, _, sums, n = people(0)
    best = most_probable(sums, n, y, counts)
    found, _ = likeliest_tastes(sums, n, S, offer(y, counts))
    away = np.abs(found - best).mean()
    assert away < 0.25 * np.abs(second_order(sums, n) - best).mean()


def test_strong_tastes_are_told_better_than_to_second_order() -> None:
    y, counts, tastes, sums, n = people(1, strength=1.5)
    found, doubt = likeliest_tastes(sums, n, S, offer(y, counts))
    wrong = [np.square(guess - tastes).mean() for guess in (found, second_order(sums, n))]
    assert wrong[0] < 0.7 * wrong[1]
    np.testing.assert_allclose(doubt, np.tile(S / (1 + 60 * S), (200, 1)), rtol=1e-6)


def test_who_chose_nothing_likes_nothing() -> None:
    y, counts = catalogue(2)
    found, doubt = likeliest_tastes(np.zeros((1, 3), np.float32), np.zeros((1, 3)), S, offer(y, counts))
    assert found.tolist() == [[0, 0, 0]]
    np.testing.assert_allclose(doubt, [S])


def test_a_person_alone_is_told_as_among_others() -> None:
    y, counts, _, sums, n = people(3)
    among = offer(y, counts)
    whole, _ = likeliest_tastes(sums, n, S, among)
    for row in (0, 77):
        alone, _ = likeliest_tastes(sums[row : row + 1], n[row : row + 1], S, among)
        np.testing.assert_allclose(alone[0], whole[row], rtol=1e-4, atol=1e-5)


@given(st.integers(0, 20), st.floats(0, 1e4), st.integers(0, 3_000))
def test_a_step_is_bounded_whatever_people_chose(seed: int, extreme: float, events: int) -> None:
    y, counts = catalogue(seed, 40)
    sums = np.full((1, 3), extreme, np.float32) * events
    n = np.full((1, 3), events, np.float32)
    start = second_order(sums, n)
    found, _ = likeliest_tastes(sums, n, S, offer(y, counts))
    assert np.isfinite(found).all()
    assert (np.abs(found - start) <= (np.abs(start) + np.sqrt(S)) * (1 + 1e-5)).all()


def test_few_items_are_all_offered_by_their_share_of_events() -> None:
    y, counts = catalogue(4)
    counts[7] = 0
    among = offer(y, counts)
    assert len(among.coordinates) == len(y) - 1
    np.testing.assert_allclose(np.exp(among.log_share).sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(
        np.exp(among.log_share) @ among.coordinates, counts @ y / counts.sum(), atol=1e-4
    )


def test_nodes_stand_for_a_large_catalogue() -> None:
    y, counts = catalogue(5, 20_000)
    counts[3], y[3] = counts.sum() // 50, 1.5 * y[3]
    among = offer(y, counts)
    assert len(among.log_share) <= MOST_NODES
    own = (among.coordinates == y[3]).all(axis=1)
    np.testing.assert_allclose(np.exp(among.log_share[own]), counts[3] / counts.sum(), rtol=0.1)
    share = np.exp(among.log_share)
    np.testing.assert_allclose(share @ among.coordinates, counts @ y / counts.sum(), atol=0.1)
    np.testing.assert_allclose(
        share @ np.square(among.coordinates), counts @ np.square(y) / counts.sum(), atol=0.15
    )


def test_without_directions_or_events_there_is_no_taste() -> None:
    for y, counts in (
        (np.zeros((5, 0), np.float32), np.ones(5, int)),
        (catalogue(6, 5)[0], np.zeros(5, int)),
    ):
        k = y.shape[1]
        found, _ = likeliest_tastes(np.zeros((2, k), np.float32), np.zeros((2, k)), S[:k], offer(y, counts))
        assert found.shape == (2, k)
        assert not found.any()


def test_evidence_is_summed_per_user_and_an_item_at_0_is_none() -> None:
    y = np.array([[1, 0, 0], [2, 0, 4], [-1, 0.5, 0]], np.float32)
    items, lengths = np.array([0, 1, 0, 2], np.int32), np.array([3, 0, 1])
    sums, n = taste_evidence(y, items, lengths)
    assert sums.tolist() == [[4, 0, 4], [0, 0, 0], [-1, 0.5, 0]]
    assert n.tolist() == [[3, 0, 1], [0, 0, 0], [1, 1, 0]]
    found, _ = likeliest_tastes(sums, n, S, offer(y, np.ones(3, int)))
    np.testing.assert_allclose(found, profiles(y[items], S, lengths, offer(y, np.ones(3, int))), rtol=1e-5)


def test_variances_among_people_are_found_where_tastes_are_weak() -> None:
    _, _, tastes, sums, n = people(7, strength=0.4)
    np.testing.assert_allclose(taste_variance(sums, n), tastes.var(axis=0), atol=0.06)
