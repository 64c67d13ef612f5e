from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from newfound.model.network import FADE, drop, project, remember

pytestmark = pytest.mark.usefixtures("no_silent_conversion")


def normal(seed: int, *shape: int) -> jax.Array:
    return jnp.array(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def test_memories_are_faded_sums_since_the_user_started() -> None:
    T, L, d, m = 6, 4, 3, len(FADE)
    x, keep = normal(0, T, L, d), jnp.array(np.random.default_rng(1).random((T, L)) > 0.3, jnp.float32)
    sums, counts = normal(2, L, m, d), jnp.ones((L, m))
    all_sums, all_counts = remember(x, keep, sums, counts)
    fade = np.array(FADE)[None, :]
    for t in range(T):
        left = fade * np.array(keep)[t][:, None]
        sums = left[..., None] * sums + np.array(x)[t][:, None, :]
        counts = left * counts + 1
        np.testing.assert_allclose(all_sums[t], sums, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(all_counts[t], counts, rtol=1e-5)


def test_projection_has_the_gradients_of_the_plain_product() -> None:
    x, W, weights = normal(0, 5, 4, 3), normal(1, 3, 6), normal(2, 5, 4, 6)
    ours, plain = (
        jax.grad(lambda x, W, f=f: jnp.sum(weights * f(x, W)), argnums=(0, 1))(x, W)
        for f in (project, jnp.matmul)
    )
    for a, b in zip(ours, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_dropping_keeps_the_mean_and_a_share_of_the_entries() -> None:
    ones = jnp.ones((32, 64, 128))
    kept = np.array(drop(ones, 0.25, jax.random.key(0)))
    other = np.array(drop(ones, 0.25, jax.random.key(1)))
    assert set(np.unique(kept)) == {np.float32(0), np.float32(1 / 0.75)}
    assert kept.mean() == pytest.approx(1, abs=0.005)
    flat = kept.ravel()
    for unlike in (np.roll(flat, 1), np.roll(flat, 128), other.ravel()):
        assert np.corrcoef(flat, unlike)[0, 1] == pytest.approx(0, abs=0.01)
    np.testing.assert_array_equal(drop(ones, 0.0, jax.random.key(0)), ones)
