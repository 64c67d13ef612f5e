from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from newfound.model.tower import build_tower, item_vectors

from .builders import field_features

pytestmark = pytest.mark.usefixtures("no_silent_conversion")

FEATURES = field_features([[[0, 1], [2]], [[], [2]], [[], []], [[3], []]], 4)
COUNTS = np.array([9, 2, 0, 5])
TOKENS = jnp.array([[1.0, 0.0], [0.0, 1.0], [10.0, 10.0], [5.0, 7.0]])


def fold(id_kept: object = None) -> np.ndarray:
    ids = {"vectors": jnp.full((4, 2), 100.0), "bias": jnp.full(4, 100.0)}
    content = {"vectors": TOKENS, "bias": TOKENS[:, 0]}
    E, bias = item_vectors(ids, content, build_tower(FEATURES, COUNTS, 5), id_kept)  # type: ignore[arg-type]
    return np.column_stack([E, bias])


def test_an_item_is_its_id_if_known_plus_the_mean_token_of_each_field() -> None:
    expected = [[110.5, 110.5, 110.5], [10, 10, 10], [100, 100, 100], [105, 107, 105]]
    np.testing.assert_allclose(fold(), expected)


def test_a_dropped_id_leaves_the_metadata() -> None:
    expected = [[10.5, 10.5, 10.5], [10, 10, 10], [0, 0, 0], [5, 7, 5]]
    np.testing.assert_allclose(fold(jnp.zeros(4)), expected)


def test_without_metadata_every_item_is_its_id() -> None:
    tower = build_tower(None, COUNTS, 5)
    assert tower.known.tolist() == [1, 1, 1, 1]
    assert tower.tokens.shape == (4, 0)
