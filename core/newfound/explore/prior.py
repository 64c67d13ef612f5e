"""What is believed of an item before anyone has seen it: empirical Bayes on warm items (model specification §3).

theta_i = [bias; coordinates] on user features x = [1; taste]. Its mean is what the item's metadata predicts; this
module says how far warm items lie from it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int32, Int64, sums_of_rows

Floats = NDArray[np.float32]

RIDGE = 10.0
WARM_EVENTS = 5
SHOWN_EVENT = 0.05
"""What one impression tells of an item, in interactions: about q (1 - q) at a click rate of 5 %."""
LEAST_VARIANCE = 0.1
"""Items may always suit other people than was thought, even where none did so far."""


def learned_variance(tastes: Floats, owner: Int64, items: Int32, told: Floats) -> Floats:
    """How far items lie from what their metadata tells, in each direction of taste: variances (k,).

    tastes (n_users, k); event e is of user `owner[e]` on item `items[e]`; told (n_items, k): coordinates that metadata
    gives, 0 where it is silent. If people choose by exp(theta_i . w), the mean taste of those who chose an item lies
    var(w) theta_i from the mean of all. What theta has beyond its regression on `told`, and beyond chance, is counted.
    """
    counts = np.bincount(items, minlength=len(told))
    warm = np.flatnonzero(counts >= WARM_EVENTS)
    n = counts[warm, None].astype(np.float64)
    own = tastes.astype(np.float64)
    share = np.bincount(owner, minlength=len(own)) / max(len(owner), 1)
    mean = share @ own
    spread = share @ np.square(own - mean) + 1e-9
    sums = sums_of_rows(own, owner[np.argsort(items, kind="stable")], counts)
    theta = (sums[warm] / n - mean) / spread
    y = told[warm]
    slope = (n * theta * y).sum(axis=0) / np.maximum((n * y * y).sum(axis=0), 1e-9)
    weight = np.square(n / (n + RIDGE))
    excess = np.square(theta - slope * y) - 1 / (n * spread)
    variance = (weight * excess).sum(axis=0) / np.maximum(weight.sum(), 1e-9)
    return np.maximum(variance, LEAST_VARIANCE).astype(np.float32)


def prior_factor(organic: NDArray[np.integer], shown: NDArray[np.integer], n_0: float) -> Floats:
    """Share of the prior variance that is left after organic events and impressions that are no trials: (n_items,)."""
    return (n_0 / (n_0 + organic + SHOWN_EVENT * shown)).astype(np.float32)
