"""A player that lets somebody else's bandit answer: it carries features there and feedback back, once an hour."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from peer_site import Examples, Floats, Site, examined

from newfound.simulation.players import Shown
from newfound.simulation.traffic import Audience, Visits
from newfound.simulation.world import Codes


class Learner(Protocol):
    """Ranks items for people and learns from examples."""

    def begin_hour(self, site: Site) -> None:
        """Read the features of all known items."""

    def choose(
        self, users: Codes, shares: Floats, allowed: NDArray[np.bool_], k: int
    ) -> tuple[Codes, Floats]:
        """Return lists (n, k) of allowed items (n, known), and how likely each was to stand in its place."""

    def teach(self, examples: Examples) -> None:
        """Learn; the items' features are those of the hour that ends."""


class Peer:
    """Plays a learner: taught on the clicks before the start, then hour by hour on its own lists."""

    def __init__(self, learner: Learner, audience: Audience, k: int, seed: int) -> None:
        self._learner, self._audience, self._k = learner, audience, k
        self._site = Site(audience.world)
        self._waiting: list[Examples] = []
        self._last = (np.zeros((0, 0)), np.zeros((0, 0)))
        for examples in self._site.past(seed):
            learner.begin_hour(self._site)
            learner.teach(examples)
        learner.begin_hour(self._site)

    def show(self, visits: Visits) -> Shown:
        """Leave out what the visitor has clicked."""
        shares = self._site.shares(visits.user)
        allowed = ~self._audience.consumed[visits.user, : self._site.known]
        items, propensity = self._learner.choose(visits.user, shares, allowed, self._k)
        self._last = (shares, propensity)
        return Shown(items, np.zeros(items.shape, np.bool_))

    def see(self, visits: Visits, shown: Shown, clicked: NDArray[np.bool_]) -> None:
        """Keep what happened for the end of the hour."""
        shares, propensity = self._last
        k = shown.items.shape[1]
        self._waiting.append(
            Examples(
                np.repeat(visits.user, k),
                shown.items.ravel(),
                np.repeat(shares, k, axis=0),
                clicked.ravel(),
                np.tile(examined(k), len(visits.user)),
                propensity.ravel(),
            )
        )
        self._site.see(visits.user, shown.items, clicked)

    def learn(self, now: int, *, full: bool) -> None:
        """Teach the hour that ends and begin the next one."""
        if now <= self._site.now:
            return
        for examples in self._waiting:
            self._learner.teach(examples)
        self._waiting = []
        self._site.pass_hour()
        self._learner.begin_hour(self._site)
