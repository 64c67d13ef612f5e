"""What the state asks of the last items: attention over their vectors, each lag with a weight of its own.

A recurrent state holds what came before in a mixture; which of the last items matter depends on what they are.
Scaled dot products as in Vaswani et al., Attention is all you need (2017), without a matrix of their own for keys.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from jax import Array

WINDOW = 32
"""Items before the last one that are looked at."""
KEYS = 32
"""How many coordinates of an item answer, the first: vectors start with the strongest directions of affinity there."""
SOFTNESS = 4
"""Scores are divided by so many times the root of the coordinates that answer."""


def window_size(d: int) -> int:
    """Count the values that carry a window from batch to batch: vectors, each with a mark that there is one."""
    return WINDOW * (d + 1)


def attend(queries: Array, inputs: Array, keep: Array, lags: Array, window: Array) -> tuple[Array, Array]:
    """Mix each step's last WINDOW + 1 inputs, its own among them, by how well they answer its query.

    queries (T, L, k), k at most KEYS; inputs (T, L, d); keep (T, L) 0 where a user starts; lags (WINDOW + 1,), the
    newest first; window (L, window_size) of the steps before. Returns mixtures (T, L, d) and the window after.
    """
    T, L, d = inputs.shape
    before = window.reshape(L, WINDOW, d + 1)
    # No gradient flows into the batch before.
    vectors = jnp.concatenate([jax.lax.stop_gradient(before[..., :d]), jnp.swapaxes(inputs, 0, 1)], axis=1)
    user = jnp.cumsum(1 - keep.T, axis=1)  # (L, T) counted within the batch
    owner = jnp.concatenate([jnp.where(before[..., d] > 0, 0.0, -1.0), user], axis=1)  # (L, WINDOW + T)
    lag = np.arange(T)[:, None] + WINDOW - np.arange(WINDOW + T)[None, :]
    near = (lag >= 0) & (lag <= WINDOW)
    keys = vectors[..., : queries.shape[-1]] / (SOFTNESS * math.sqrt(queries.shape[-1]))
    scores = jnp.einsum("ltk,lsk->lts", jnp.swapaxes(queries, 0, 1), keys)
    scores += lags[np.clip(lag, 0, WINDOW)][None]
    scores = jnp.where(near[None] & (owner[:, None, :] == user[:, :, None]), scores, -jnp.inf)
    mixed = jnp.einsum("lts,lsd->ltd", jax.nn.softmax(scores, axis=-1), vectors)
    mark = (owner[:, -WINDOW:, None] == user[:, -1:, None]).astype(inputs.dtype)
    after = jnp.concatenate([vectors[:, -WINDOW:], mark], axis=-1)
    return jnp.swapaxes(mixed, 0, 1), after.reshape(L, -1)
