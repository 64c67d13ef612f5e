"""MABWiser's LinTS and LinUCB as learners, in the two ways that a catalogue can be given to them.

`Pairs`: one linear model for all items over features of a person and an item together; each candidate is a context.
`Arms`: as the library is meant, an arm an item with a model of its own over features of the person; a new item is a new
arm that begins at the prior. Where people look less, both features and click shrink alike, so the regression is right.
"""

from __future__ import annotations

import numpy as np
from mabwiser.mab import MAB, LearningPolicyType
from numpy.typing import NDArray
from peer_site import Examples, Floats, Site

from newfound.simulation.world import Codes

ITEM = "item"


class Pairs:
    """One model over (person, item)."""

    def __init__(self, policy: LearningPolicyType, seed: int) -> None:
        self._mab = MAB([ITEM], policy, seed=seed)
        self._genres = self._numbers = np.zeros((0, 0))
        self._taught = False

    def begin_hour(self, site: Site) -> None:
        """Read item features."""
        self._numbers = site.numbers()
        self._genres = site.genres[: len(self._numbers)]

    def _contexts(self, shares: Floats, items: Codes) -> Floats:
        """Features (n, d) of people's shares (n, values) with items (n,)."""
        genres, numbers = self._genres[items], self._numbers[items]
        liked = (shares * genres).sum(axis=1, keepdims=True) / np.maximum(genres.sum(axis=1), 1)[:, None]
        liked *= shares.shape[1] / 2
        ones = np.ones((len(items), 1))
        return np.column_stack([ones, liked, liked**2, numbers, liked * numbers, genres])

    def choose(
        self, users: Codes, shares: Floats, allowed: NDArray[np.bool_], k: int
    ) -> tuple[Codes, Floats]:
        """Ask for the expectations of all of one person's candidates at a time."""
        items = np.empty((len(users), k), np.int64)
        for row, own in enumerate(shares):
            codes = np.flatnonzero(allowed[row])
            contexts = self._contexts(np.broadcast_to(own, (len(codes), len(own))), codes)
            values = np.array([found[ITEM] for found in self._mab.predict_expectations(contexts)])
            items[row] = codes[np.argsort(-values, kind="stable")[:k]]
        return items, np.ones(items.shape)

    def teach(self, examples: Examples) -> None:
        """Fit on top of what is known."""
        contexts = self._contexts(examples.shares, examples.items) * examples.examined[:, None]
        learn = self._mab.partial_fit if self._taught else self._mab.fit
        learn([ITEM] * len(contexts), examples.clicked.astype(float), contexts)
        self._taught = True


class Arms:
    """An arm an item, each with its own model of people."""

    def __init__(self, policy: LearningPolicyType, seed: int) -> None:
        self._policy, self._seed = policy, seed
        self._mab: MAB | None = None
        self._known = 0

    def begin_hour(self, site: Site) -> None:
        """Add arms for new items."""
        first, self._known = self._known, site.known
        if self._mab is None:
            self._mab = MAB(list(range(self._known)), self._policy, seed=self._seed)
            n_features = 1 + site.genres.shape[1]
            self._mab.fit([0], [0.0], np.zeros((1, n_features)))  # nothing: gives every arm its prior
        else:
            for code in range(first, self._known):
                self._mab.add_arm(code)

    def choose(
        self, users: Codes, shares: Floats, allowed: NDArray[np.bool_], k: int
    ) -> tuple[Codes, Floats]:
        """Ask for everybody's expectations of all arms."""
        found = self._mab.predict_expectations(_people(shares))
        rows = found if isinstance(found, list) else [found]
        values = np.array([list(row.values()) for row in rows])
        values[~allowed] = -np.inf
        items = np.argsort(-values, axis=1, kind="stable")[:, :k]
        return items, np.ones(items.shape)

    def teach(self, examples: Examples) -> None:
        """Fit the arms that were shown on top of what is known."""
        contexts = _people(examples.shares) * examples.examined[:, None]
        self._mab.partial_fit(examples.items, examples.clicked.astype(float), contexts)


def _people(shares: Floats) -> Floats:
    return np.column_stack([np.ones(len(shares)), shares * shares.shape[1] / 2])
