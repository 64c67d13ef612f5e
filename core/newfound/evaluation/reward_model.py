"""Predict the reward of an item in a slot from logged slots: what doubly robust evaluation leans on.

q(item, slot) = base[slot] * lift[item]: the mean reward of the slot, times the item's rewards over what its slots
would have given on average, drawn toward 1 as if by PRIOR_REWARDS more. A row is predicted from the folds that it is
not in, so that a lucky click does not vouch for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

N_FOLDS = 5
PRIOR_REWARDS = 5.0


@dataclass(frozen=True, slots=True)
class RewardModel:
    """base: (folds, n_slots); lift: (folds, n_items + 1), the last for items that were never logged."""

    base: Floats
    lift: Floats

    def predict(self, response: Codes, slot: Codes, item: Codes) -> Floats:
        """Predict rewards; the arguments broadcast, item -1 stands for one that was never logged."""
        fold = response % N_FOLDS
        return self.base[fold, slot] * self.lift[fold, item]


def fit_reward_model(
    response: Codes, slot: Codes, item: Codes, reward: Floats, n_slots: int, n_items: int
) -> RewardModel:
    """Fit on logged slots (n,); all slots of one response share a fold."""
    base = np.empty((N_FOLDS, n_slots))
    lift = np.ones((N_FOLDS, n_items + 1))
    for fold in range(N_FOLDS):
        others = response % N_FOLDS != fold
        places, items, earned = slot[others], item[others], reward[others]
        overall = float(earned.mean()) if len(earned) else 0.0
        sums = np.bincount(places, earned, n_slots)
        base[fold] = (sums + overall) / (np.bincount(places, minlength=n_slots) + 1)
        usual = np.bincount(items, base[fold][places], n_items)
        lift[fold, :-1] = (np.bincount(items, earned, n_items) + PRIOR_REWARDS) / (usual + PRIOR_REWARDS)
    return RewardModel(base, lift)
