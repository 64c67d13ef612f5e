"""What is believed of an item before anyone has seen it: empirical Bayes on warm items (model specification §3).

theta_i = [bias; projection of the item vector] on user features x = [1; P (o_u - center)]. The mean of the vector
part is the item's content vector; this module says how far warm items lie from what their metadata predicts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

N_DIRECTIONS = 16
N_FOLDS = 5
RIDGE = 10.0


@dataclass(frozen=True, slots=True)
class UserFeatures:
    """x = [1; P (o - center)]: directions P float32 (k, d), center float32 (d,)."""

    directions: Floats
    center: Floats

    def of(self, vectors: Floats) -> Floats:
        """Features (n, 1 + k) of user vectors o (n, d)."""
        projected = ((vectors - self.center) @ self.directions.T).astype(np.float32, copy=False)
        return np.concatenate([np.ones((len(vectors), 1), np.float32), projected], axis=1)


def principal_user_features(vectors: Floats) -> UserFeatures:
    """Take the top principal directions of user vectors (n, d)."""
    center = vectors.mean(axis=0)
    centered = (vectors - center).astype(np.float64)
    eigenvectors = np.asarray(np.linalg.eigh(centered.T @ centered)[1], np.float64)
    k = min(N_DIRECTIONS, vectors.shape[1])
    return UserFeatures(eigenvectors[:, ::-1][:, :k].T.astype(np.float32), center.astype(np.float32))


@dataclass(frozen=True, slots=True)
class RidgeFit:
    """A ridge regression on one-hot tokens: coefficients float64 (n_features + 1,), the last is the intercept."""

    coefficients: NDArray[np.float64]
    residual_variance: float

    def predict(self, features: Floats) -> Floats:
        """Predictions (n,) for features (n, n_features)."""
        return (features @ self.coefficients[:-1] + self.coefficients[-1]).astype(np.float32)


def fit_ridge(features: Floats, target: Floats, seed: int) -> RidgeFit:
    """Fit on n items; the residual variance is out of fold, so a lucky fit does not look certain."""
    n = len(target)
    folds = np.random.default_rng(seed).integers(0, N_FOLDS, n)
    errors = np.zeros(n)
    for fold in range(N_FOLDS):
        held = folds == fold
        if held.any() and not held.all():
            coefficients = _solve(features[~held], target[~held])
            errors[held] = target[held] - features[held] @ coefficients[:-1] - coefficients[-1]
    return RidgeFit(_solve(features, target), float(np.mean(errors**2)) if n else 0.0)


def _solve(features: Floats, target: Floats) -> NDArray[np.float64]:
    mean = features.mean(axis=0, dtype=np.float64)
    level = float(target.mean(dtype=np.float64))
    x = features - mean
    gram = x.T.astype(np.float64) @ x + RIDGE * np.eye(x.shape[1])
    slope = np.linalg.solve(gram, x.T.astype(np.float64) @ (target - level))
    return np.append(slope, level - mean @ slope)
