"""What is known of an item once people have seen it: a Gaussian posterior from impressions (model specification §3).

One trial is one (response or list, item): shown at a position, clicked or not. The correction delta_i to relevance is
N(0, prior variance); P(click) = ex * sigmoid(slope * log score + level + x . delta_i - discount * log(1 + looks)). The
posterior is recomputed from all of an item's trials, so the order and batching of their arrival cannot matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import ranges
from newfound.explore.calibration import Calibration

Floats = NDArray[np.float32]

NEWTON_STEPS = 8
BLOCK_TRIALS = 16_000
"""So many fit a processor's cache with all that a Newton step makes of them."""
LEAST_VARIANCE = np.float32(1e-8)
SHARING_STEPS = 3
LEVEL_DOUBT = 5.0
"""So many fully known newcomers weigh as much as the belief that they are as promised."""
SCALE_DOUBT = 10.0
"""So many fully known newcomers weigh as much as the belief that they differ as FULL expected."""
SCALE_RANGE = (0.25, 16.0)
SETTLED = 1e-4
"""An item whose last step was smaller is done."""


@dataclass(frozen=True, slots=True)
class Trials:
    """n trials. item int32 codes; user_features float32 (n, k); log_score float32, the score when shown;

    position int16 from 1 (0: order unknown); clicked bool; key uint64 names the response or list that showed it; looks
    float32: how often the same person had seen the item before (`explore/displays.py`).
    """

    item: NDArray[np.int32]
    user_features: Floats
    log_score: Floats
    position: NDArray[np.int16]
    clicked: NDArray[np.bool_]
    key: NDArray[np.uint64]
    looks: Floats

    def rows(self, index: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Trials:
        """Select trials."""
        return Trials(*(getattr(self, name)[index] for name in TRIAL_FIELDS))

    def by_item(self) -> Trials:
        """Sort by item, then by key: an order that no arrival can change."""
        return self.rows(np.lexsort((self.key, self.item)))

    @staticmethod
    def empty(n_features: int) -> Trials:
        """No trials yet."""
        return Trials(
            np.zeros(0, np.int32),
            np.zeros((0, n_features), np.float32),
            np.zeros(0, np.float32),
            np.zeros(0, np.int16),
            np.zeros(0, np.bool_),
            np.zeros(0, np.uint64),
            np.zeros(0, np.float32),
        )

    @staticmethod
    def concatenate(parts: list[Trials]) -> Trials:
        """Join trials end to end."""
        return Trials(*(np.concatenate([getattr(p, name) for p in parts]) for name in TRIAL_FIELDS))


TRIAL_FIELDS = ("item", "user_features", "log_score", "position", "clicked", "key", "looks")


@dataclass(frozen=True, slots=True)
class Posteriors:
    """Posteriors of m items: item int32, sorted; mean and variance float32 (m, k), diagonal."""

    item: NDArray[np.int32]
    mean: Floats
    variance: Floats

    @staticmethod
    def concatenate(parts: list[Posteriors]) -> Posteriors:
        """Join posteriors of different items and sort them."""
        item, mean, variance = (
            np.concatenate([getattr(p, name) for p in parts]) for name in ("item", "mean", "variance")
        )
        order = np.argsort(item)
        return Posteriors(item[order], mean[order], variance[order])

    @staticmethod
    def empty(n_features: int) -> Posteriors:
        """No posteriors: every item stands at its prior."""
        nothing = np.zeros((0, n_features), np.float32)
        return Posteriors(np.zeros(0, np.int32), nothing, nothing)


def corrections(posteriors: Posteriors, items: NDArray[np.int32], features: Floats) -> Floats:
    """Mean correction x . delta (n,) of items with codes (n,) for user features (n, k); 0 where there is none."""
    if not len(posteriors.item):
        return np.zeros(len(items), np.float32)
    at = np.minimum(np.searchsorted(posteriors.item, items), len(posteriors.item) - 1)
    mean = np.where((posteriors.item[at] == items)[:, None], posteriors.mean[at], 0)
    return np.einsum("nk,nk->n", features, mean, dtype=np.float32)


def fit_sharing(
    trials: Trials, prior_variance: Floats, calibration: Calibration, newcomers: NDArray[np.bool_]
) -> tuple[Posteriors, float]:
    """Fit posteriors when newcomers (n_items,) may all be better, and may differ more, than was thought.

    The level that they have in common is the prior mean of all of them, tried or not, and how many times as much as
    `prior_variance` their appeal varies, which comes second, is the scale of its variance: what the first ones teach
    holds for those that nobody has seen.
    """
    known = fit_posteriors(trials.rows(~newcomers[trials.item]), prior_variance, calibration)
    theirs = trials.rows(newcomers[trials.item]).by_item()
    if not len(theirs.item):
        return known, 1.0
    level, scale, found = 0.0, 1.0, None
    for _ in range(SHARING_STEPS):
        scaled = _scaled(prior_variance, scale)
        found = _fit_sorted(theirs, scaled, calibration, level, found)
        level, scale = _shared(found, scaled[found.item, 0], level, scale)
    scaled = _scaled(prior_variance, scale)
    found = _fit_sorted(theirs, scaled, calibration, level, found)
    untried = np.setdiff1d(np.flatnonzero(newcomers), found.item).astype(np.int32)
    mean = np.zeros((len(untried), prior_variance.shape[1]), np.float32)
    mean[:, 0] = level
    return Posteriors.concatenate([known, found, Posteriors(untried, mean, scaled[untried])]), scale


def _scaled(prior_variance: Floats, scale: float) -> Floats:
    return np.column_stack([prior_variance[:, 0] * np.float32(scale), prior_variance[:, 1:]])


def _shared(found: Posteriors, prior: Floats, level: float, scale: float) -> tuple[float, float]:
    """Find the level and the scale anew, by moments, after a fit at the ones given (empirical Bayes).

    With s_i the share of the prior variance that is gone, delta_i - level is s_i times the truth's distance from the
    level on average, and has the variance s_i^2 true + s_i (1 - s_i) prior.
    """
    prior = np.maximum(prior, LEAST_VARIANCE)
    gone = (1 - found.variance[:, 0] / prior).astype(np.float64)
    mean = found.mean[:, 0].astype(np.float64)
    level += (float((mean - level).sum()) - LEVEL_DOUBT * level) / (float(gone.sum()) + LEVEL_DOUBT)
    varied = scale * float((np.square(mean - level) / prior - gone * (1 - gone)).sum())
    scale = (varied + SCALE_DOUBT) / (float(np.square(gone).sum()) + SCALE_DOUBT)
    return level, float(np.clip(scale, *SCALE_RANGE))


def fit_posteriors(trials: Trials, prior_variance: Floats, calibration: Calibration) -> Posteriors:
    """Fit the posterior of every item that has trials.

    prior_variance: float32 (n_items, k). Mean by Newton's method with the full Hessian, summed in a fixed order;
    variance from the Hessian's diagonal.
    """
    if not len(trials.item):
        return Posteriors.empty(prior_variance.shape[1])
    return _fit_sorted(trials.by_item(), prior_variance, calibration, 0.0)


def _fit_sorted(
    trials: Trials,
    prior_variance: Floats,
    calibration: Calibration,
    level: float,
    begin: Posteriors | None = None,
) -> Posteriors:
    """Fit trials that lie by item; level: prior mean of the first coordinate; begin: posteriors of the same items."""
    items, starts = np.unique(trials.item, return_index=True)
    means = (
        np.full((len(items), 1), level) * np.eye(1, prior_variance.shape[1]) if begin is None else begin.mean
    )
    bounds = np.append(starts, len(trials.item))
    parts = []
    first = 0
    while first < len(items):
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + BLOCK_TRIALS, side="right")) - 1)
        block = trials.rows(slice(bounds[first], bounds[last]))
        cuts = bounds[first : last + 1] - bounds[first]
        prior = prior_variance[items[first:last]]
        parts.append(_fit_block(block, cuts, prior, calibration, level, means[first:last]))
        first = last
    mean, variance = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Posteriors(items.astype(np.int32), mean, variance)


