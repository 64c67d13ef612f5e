"""The recurrent network: from a user's events to logits over items (model specification §2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from newfound.dataset.gaps import N_GAPS
from newfound.model.attention import KEYS, WINDOW, attend, window_size
from newfound.model.gru import gru

LAYER_NORM_EPSILON = 1e-6
FADE = (0.98,)
"""What is left of an input in each memory after one more event; .98 halves it in 34 events."""

LEANING = np.float32(0.5)
"""What is added to the diagonal of the matrices that read the last input and the memories."""
ITEM_SCALE = 0.05
"""Standard deviation of what item vectors start with."""
MIXED_SCALE = 0.2
"""What the last items' mixture counts at first, next to what else is read."""

if TYPE_CHECKING:
    from jax import Array

    from newfound.model.batches import Steps

Params: TypeAlias = "dict[str, dict[str, Array]]"
"""net: what every user shares; ids: one row an item; content: one row a metadata token."""


def init(rng: np.random.Generator, d: int, n_items: int, n_types: int, n_tokens: int) -> Params:
    """Draw initial parameters for width `d`. In numpy, because compiling the draws would take more than a second.

    `A` and `M` lean to the identity: from the start a user asks for items like the last one and those of the memories.
    """

    def normal(scale: float, *shape: int) -> Array:
        return jnp.asarray(np.float32(scale) * rng.standard_normal(shape, np.float32))

    def zeros(*shape: int) -> Array:
        return jnp.asarray(np.zeros(shape, np.float32))

    alike = jnp.asarray(LEANING * np.eye(d, dtype=np.float32))
    net = {
        "W": normal(d**-0.5, d, 3 * d),
        "U": normal(d**-0.5, d, 3 * d),
        "b": jnp.asarray(np.repeat(np.array([1, 0, 0], np.float32), d)),  # z starts open: states remember
        "W_o": normal(d**-0.5, d, d),
        "A": normal(d**-0.5, d, d) + alike,
        "F": zeros(N_GAPS, d),
        "G": zeros(N_GAPS, d),
        "T": zeros(n_types, d),
        "M": normal(d**-0.5, len(FADE), d, d) + alike[None],
        "Q": normal(d**-0.5, d, min(d, KEYS)),
        "V": normal(MIXED_SCALE * d**-0.5, d, d),
        "lags": zeros(WINDOW + 1),
    }
    ids = {"vectors": normal(ITEM_SCALE, n_items, d), "bias": zeros(n_items)}
    content = {"vectors": normal(ITEM_SCALE, n_tokens, d), "bias": zeros(n_tokens)} if n_tokens else {}
    return {"net": net, "ids": ids, "content": content}


def encode(
    net: dict[str, Array],
    E: Array,
    steps: Steps,
    state: Array,
    dropout: float | Array = 0.0,
    key: Array | None = None,
) -> tuple[Array, Array]:
    """Read T steps of L lanes from `state` (L, state_size): queries o (T, L, d) and the state after them.

    `steps.items` index the rows of `E` (R, d). Logits are o @ E.T + bias. A state is the unit's own state and the
    memories, as in `newfound.serving.network`, and the window of the last items.
    """
    d = E.shape[1]
    items = E[steps.items]
    x = items + net["F"][steps.gaps] + net["G"][steps.next_gaps] + net["T"][steps.types]
    items, x = math.sqrt(d) / 2 * items, math.sqrt(d) / 2 * x  # (T, L, d)
    if key is not None:
        x = drop(x, dropout, jax.random.fold_in(key, 0))
        items = drop(items, dropout, jax.random.fold_in(key, 4))
    gates = project(x, net["W"]) + net["b"][None, None, :]  # (T, L, 3d)
    h = gru(net["U"], gates, steps.keep, state[:, :d])  # (T, L, d)
    memories = state[:, d : -window_size(d)].reshape(-1, len(FADE), d + 1)
    sums, counts = remember(x, steps.keep, memories[..., :d], memories[..., d])  # (T, L, m, d), (T, L, m)
    means = sums / jnp.sqrt(counts)[..., None]
    memories = jnp.concatenate([sums[-1], counts[-1, ..., None]], axis=-1)
    last = h[-1]
    if key is not None:
        h = drop(h, dropout, jax.random.fold_in(key, 1))
        means = drop(means, dropout, jax.random.fold_in(key, 3))
    read = sum(project(means[:, :, k], M) for k, M in enumerate(net["M"]))
    mixed, window = attend(project(h, net["Q"]), items, steps.keep, net["lags"], state[:, -window_size(d) :])
    state = jnp.concatenate([last, memories.reshape(len(state), -1), window], axis=1)
    return layer_norm(project(h, net["W_o"]) + project(x, net["A"]) + read + project(mixed, net["V"])), state


def state_size(d: int) -> int:
    """Count the values of a state: the unit's own, then the memories with their weights, then the window."""
    return d + len(FADE) * (d + 1) + window_size(d)


@jax.custom_vjp
def project(x: Array, W: Array) -> Array:
    """Multiply inputs (T, L, d) by weights (d, e), with the weights' gradient in the order that XLA does fast."""
    return x @ W


def _project_forward(x: Array, W: Array) -> tuple[Array, tuple[Array, Array]]:
    return x @ W, (x, W)


def _project_backward(saved: tuple[Array, Array], d_out: Array) -> tuple[Array, Array]:
    x, W = saved
    return d_out @ W.T, jnp.einsum("tld,tle->de", x, d_out)


project.defvjp(_project_forward, _project_backward)


def remember(x: Array, keep: Array, sums: Array, counts: Array) -> tuple[Array, Array]:
    """Add inputs (T, L, d), and ones, to memories that fade at every step, and tell them after each.

    `sums` (L, m, d) and `counts` (L, m) come from the steps before; returns (T, L, m, d) and (T, L, m).
    """
    left = jnp.array(FADE)[None, None, :] * keep[..., None]  # (T, L, m) of what was there before each step

    def add(memory: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        x, left = inputs  # (L, d), (L, m)
        memory = left[..., None] * memory + x[:, None, :]
        return memory, memory

    # Apart, so that no gradient is taken of counts.
    sums = jax.lax.scan(add, sums, (x, left))[1]
    return sums, jax.lax.scan(add, counts[..., None], (jnp.ones_like(x[..., :1]), left))[1][..., 0]


def drop(x: Array, rate: float | Array, key: Array) -> Array:
    """Zero a share `rate` of the entries and scale up the others.

    The coins are a hash of the entry's number: as random as is needed here, and a tenth of threefry's cost.
    """
    number = jax.lax.iota(jnp.uint32, x.size).reshape(x.shape)
    coins = _mix(number + jax.random.bits(key))
    return jnp.where(coins >= jnp.uint32(rate * 2.0**32), x / (1 - rate), 0.0)


def _mix(word: Array) -> Array:
    """Scatter the bits of words, one to one (the finalizer of MurmurHash3)."""
    word = (word ^ (word >> 16)) * jnp.uint32(0x85EBCA6B)
    word = (word ^ (word >> 13)) * jnp.uint32(0xC2B2AE35)
    return word ^ (word >> 16)


def layer_norm(x: Array) -> Array:
    """Give every vector mean 0 and variance 1, without a gain."""
    x = x - jnp.mean(x, axis=-1, keepdims=True)
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + LAYER_NORM_EPSILON)
