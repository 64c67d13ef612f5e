"""NDCG@10 of the next event of held-out users, ranked among the whole catalogue."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from newfound.model.batches import Steps, last_steps
from newfound.model.data import TrainingData
from newfound.model.network import Params, encode, state_size
from newfound.model.tower import Items, item_vectors

if TYPE_CHECKING:
    from jax import Array

MOST_USERS = 1000
USERS_PER_CHUNK = 250
HISTORY = 128  # little of a state comes from further back
DOUBT = 0.5
"""How many standard errors below another an NDCG of the same users is called as good: the rate still falls, which helps
for certain, and a peak among noisy epochs does not."""


@jax.jit
def fold(params: Params, items: Items) -> tuple[Array, Array]:
    """Fold ids and metadata into the vectors (n_items, d) and biases (n_items,) that rank items."""
    return item_vectors(params["ids"], params["content"], items)


@partial(jax.jit)
def _logits(params: Params, E: Array, bias: Array, steps: Steps) -> Array:
    o, _ = encode(params["net"], E, steps, jnp.zeros((steps.items.shape[1], state_size(E.shape[1]))))
    return o[-1] @ E.T + bias[None, :]  # (L, n_items)


def validation_ndcg(params: Params, items: Items, data: TrainingData) -> float | None:
    """Mean NDCG@10 over at most 1,000 validation users, None without any.

    With `data.exclude_seen`, items of the user's visible history are not ranked, the target excepted.
    Ties are broken by item order.
    """
    known = data.ends[data.validation_users] > data.offsets[data.validation_users]
    chosen = np.flatnonzero(known)[:MOST_USERS]
    if not chosen.size:
        return None
    E, bias = fold(params, items)
    gains = [
        _chunk_gains(params, E, bias, data, chosen[start : start + USERS_PER_CHUNK])
        for start in range(0, chosen.size, USERS_PER_CHUNK)
    ]
    return float(np.mean(np.concatenate(gains)))


def as_good(ndcg: float, data: TrainingData) -> float:
    """The least NDCG@10 that is called as good as `ndcg`. A gain lies in [0, 1]: its variance is m (1 - m) at most."""
    n = min(len(data.validation_users), MOST_USERS)
    return ndcg - DOUBT * math.sqrt(max(ndcg * (1 - ndcg), 0) / max(n, 1))


def _chunk_gains(params: Params, E: Array, bias: Array, data: TrainingData, chosen: np.ndarray) -> np.ndarray:
    padded = np.resize(chosen, USERS_PER_CHUNK)  # one shape, one compilation
    users, targets = data.validation_users[padded].astype(np.int64), data.validation_items[padded]
    steps = last_steps(data, users, data.validation_times[padded], HISTORY)
    logits = np.array(_logits(params, E, bias, steps))
    row = np.arange(padded.size)
    target_logits = logits[row, targets].copy()
    if data.exclude_seen:
        for i, user in enumerate(users):
            logits[i, data.items[data.offsets[user] : data.ends[user]]] = -np.inf
    ahead = np.sum(logits > target_logits[:, None], axis=1)
    ahead += [np.sum(logits[i, : targets[i]] == target_logits[i]) for i in row]
    return np.where(ahead < 10, 1 / np.log2(ahead + 2.0), 0.0)[: chosen.size]
