"""From scores to click probabilities: how scores become clicks and how far down a list people look.

P(click on the item at position p) = ex_p * sigmoid(slope * log score + level + correction), with examination
ex_p = 1 / (1 + decay * (p - 1)) (model specification §3). `decay` 0 means that order does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MINIMUM_SLOTS = 1_000
STEPS = 200
SETTLED = 1e-6
"""A step that promises a smaller change of log likelihood is not taken."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Stated defaults until enough slots were served: half a log score, a tenth of clicks at a score of 5 %."""

    slope: float = 0.5
    level: float = -0.7
    examination_decay: float = 0.35

    def examination(self, positions: NDArray[np.integer]) -> Floats:
        """Probability (n,) that positions (n,), counted from 1, are looked at; position 0 (order unknown) is 1."""
        return 1 / (1 + self.examination_decay * np.maximum(positions.astype(np.float64) - 1, 0))

    def logits(self, log_scores: NDArray[np.floating]) -> Floats:
        """Click logits (n,) of an examined item with these log scores (n,)."""
        return self.slope * log_scores.astype(np.float64) + self.level


def fit_calibration(
    log_scores: NDArray[np.floating],
    corrections: NDArray[np.floating],
    positions: NDArray[np.integer],
    clicked: NDArray[np.bool_],
    start: Calibration,
) -> Calibration:
    """Fit slope, level and decay by maximum likelihood on served slots (n,), with a weak pull toward the defaults.

    corrections (n,): what posteriors add to the click logits already.

    Below MINIMUM_SLOTS slots, or without any click, `start` is returned.
    """
    if len(log_scores) < MINIMUM_SLOTS or not clicked.any():
        return start
    default = Calibration()
    anchor = np.array([default.slope, default.level, default.examination_decay])
    strength = np.array([50.0, 1.0, 50.0])
    values = np.array([start.slope, start.level, start.examination_decay])
    best = values
    lowest = np.inf
    damping = 1e-3
    gradient, hessian = np.zeros(3), np.eye(3)  # at `best`
    for _ in range(STEPS):
        loss, slope, curvature = _derivatives(values, log_scores, corrections, positions, clicked)
        loss += 0.5 * float(strength @ (values - anchor) ** 2)
        if loss < lowest - 1e-9:
            lowest, best, damping = loss, values, max(damping / 3, 1e-6)
            gradient, hessian = slope + strength * (best - anchor), curvature + np.diag(strength)
        else:
            damping *= 10
        step = np.linalg.solve(hessian + damping * np.diag(np.diag(hessian)), gradient)
        values = np.clip(best - step, [0.05, -12.0, 0.0], [2.0, 4.0, 5.0])
        if abs(float(gradient @ (best - values))) < SETTLED:
            break
    return Calibration(*(float(value) for value in best))


def _derivatives(
    values: Floats,
    log_scores: NDArray[np.floating],
    corrections: NDArray[np.floating],
    positions: NDArray[np.integer],
    clicked: NDArray[np.bool_],
) -> tuple[float, Floats, Floats]:
    """Negative log likelihood, its gradient (3,) and its Fisher information (3, 3)."""
    calibration = Calibration(*(float(value) for value in values))
    depth = np.maximum(positions.astype(np.float64) - 1, 0)
    examined = calibration.examination(positions)
    p = 1 / (1 + np.exp(-calibration.logits(log_scores) - corrections))
    q = np.clip(examined * p, 1e-9, 1 - 1e-9)
    loss = -float(np.where(clicked, np.log(q), np.log1p(-q)).sum())
    by_logit = q * (1 - p)
    rows = np.stack([by_logit * log_scores, by_logit, -q * examined * depth])
    slope = (q - clicked) / (q * (1 - q))
    return loss, rows @ slope, (rows / (q * (1 - q))) @ rows.T
