"""Softmax cross-entropy over all items or a weighted sample of them, with the gradient in the same pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from jax import Array

ROWS_PER_CHUNK = 512  # logits of a chunk stay in cache between their product and their gradient's
LARGEST_LOGIT = 80.0  # exp stays finite in float32, so no maximum has to be found first


@jax.custom_vjp
def softmax_loss(
    o: Array, E: Array, b: Array, target_E: Array, target_b: Array, hit: Array, targets: Array, weights: Array
) -> Array:
    """Sum over rows of weight * -log softmax(target), where the target competes with the candidates.

    `o` (B, d); candidates `E` (K, d) with log-weights `b` (K,) and ids `hit` (K,), of which one equal to the
    row's target is left out; `target_E` (B, d), `target_b` (B,), `targets` (B,), `weights` (B,).
    The whole catalogue as candidates is full softmax; a sample with b - log(K q) is sampled softmax, whose
    partition function is unbiased (Jean et al., ACL 2015).
    """
    return _forward(o, E, b, target_E, target_b, hit, targets, weights)[0]


def _forward(
    o: Array, E: Array, b: Array, target_E: Array, target_b: Array, hit: Array, targets: Array, weights: Array
) -> tuple[Array, tuple[Array, ...]]:
    n_rows = o.shape[0]
    n_chunks = -(-n_rows // ROWS_PER_CHUNK)
    while n_rows % n_chunks:
        n_chunks += 1

    def chunk(
        sums: tuple[Array, ...], rows: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        loss, d_E, d_b = sums
        o, target_E, target_b, targets, weights = rows  # (C, d), (C, d), (C,), (C,), (C,)
        target_logit = jnp.minimum(jnp.sum(o * target_E, axis=-1) + target_b, LARGEST_LOGIT)  # (C,)
        target = jnp.exp(target_logit)
        others = jnp.exp(jnp.minimum(o @ E.T + b[None, :], LARGEST_LOGIT))  # (C, K)
        others = jnp.where(hit[None, :] == targets[:, None], 0.0, others)
        total = target + jnp.sum(others, axis=-1)  # (C,)
        loss += jnp.sum(weights * (jnp.log(total) - target_logit))
        d_others = others * (weights / total)[:, None]  # (C, K)
        d_target = weights * (target / total - 1)  # (C,)
        d_o = d_others @ E + d_target[:, None] * target_E  # (C, d)
        sums = (loss, d_E + d_others.T @ o, d_b + jnp.sum(d_others, axis=0))
        return sums, (d_o, d_target[:, None] * o, d_target)

    rows = tuple(
        a.reshape(n_chunks, n_rows // n_chunks, *a.shape[1:])
        for a in (o, target_E, target_b, targets, weights)
    )
    start = (jnp.zeros((), o.dtype), jnp.zeros_like(E), jnp.zeros_like(b))
    (loss, d_E, d_b), (d_o, d_target_E, d_target_b) = jax.lax.scan(chunk, start, rows)
    flat = (d_o.reshape(o.shape), d_E, d_b, d_target_E.reshape(o.shape), d_target_b.reshape(n_rows))
    return loss, flat


def _backward(gradients: tuple[Array, ...], d_loss: Array) -> tuple[Array | None, ...]:
    return (*(d_loss * g for g in gradients), None, None, None)


softmax_loss.defvjp(_forward, _backward)