def _fit_block(
    trials: Trials,
    bounds: NDArray[np.int64],
    prior_variance: Floats,
    calibration: Calibration,
    level: float,
    begin: NDArray[np.floating],
) -> tuple[Floats, Floats]:
    """Posterior means and variances (m, k) of m items, the trials of item i from `bounds[i]` to `bounds[i + 1]`.

    Newton's method starts at the means `begin` (m, k).
    """
    x = trials.user_features.astype(np.float64)  # (n, k)
    examined = calibration.examination(trials.position)
    offset = calibration.logits(trials.log_score, trials.looks)
    precision = 1 / np.maximum(prior_variance.astype(np.float64), LEAST_VARIANCE)  # (m, k)
    mean, diagonal = begin.astype(np.float64), np.zeros_like(precision)
    center = np.zeros_like(precision)
    center[:, 0] = level
    moving = np.arange(len(precision))
    for _ in range(NEWTON_STEPS):
        at = ranges(bounds[moving], bounds[moving + 1])
        cuts = np.append(0, np.cumsum(bounds[moving + 1] - bounds[moving]))
        own = x[at]
        logits = offset[at] + np.einsum("nk,nk->n", own, np.repeat(mean[moving], np.diff(cuts), axis=0))
        p = 1 / (1 + np.exp(-logits))
        q = np.minimum(examined[at] * p, 1 - 1e-9)
        score = (trials.clicked[at] - q) * (1 - p) / (1 - q)
        weight = q * (1 - p) ** 2 / (1 - q)
        gradient = (
            np.add.reduceat(own * score[:, None], cuts[:-1]) - precision[moving] * (mean - center)[moving]
        )
        hessian = _grams(own, own * weight[:, None], cuts)  # (m, k, k)
        np.einsum("mkk->mk", hessian)[...] += precision[moving]
        diagonal[moving] = np.einsum("mkk->mk", hessian)
        step = np.clip(np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0], -3, 3)
        mean[moving] += step
        moving = moving[np.abs(step).max(axis=1) > SETTLED]
        if not len(moving):
            break
    return mean.astype(np.float32), (1 / diagonal).astype(np.float32)


def _grams(
    left: NDArray[np.float64], right: NDArray[np.float64], cuts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Products left_i^T right_i (m, k, k) of the groups of rows between `cuts` (m + 1,)."""
    out = np.empty((len(cuts) - 1, left.shape[1], left.shape[1]))
    for group, (low, high) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)):
        np.matmul(left[low:high].T, right[low:high], out=out[group])
    return out
