"""From scores to click probabilities: how scores become clicks and how far down a list people look.

P(click on the item at position p) = ex_p * sigmoid(slope * log score + level + correction - discount * log(1 + looks)),
with examination ex_p = 1 / (1 + decay * (p - 1)) (model specification §3) and the looks of `explore/displays.py`.
`decay` 0 means that order does not matter.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MINIMUM_SLOTS = 1_000
STEPS = 200
LEAST, MOST = np.array([0.05, -12.0, 0.0, 0.0]), np.array([2.0, 4.0, 5.0, 3.0])
"""Bounds of slope, level, decay and discount."""
SETTLED = 1e-6
"""A step that promises a smaller change of log likelihood is not taken."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Stated defaults until enough slots were served: half a log score, a tenth of clicks at a score of 5 %."""

    slope: float = 0.5
    level: float = -0.7
    examination_decay: float = 0.35
    discount: float = 0.3

    def examination(self, positions: NDArray[np.integer]) -> Floats:
        """Probability (n,) that positions (n,), counted from 1, are looked at; position 0 (order unknown) is 1."""
        return 1 / (1 + self.examination_decay * np.maximum(positions.astype(np.float64) - 1, 0))

    def logits(self, log_scores: NDArray[np.floating], looks: NDArray[np.floating]) -> Floats:
        """Click logits (n,) of an examined item with these log scores and earlier looks (n,)."""
        return self.slope * log_scores.astype(np.float64) + self.level - self.discount * np.log1p(looks)


def fit_calibration(
    log_scores: NDArray[np.floating],
    corrections: NDArray[np.floating],
    looks: NDArray[np.floating],
    positions: NDArray[np.integer],
    clicked: NDArray[np.bool_],
    start: Calibration,
) -> Calibration:
    """Fit slope, level, decay and discount by maximum likelihood on served slots (n,), weakly pulled to the defaults.

    corrections (n,): what posteriors add to the click logits already; looks (n,): what the same people saw before.
    Below MINIMUM_SLOTS slots, or without any click, `start` is returned.
    """
    if len(log_scores) < MINIMUM_SLOTS or not clicked.any():
        return start
    anchor, values = np.array(astuple(Calibration())), np.array(astuple(start))
    strength = np.array([50.0, 1.0, 50.0, 50.0])
    best = values
    lowest = np.inf
    damping = 1e-3
    gradient, hessian = np.zeros(4), np.eye(4)  # at `best`
    for _ in range(STEPS):
        loss, slope, curvature = _derivatives(values, log_scores, corrections, looks, positions, clicked)
        loss += 0.5 * float(strength @ (values - anchor) ** 2)
        if loss < lowest - 1e-9:
            lowest, best, damping = loss, values, max(damping / 3, 1e-6)
            gradient, hessian = slope + strength * (best - anchor), curvature + np.diag(strength)
        else:
            damping *= 10
        # Newton's step for those that are not held at a bound, damped; the others would bend it to no gain.
        free = ~(((best == LEAST) & (gradient > 0)) | ((best == MOST) & (gradient < 0)))
        curved = np.where(free[:, None] & free, hessian, 0) + np.diag(~free)
        step = np.linalg.solve(curved + damping * np.diag(np.diag(curved)), np.where(free, gradient, 0))
        values = np.clip(best - step, LEAST, MOST)
        if abs(float(gradient @ (best - values))) < SETTLED:
            break
    return Calibration(*(float(value) for value in best))


def _derivatives(
    values: Floats,
    log_scores: NDArray[np.floating],
    corrections: NDArray[np.floating],
    looks: NDArray[np.floating],
    positions: NDArray[np.integer],
    clicked: NDArray[np.bool_],
) -> tuple[float, Floats, Floats]:
    """Negative log likelihood, its gradient (4,) and its Fisher information (4, 4)."""
    calibration = Calibration(*(float(value) for value in values))
    depth = np.maximum(positions.astype(np.float64) - 1, 0)
    examined = calibration.examination(positions)
    p = 1 / (1 + np.exp(-calibration.logits(log_scores, looks) - corrections))
    q = np.clip(examined * p, 1e-9, 1 - 1e-9)
    loss = -float(np.where(clicked, np.log(q), np.log1p(-q)).sum())
    by_logit = q * (1 - p)
    rows = np.stack([by_logit * log_scores, by_logit, -q * examined * depth, -by_logit * np.log1p(looks)])
    slope = (q - clicked) / (q * (1 - q))
    return loss, rows @ slope, (rows / (q * (1 - q))) @ rows.T
