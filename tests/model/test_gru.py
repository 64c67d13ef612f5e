from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from newfound.model.gru import gru

pytestmark = pytest.mark.usefixtures("no_silent_conversion")


def plain_gru(U: jax.Array, gates: jax.Array, keep: jax.Array, h0: jax.Array) -> jax.Array:
    """The recurrence written naively, for automatic differentiation."""
    d, h, states = U.shape[0], h0, []
    for t in range(gates.shape[0]):
        h = keep[t][:, None] * h
        z = jax.nn.sigmoid(gates[t][:, :d] + h @ U[:, :d])
        r = jax.nn.sigmoid(gates[t][:, d : 2 * d] + h @ U[:, d : 2 * d])
        n = jnp.tanh(gates[t][:, 2 * d :] + r * (h @ U[:, 2 * d :]))
        h = (1 - z) * n + z * h
        states.append(h)
    return jnp.stack(states)


def random_inputs() -> tuple[jax.Array, ...]:
    rng = np.random.default_rng(3)
    T, L, d = 6, 4, 5
    U, gates = rng.normal(size=(d, 3 * d)), rng.normal(size=(T, L, 3 * d))
    keep, h0 = rng.random((T, L)) > 0.3, rng.normal(size=(L, d))
    return tuple(jnp.array(a, jnp.float32) for a in (U, gates, keep, h0))


def test_states_are_those_of_the_naive_recurrence() -> None:
    inputs = random_inputs()
    np.testing.assert_allclose(gru(*inputs), plain_gru(*inputs), rtol=1e-5, atol=1e-6)


def test_gradients_are_those_of_plain_automatic_differentiation() -> None:
    U, gates, keep, h0 = random_inputs()
    weights = jnp.array(np.random.default_rng(4).normal(size=gates.shape[:2] + h0.shape[1:]), jnp.float32)

    def gradients(f: object) -> tuple[jax.Array, ...]:
        return jax.grad(lambda U, x, h: jnp.sum(weights * f(U, x, keep, h)), argnums=(0, 1, 2))(U, gates, h0)  # type: ignore[operator]  # jax leaves f untyped

    for ours, plain in zip(gradients(gru), gradients(plain_gru), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-5)


def test_a_user_start_forgets_the_lane() -> None:
    U, gates, keep, h0 = random_inputs()
    keep = keep.at[2].set(0.0)
    other = gru(U, gates, keep, h0 + 1.0)
    np.testing.assert_array_equal(gru(U, gates, keep, h0)[2:], other[2:])
