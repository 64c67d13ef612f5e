from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from newfound.model import tower
from newfound.model.tower import Catalogue, Items, build_catalogue, item_vectors

from .builders import field_features

pytestmark = pytest.mark.usefixtures("no_silent_conversion")

FEATURES = field_features([[[0, 1], [2]], [[], [2]], [[], []], [[3], []]], 4)
COUNTS = np.array([9, 2, 0, 5])
TOKENS = jnp.array([[1.0, 0.0], [0.0, 1.0], [10.0, 10.0], [5.0, 7.0]])


def catalogue() -> Catalogue:
    return build_catalogue(FEATURES, COUNTS, 5, np.random.default_rng(0))


def fold(items: Items, id_kept: object = None) -> np.ndarray:
    ids = {"vectors": jnp.full((items.rows.size, 2), 100.0), "bias": jnp.full(items.rows.size, 100.0)}
    content = {"vectors": TOKENS, "bias": TOKENS[:, 0]}
    E, bias = item_vectors(ids, content, items, id_kept)  # type: ignore[arg-type]  # a jax array or None
    return np.column_stack([E, bias])


def test_an_item_is_its_id_if_known_plus_the_mean_token_of_each_field() -> None:
    expected = [[110.5, 110.5, 110.5], [10, 10, 10], [100, 100, 100], [105, 107, 105]]
    np.testing.assert_allclose(fold(catalogue().everything()), expected)


def test_a_dropped_id_leaves_the_metadata() -> None:
    expected = [[10.5, 10.5, 10.5], [10, 10, 10], [0, 0, 0], [5, 7, 5]]
    np.testing.assert_allclose(fold(catalogue().everything(), jnp.zeros(4)), expected)


def test_some_items_are_the_same_as_among_all_of_them() -> None:
    whole = fold(catalogue().everything())
    items = catalogue().take(np.array([0, 3]), 5, catalogue().most_tokens(5))
    np.testing.assert_allclose(fold(items)[:2], whole[[0, 3]])
    assert items.rows.tolist() == [0, 3, 4, 5, 6]


def test_without_metadata_every_item_is_its_id() -> None:
    plain = build_catalogue(None, COUNTS, 5, np.random.default_rng(0))
    assert plain.known.tolist() == [1, 1, 1, 1]
    assert plain.tokens.size == 0


def test_long_texts_are_thinned_in_turn_from_each_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tower, "TOKENS_PER_ITEM", 4)
    features = field_features([[list(range(10)), [10]], [[11], [12]]], 13)
    thin = build_catalogue(features, COUNTS[:2], 5, np.random.default_rng(0))
    assert np.diff(thin.offsets).tolist() == [4, 2]
    assert thin.tokens[3] == 10
    assert set(thin.tokens[:3].tolist()) < set(range(10))
    np.testing.assert_allclose(thin.weights, [1 / 3, 1 / 3, 1 / 3, 1, 1, 1])
