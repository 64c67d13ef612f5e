from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from newfound.dataset.company import LEAST_EVENTS, N_DIRECTIONS, company_coordinates

N_USERS, N_ITEMS, EACH = 500, 300, 40


def choices(taste: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct items of each user, drawn by softmax of taste (n_users, n_items), and offsets."""
    rng = np.random.default_rng(0)
    order = np.argsort(-(taste + rng.gumbel(size=taste.shape)), axis=1)[:, :EACH]
    return order.astype(np.int32).ravel(), np.arange(N_USERS + 1) * EACH


def hidden(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Traits of users (n_users, k) and of items (n_items, k)."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((N_USERS, k)), rng.standard_normal((N_ITEMS, k))


def nothing_told(k: int = 0) -> np.ndarray:
    return np.zeros((N_ITEMS, k), np.float32)


def test_people_who_differ_in_nothing_keep_no_company() -> None:
    rng = np.random.default_rng(2)
    popularity = np.tile(rng.standard_normal(N_ITEMS), (N_USERS, 1))
    assert company_coordinates(*choices(popularity), nothing_told(), 0).shape == (N_ITEMS, 0)


def test_as_many_directions_are_found_as_people_differ_in() -> None:
    users, items = hidden(3)
    found = company_coordinates(*choices(0.7 * users @ items.T), nothing_told(), 0)
    assert found.shape == (N_ITEMS, 3)
    known = found.any(axis=1)
    rest = items[known] - found[known] @ np.linalg.lstsq(found[known], items[known])[0]
    assert (rest.var(axis=0) < 0.3 * items[known].var(axis=0)).all()


def test_directions_have_mean_zero_and_variance_one_over_events() -> None:
    users, items = hidden(3)
    chosen, offsets = choices(0.7 * users @ items.T)
    found = company_coordinates(chosen, offsets, nothing_told(), 0)
    frequent = np.bincount(chosen, minlength=N_ITEMS)[:, None] / len(chosen)
    np.testing.assert_allclose((frequent * found**2).sum(axis=0), 1, rtol=0.02)
    np.testing.assert_allclose((frequent * found).sum(axis=0), 0, atol=0.1)


def test_what_metadata_tells_is_left_to_it() -> None:
    users, items = hidden(2)
    chosen = choices(0.6 * users @ items.T)
    found = company_coordinates(*chosen, items[:, :1].astype(np.float32), 0)
    assert found.shape[1] == 1
    assert abs(np.corrcoef(found[:, 0], items[:, 0])[0, 1]) < 0.3
    assert abs(np.corrcoef(found[:, 0], items[:, 1])[0, 1]) > 0.8


def test_rare_items_and_items_that_nobody_chose_are_at_0() -> None:
    users, items = hidden(2)
    chosen, offsets = choices(users @ items.T)
    found = company_coordinates(chosen, offsets, nothing_told(), 0)
    rare = np.bincount(chosen, minlength=N_ITEMS) < LEAST_EVENTS
    assert (found[rare] == 0).all()
    grown = company_coordinates(chosen, offsets, np.zeros((N_ITEMS + 5, 0), np.float32), 0)
    assert (grown[N_ITEMS:] == 0).all()


def test_choosing_an_item_again_says_nothing_more() -> None:
    users, items = hidden(2)
    chosen, offsets = choices(users @ items.T)
    once = company_coordinates(chosen, offsets, nothing_told(), 0)
    np.testing.assert_array_equal(
        company_coordinates(np.repeat(chosen, 3), offsets * 3, nothing_told(), 0), once
    )


@given(st.integers(0, 8), st.integers(1, 40), st.integers(0, 9))
def test_any_histories_give_finite_coordinates(n_users: int, n_items: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 30, n_users)
    items = rng.integers(0, n_items, lengths.sum()).astype(np.int32)
    told = rng.standard_normal((n_items, 2)).astype(np.float32)
    found = company_coordinates(items, np.append(0, np.cumsum(lengths)), told, 0)
    assert found.shape[1] <= N_DIRECTIONS
    assert np.isfinite(found).all()
