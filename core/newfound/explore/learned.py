"""What lists taught a version, as it moved relevance when it served: corrections, less the impression discount."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.explore.displays import Displays
from newfound.explore.posterior import Posteriors, corrections

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
