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

    def split(rows: Array) -> Array:
        return rows.reshape(n_chunks, n_rows // n_chunks, *rows.shape[1:])

    def chunk(
        sums: tuple[Array, ...], rows: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        loss, d_E, d_b = sums
        o, o_turned, target_logit, targets, weights = rows  # (C, d), (d, C), (C,), (C,), (C,)
        target = jnp.exp(target_logit)
        others = jnp.exp(jnp.minimum(E @ o_turned + b[:, None], LARGEST_LOGIT))  # (K, C)
        others = jnp.where(hit[:, None] == targets[None, :], 0.0, others)
        total = target + jnp.sum(others, axis=0)  # (C,)
        loss += jnp.sum(weights * (jnp.log(total) - target_logit))
        d_others = others * (weights / total)[None, :]  # (K, C)
        sums = (loss, d_E + d_others @ o, d_b + jnp.sum(d_others, axis=1))
        return sums, (E_turned @ d_others, weights * (target / total - 1))

    target_logits = jnp.minimum(jnp.sum(o * target_E, axis=-1) + target_b, LARGEST_LOGIT)  # (B,)
    # Candidates run down and rows across: so no product of the loop has to turn a matrix, which costs as much again.
    E_turned, o_turned = E.T, jnp.swapaxes(split(o), 1, 2)
    start = (jnp.zeros((), o.dtype), jnp.zeros_like(E), jnp.zeros_like(b))
    rows = (split(o), o_turned, split(target_logits), split(targets), split(weights))
    (loss, d_E, d_b), (d_o, d_target) = jax.lax.scan(chunk, start, rows)
    d_target = d_target.reshape(n_rows)
    d_o = jnp.swapaxes(d_o, 1, 2).reshape(o.shape) + d_target[:, None] * target_E
    return loss, (d_o, d_E, d_b, d_target[:, None] * o, d_target)


def _backward(gradients: tuple[Array, ...], d_loss: Array) -> tuple[Array | None, ...]:
    return (*(d_loss * g for g in gradients), None, None, None)


softmax_loss.defvjp(_forward, _backward)


def smoothing_loss(o: Array, E: Array, b: Array, target_E: Array, target_b: Array, weights: Array) -> Array:
    """What the loss gains for each unit of a target's probability that is asked for all candidates alike instead.

    Shapes as in `softmax_loss`. Source: label smoothing, Szegedy et al., CVPR 2016.
    """
    targets = jnp.sum(weights * (jnp.sum(o * target_E, axis=1) + target_b))
    return targets - weights @ o @ jnp.mean(E, axis=0) - jnp.sum(weights) * jnp.mean(b)
