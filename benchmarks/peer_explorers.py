"""Explorers of contextual bandits, applied to what is left after each place of a list.

The formulas are those of Vowpal Wabbit's cb_explore_adf; the items left after each place are its candidates for the
next, as in conditional contextual bandits. Costs are what the learner expects: the lower, the better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from peer_site import Floats

from newfound.simulation.world import Codes

Explorer = Callable[[Floats, int, np.random.Generator], tuple[Codes, Floats]]
"""Takes costs (m,) and returns k places of them, and how likely each choice was."""


@dataclass(frozen=True, slots=True)
class Epsilon:
    """The lowest cost that is left, or with a small chance any item."""

    epsilon: float

    def __call__(self, costs: Floats, k: int, chance: np.random.Generator) -> tuple[Codes, Floats]:
        """Draw k places."""
        order = np.argsort(costs, kind="stable").tolist()
        chosen, propensity = [], []
        for lucky in chance.random(k) < self.epsilon:
            at = int(chance.integers(len(order))) if lucky else 0
            propensity.append(self.epsilon / len(order) + (1 - self.epsilon) * (at == 0))
            chosen.append(order.pop(at))
        return np.array(chosen), np.array(propensity)


@dataclass(frozen=True, slots=True)
class Softmax:
    """P(item) ~ exp(-sharpness * cost) among what is left."""

    sharpness: float

    def __call__(self, costs: Floats, k: int, chance: np.random.Generator) -> tuple[Codes, Floats]:
        """Draw k places, all at once: the k largest of log P with Gumbel noise."""
        logits = -self.sharpness * (costs - costs.min())
        chosen = np.argsort(-(logits + chance.gumbel(size=len(logits))), kind="stable")[:k]
        odds = np.exp(logits)
        gone = np.append(0, np.cumsum(odds[chosen])[:-1])
        return chosen, odds[chosen] / np.maximum(odds.sum() - gone, 1e-12)


@dataclass(frozen=True, slots=True)
class SquareCB:
    """P(item) = 1 / (m + gamma (cost - lowest)) for all of m that are left but the best, which has the rest."""

    gamma: float

    def __call__(self, costs: Floats, k: int, chance: np.random.Generator) -> tuple[Codes, Floats]:
        """Draw k places."""
        left = np.arange(len(costs))
        chosen, propensity = [], []
        for _ in range(k):
            own = costs[left]
            best = int(own.argmin())
            p = 1 / (len(left) + self.gamma * (own - own[best]))
            p[best] = 0
            p[best] = 1 - p.sum()
            at = min(int(np.searchsorted(np.cumsum(p), chance.random())), len(left) - 1)
            chosen.append(left[at])
            propensity.append(p[at])
            left = np.delete(left, at)
        return np.array(chosen), np.array(propensity)
