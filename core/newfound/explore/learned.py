"""What lists taught a version, as it moved relevance when it served: corrections, less the impression discount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.explore.calibration import Calibration, fit_calibration
from newfound.explore.displays import DISPLAY_FIELDS, Displays
from newfound.explore.posterior import TRIAL_FIELDS, Posteriors, Trials, corrections

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Learned:
    """Posteriors, displays, and the weight of log(1 + looks)."""

    posteriors: Posteriors
    displays: Displays
    discount: float

    def moved(
        self, users: NDArray[np.uint64], items: NDArray[np.int32], features: Floats, at: NDArray[np.int64]
    ) -> Floats:
        """By how much relevance differed (n,) for users, items, user features (n, k) and times (n,)."""
        moved = corrections(self.posteriors, items, features)
        moved -= self.lost(users, items, at)
        return moved

    def lost(
        self, users: NDArray[np.uint64], items: NDArray[np.int32], at: NDArray[np.int64]
    ) -> NDArray[np.floating]:
        """How much relevance (n,) items lost because these users saw them before and did not click."""
        return self.discount * np.log1p(self.displays.of_pairs(users, items, at))


def calibrated(trials: Trials, known: Posteriors, start: Calibration) -> Calibration:
    """Fit the click calibration to the trials whose order is known, beside what posteriors say already."""
    ordered = trials.rows(trials.position > 0)
    moved = corrections(known, ordered.item, ordered.user_features)
    return fit_calibration(ordered.log_score, moved, ordered.looks, ordered.position, ordered.clicked, start)


def learned_arrays(trials: Trials, displays: Displays, posteriors: Posteriors) -> dict[str, NDArray[Any]]:
    """Name the arrays that a bundle keeps of them."""
    kept = {
        "trial": (trials, TRIAL_FIELDS),
        "display": (displays, DISPLAY_FIELDS),
        "posterior": (posteriors, ("item", "mean", "variance")),
    }
    return {f"{kind}_{name}": getattr(of, name) for kind, (of, names) in kept.items() for name in names}
