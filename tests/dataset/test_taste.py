from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.dataset.features import FeatureField, TokenTable, build_vocabulary, encode_tokens
from newfound.dataset.profile import offer, profiles, taste_evidence, taste_variance
from newfound.dataset.taste import N_DIRECTIONS, N_TOKENS, item_coordinates, token_coordinates

GENRES = 4


def table_of(tokens: list[list[list[str]]]) -> TokenTable:
    return encode_tokens(tokens, vocabulary_of(tokens), len(tokens[0]))


def vocabulary_of(tokens: list[list[list[str]]]) -> list[str]:
    return build_vocabulary(tokens, tuple(FeatureField(f"F{k}", "category") for k in range(len(tokens[0]))))


def genres(rng: np.random.Generator, n: int) -> list[list[list[str]]]:
    """Items of one genre or two, and of a year that says nothing of taste."""
    pairs = rng.integers(0, GENRES, (n, 2))
    return [[[f"g{g}" for g in sorted(set(pair))], [f"y{rng.integers(5)}"]] for pair in pairs.tolist()]


def chosen(rng: np.random.Generator, odds: np.ndarray, n: int) -> np.ndarray:
    """Items of users, n of each, drawn by the odds (n_users, n_items)."""
    share = odds / odds.sum(axis=1, keepdims=True)
    return np.concatenate([rng.choice(odds.shape[1], n, p=row) for row in share]).astype(np.int32)


@pytest.fixture
def world() -> tuple[TokenTable, np.ndarray, np.ndarray, np.ndarray]:
    """Metadata, choices end to end, their offsets, and the true taste (n_users, n_items)."""
    rng = np.random.default_rng(0)
    tokens = genres(rng, 300)
    liking = rng.standard_normal((400, GENRES))
    marks = np.array([[f"g{g}" in item[0] for g in range(GENRES)] for item in tokens], float)
    taste = liking @ (marks / np.sqrt(marks.sum(axis=1, keepdims=True))).T
    items = chosen(rng, np.exp(taste), 40)
    return table_of(tokens), items, np.arange(401) * 40, taste


def variance_of(y: np.ndarray, items: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    return taste_variance(*taste_evidence(y, items, np.diff(offsets)))


def both(n: int) -> np.ndarray:
    return np.ones(n, np.bool_)


def test_coordinates_have_mean_0_and_no_more_than_variance_1_over_all_events(
    world: tuple[TokenTable, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    table, items, offsets, _ = world
    y = item_coordinates(table, token_coordinates(table, both(2), items, offsets, 0), 300)[items]
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-4)
    assert (y.var(axis=0) < 1.001).all()
    assert (y.var(axis=0)[: GENRES - 1] > 0.8).all()


def test_profiles_find_what_people_like(
    world: tuple[TokenTable, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    table, items, offsets, taste = world
    y = item_coordinates(table, token_coordinates(table, both(2), items, offsets, 0), 300)
    variance = variance_of(y, items, offsets)
    assert (variance[: GENRES - 1] > 10 * variance[GENRES:].max(initial=0)).all()
    among = offer(y, np.bincount(items, minlength=300))
    found = profiles(y[items], variance, np.diff(offsets), among) @ y.T
    found -= found.mean(axis=1, keepdims=True)
    true = taste - taste.mean(axis=1, keepdims=True)
    assert np.corrcoef(found.ravel(), true.ravel())[0, 1] > 0.9


def test_an_item_of_which_nothing_is_told_is_at_0(
    world: tuple[TokenTable, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    table, items, offsets, _ = world
    tokens = token_coordinates(table, both(2), items, offsets, 0)
    unknown = encode_tokens([[[], []], [["never seen"], []]], table.vocabulary, 2)
    assert (item_coordinates(unknown, tokens, 2) == 0).all()


def test_fields_that_say_nothing_of_what_an_item_is_have_no_taste(
    world: tuple[TokenTable, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    table, items, offsets, _ = world
    tokens = token_coordinates(table, np.array([True, False]), items, offsets, 0)
    years = [code for code, token in enumerate(table.vocabulary) if token.startswith("y")]
    assert (tokens[years] == 0).all()
    assert tokens.shape[1] == GENRES - 1


def test_without_metadata_or_where_people_do_not_differ_there_is_no_direction() -> None:
    rng = np.random.default_rng(1)
    offsets = np.arange(501) * 40
    nothing = TokenTable([], 0, np.zeros(1, np.int64), np.zeros(0, np.int32))
    tokens = token_coordinates(nothing, both(0), np.zeros(20_000, np.int32), offsets, 0)
    assert item_coordinates(nothing, tokens, 7).shape == (7, 0)
    table = table_of(genres(rng, 200))
    alike = rng.integers(0, 200, 20_000).astype(np.int32)
    found = token_coordinates(table, both(2), alike, offsets, 0)
    assert variance_of(item_coordinates(table, found, 200), alike, offsets).max(initial=0) < 0.01


@given(st.integers(0, 3), st.integers(1, 400), st.integers(0, 5))
def test_any_metadata_and_histories_give_finite_bounded_directions(
    n_fields: int, kinds: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    tokens = [
        [
            [f"{field}-{k}" for k in set(rng.integers(0, kinds, rng.integers(0, 4)).tolist())]
            for field in range(n_fields)
        ]
        for _ in range(30)
    ]
    vocabulary = vocabulary_of(tokens)
    table = encode_tokens(tokens, vocabulary, n_fields)
    lengths = rng.integers(0, 6, 12)
    items = rng.integers(0, 30, lengths.sum()).astype(np.int32)
    offsets = np.append(0, np.cumsum(lengths))
    found = token_coordinates(table, both(n_fields), items, offsets, 0)
    assert found.shape[0] == len(vocabulary)
    assert found.shape[1] <= N_DIRECTIONS
    assert (found[N_TOKENS:] == 0).all()
    y = item_coordinates(table, found, 30)
    variance = variance_of(y, items, offsets)
    among = offer(y, np.bincount(items, minlength=30))
    assert np.isfinite(profiles(y[items], variance, lengths, among)).all()
