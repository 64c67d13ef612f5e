"""Places in lists whose truth is known: two policies, and what each item earns in each slot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from newfound.evaluation.off_policy import Floats, Slots, Target

N_SLOTS, N_ITEMS = 3, 12


@dataclass(frozen=True)
class Truth:
    """Two policies that pick an item for each slot by chance, (slots, items), and what each item earns there."""

    log: Floats
    target: Floats
    reward: Floats

    @property
    def value(self) -> float:
        return float((self.target * self.reward).sum(axis=1).mean())


def make_truth(seed: int = 0) -> Truth:
    rng = np.random.default_rng(seed)
    log, target = (rng.dirichlet(np.full(N_ITEMS, 2.0), N_SLOTS) for _ in range(2))
    reward = rng.uniform(0.02, 0.5, N_ITEMS) / (1 + 0.35 * np.arange(N_SLOTS)[:, None])
    return Truth(log, target, reward)


def sample(truth: Truth, n: int, seed: int, model: Floats | None = None) -> tuple[Slots, Target]:
    """Log n responses of the truth; `model` (slots, items) are the rewards that a model predicts."""
    rng = np.random.default_rng(seed)
    item = np.stack([rng.choice(N_ITEMS, n, p=p) for p in truth.log], axis=1).ravel()
    slot = np.tile(np.arange(N_SLOTS), n)
    clicked = (rng.random(len(slot)) < truth.reward[slot, item]).astype(np.float64)
    slots = Slots(np.repeat(np.arange(n), N_SLOTS), slot, truth.log[slot, item], clicked)
    if model is None:
        return slots, Target(truth.target[slot, item])
    expected = (truth.target * model).sum(axis=1)[slot]
    return slots, Target(truth.target[slot, item], expected, model[slot, item])
