"""A gated recurrent unit whose backward pass touches the weights once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from jax import Array


@jax.custom_vjp
def gru(U: Array, gates: Array, keep: Array, h0: Array) -> Array:
    """Run the recurrence over T steps of L lanes: states of shape (T, L, d).

    `U` (d, 3d), `gates` (T, L, 3d) the inputs' share x W + b ordered z|r|n, `keep` (T, L) 0 where a user
    starts and 1 elsewhere, `h0` (L, d). The reset gate acts after the product (cuDNN's form).
    """
    return _forward(U, gates, keep, h0)[0]


def _forward(U: Array, gates: Array, keep: Array, h0: Array) -> tuple[Array, tuple[Array, ...]]:
    d = U.shape[0]

    def step(h: Array, inputs: tuple[Array, Array]) -> tuple[Array, tuple[Array, ...]]:
        x, m = inputs  # (L, 3d), (L,)
        h = m[:, None] * h
        a = h @ U  # (L, 3d)
        zr = jax.nn.sigmoid(x[:, : 2 * d] + a[:, : 2 * d])
        z, r, a = zr[:, :d], zr[:, d:], a[:, 2 * d :]
        n = jnp.tanh(x[:, 2 * d :] + r * a)
        h = n + z * (h - n)
        return h, (h, zr, n, a)

    _, (states, *opened) = jax.lax.scan(step, h0, (gates, keep))
    return states, (U, keep, h0, states, *opened)


def _backward(saved: tuple[Array, ...], d_states: Array) -> tuple[Array, Array, None, Array]:
    U, keep, h0, states, zr, n, a = saved
    d = U.shape[0]
    h = keep[..., None] * jnp.concatenate([h0[None], states[:-1]])  # (T, L, d) before each step
    z, r = zr[..., :d], zr[..., d:]
    d_n = (1 - z) * (1 - n * n)
    slopes = jnp.concatenate([(h - n) * z * (1 - z), d_n * a * r * (1 - r), d_n * r], axis=-1)  # (T, L, 3d)

    def step(carry: Array, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
        d_state, slope, z, m = inputs
        dh = carry + d_state  # (L, d)
        return m[:, None] * (dh * z + (jnp.tile(dh, (1, 3)) * slope) @ U.T), dh

    d_h0, dh = jax.lax.scan(step, jnp.zeros_like(h0), (d_states, slopes, z, keep), reverse=True)
    d_a = jnp.tile(dh, (1, 1, 3)) * slopes  # (T, L, 3d)
    d_U = jnp.einsum("tld,tlg->dg", h, d_a)
    d_gates = jnp.concatenate([d_a[..., : 2 * d], dh * d_n], axis=-1)
    return d_U, d_gates, None, d_h0


gru.defvjp(_forward, _backward)
