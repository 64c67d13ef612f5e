"""Vowpal Wabbit as a learner: contextual bandits with features of the action (cb_adf), explored place by place.

One distribution over thousands of items says which item comes first, not what stands below it. So the costs are asked
for once a request, and the explorers of cb_explore_adf are applied place by place (peer_explorers.py). `bag`: every
request is ranked by one of several models, each taught with weights drawn from Poisson(1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from peer_explorers import Explorer
from peer_site import Examples, Floats, Site
from vowpalwabbit import pyvw

from newfound.simulation.world import Codes

LEAST_PROPENSITY = 0.1
"""Whatever was less likely is learned as if it had been so likely: one click in 20,000 must not drown all others."""
ARGUMENTS = "--cb_adf --cb_type mtr --rank_all -q ug -q sg -q gx -b 20 --quiet"


class Vowpal:
    """One model, or a bag of them."""

    def __init__(self, explorer: Explorer, learning_rate: float, seed: int, bag: int = 1) -> None:
        self._explorer = explorer
        arguments = f"{ARGUMENTS} --learning_rate {learning_rate} --random_seed {seed}"
        self._models = [pyvw.Workspace(arguments) for _ in range(bag)]
        self._chance = np.random.default_rng([seed, 5])
        self._lines: list[str] = []

    def begin_hour(self, site: Site) -> None:
        """Write a line for each known item."""
        self._lines = [
            f"|g {' '.join(f'g{g}' for g in np.flatnonzero(genres))} |d i{code} |x "
            + " ".join(f"x{k}:{value:.3f}" for k, value in enumerate(values))
            for code, (genres, values) in enumerate(zip(site.genres, site.numbers().tolist(), strict=False))
        ]

    def choose(
        self, users: Codes, shares: Floats, allowed: NDArray[np.bool_], k: int
    ) -> tuple[Codes, Floats]:
        """Ask for all costs of one person at a time."""
        items = np.empty((len(users), k), np.int64)
        propensity = np.empty(items.shape)
        for row, user in enumerate(users.tolist()):
            codes = np.flatnonzero(allowed[row])
            model = self._models[self._chance.integers(len(self._models))]
            costs = model.predict([_person(user, shares[row]), *(self._lines[code] for code in codes)])
            places, propensity[row] = self._explorer(np.array(costs), k, self._chance)
            items[row] = codes[places]
        return items, propensity

    def teach(self, examples: Examples) -> None:
        """Teach each place: its cost is minus the click over how likely it was looked at."""
        costs = np.where(examples.clicked, -1 / examples.examined, 0.0)
        known = np.maximum(examples.propensity, LEAST_PROPENSITY)
        bagged = len(self._models) > 1
        shape = (len(self._models), len(costs))
        times = self._chance.poisson(1, shape) if bagged else np.ones(shape, np.int64)
        for n, (user, item, cost, p) in enumerate(
            zip(examples.users.tolist(), examples.items.tolist(), costs, known, strict=True)
        ):
            lines = [_person(user, examples.shares[n]), f"0:{cost:.4f}:{p:.4f} {self._lines[item]}"]
            for model, weight in zip(self._models, times[:, n].tolist(), strict=True):
                for _ in range(weight):
                    model.learn(lines)


def _person(user: int, shares: Floats) -> str:
    return f"shared |u u{user} |s " + " ".join(f"s{k}:{value:.3f}" for k, value in enumerate(shares.tolist()))
