"""The few weights of the served blend, by maximum likelihood (model specification §2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]

RIDGE = 10.0
_MAX_STEPS = 50
_MAX_SWEEPS = 500
_TOLERANCE = 1e-9
_BLOCK = 1 << 16  # of components: what is made of so many stays in the cache


@dataclass(frozen=True, slots=True)
class BlendFit:
    """Weights float64 `[n_components]`, their standard errors, and what they gained.

    `before` and `after` are mean log-likelihoods of the targets, under the defaults and the fitted weights.
    """

    weights: Float64
    standard_errors: Float64
    before: float
    after: float


def fit(
    components: Float32,
    offsets: Float32,
    defaults: ArrayLike,
    signed: ArrayLike = False,
    ridge: ArrayLike = RIDGE,
) -> BlendFit:
    """Fit w in softmax(components @ w + offsets) so that the candidates in column 0 become likely.

    `components` are float32 `[n, m, n_components]`, finite; `offsets` `[n, m]`, finite in column 0, -inf for
    filler. Weights stay at or above 0 unless `signed`. The penalty ridge / 2 * |w - defaults|^2 weighs about as much
    as `ridge` examples (one for all weights, or one each), so a handful leaves the defaults nearly as they are.
    The problem is convex: Newton steps inside the bounds, with halving. Raises ValueError on values that are
    not finite.
    """
    if not np.isfinite(components).all() or not np.isfinite(offsets[:, 0]).all():
        raise ValueError("components and the offsets of the targets must be finite")
    start = np.asarray(defaults, np.float64)
    pull = np.broadcast_to(np.asarray(ridge, np.float64), start.shape)
    floor = np.where(np.broadcast_to(signed, start.shape), -np.inf, 0.0)
    n = max(len(components), 1)

    def objective(weights: Float64) -> tuple[float, Float64, Float64]:
        loss, gradient, hessian = _loss(components, offsets, weights)
        away = weights - start
        penalty = float(pull @ (away * away)) / 2
        return loss + penalty, gradient + pull * away, hessian + np.diag(pull)

    weights = np.maximum(start, floor)
    value, gradient, hessian = objective(weights)
    for _ in range(_MAX_STEPS):
        step = _bounded_step(gradient, hessian, floor - weights)
        trial = objective(weights + step)
        while trial[0] > value + 1e-4 * gradient @ step and np.abs(step).max() > _TOLERANCE:
            step *= 0.5
            trial = objective(weights + step)
        if value - trial[0] <= _TOLERANCE * n:
            break
        weights = weights + step
        value, gradient, hessian = trial
    return BlendFit(
        weights,
        np.sqrt(np.diag(np.linalg.inv(hessian))),
        -_loss(components, offsets, start)[0] / n,
        -_loss(components, offsets, weights)[0] / n,
    )


def _bounded_step(gradient: Float64, hessian: Float64, lowest: Float64) -> Float64:
    """Minimise gradient @ s + s @ hessian @ s / 2 over s >= lowest, one coordinate at a time."""
    step = np.zeros_like(gradient)
    for _ in range(_MAX_SWEEPS):
        before = step.copy()
        for k in range(len(step)):
            step[k] = max(lowest[k], step[k] - (gradient[k] + hessian[k] @ step) / hessian[k, k])
        if np.abs(step - before).max() <= _TOLERANCE:
            break
    return step


def _loss(components: Float32, offsets: Float32, weights: Float64) -> tuple[float, Float64, Float64]:
    """Sum over examples: negative log-likelihood, gradient, Hessian."""
    size = len(weights)
    loss, gradient, hessian = 0.0, np.zeros(size), np.zeros((size, size))
    block = max(1, _BLOCK // max(1, components.shape[1] * size))
    for low in range(0, len(components), block):
        rivals = components[low : low + block].astype(np.float64)
        rivals -= rivals[:, :1]  # only differences to the target matter: (B, M, K)
        logits = rivals @ weights + offsets[low : low + block]
        logits -= offsets[low : low + block, :1]
        top = logits.max(axis=1, keepdims=True)
        odds = np.exp(logits - top)
        total = odds.sum(axis=1, keepdims=True)
        odds /= total
        mean = np.einsum("bm,bmk->bk", odds, rivals)
        weighted = (rivals * odds[:, :, None]).reshape(-1, size)
        loss += float(np.sum(np.log(total) + top))
        gradient += mean.sum(axis=0)
        hessian += weighted.T @ rivals.reshape(-1, size) - mean.T @ mean
    return loss, gradient, hessian
