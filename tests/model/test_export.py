from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from newfound.model.export import export_arrays
from newfound.model.network import init
from newfound.model.tower import build_catalogue

pytestmark = pytest.mark.usefixtures("no_silent_conversion")

ITEMS = build_catalogue(None, np.ones(3, np.int64), 5, np.random.default_rng(0)).everything()


def test_gap_buckets_that_training_never_saw_take_the_nearest_seen() -> None:
    params = init(np.random.default_rng(0), 32, 3, 1, 0)
    params["net"]["G"] = jnp.tile(jnp.arange(64.0)[:, None], (1, 32))
    seen = np.isin(np.arange(64), [10, 20])
    G = export_arrays(params, ITEMS, seen, seen)["G"][:, 0]
    assert G[[1, 10, 14, 16, 20, 63]].tolist() == [10, 10, 10, 20, 20, 20]
    assert G[0] == 0


def test_without_any_seen_gap_the_buckets_stay() -> None:
    params = init(np.random.default_rng(0), 32, 3, 1, 0)
    none = np.zeros(64, bool)
    np.testing.assert_array_equal(export_arrays(params, ITEMS, none, none)["F"], params["net"]["F"])
