"""What other libraries are told of a simulated site: what newfound is told, as features.

Of people: their id and the share of each metadata value among what they clicked, brought up to date with every click.
Of items: id, metadata, age, decayed clicks and clicks by display; these move once an hour. Taste, appeal and the
visitors' weariness are the world's secret. The one thing that newfound has to learn and peers know is how far people
look down a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from newfound.simulation.traffic import HOUR
from newfound.simulation.world import LOOKING, Codes, World

Floats = NDArray[np.float64]

FIELD = "GENRES"
HALF_LIVES_HOURS = (4.0, 24.0)
CLICK_RATE, DOUBT = 0.02, 20.0
"""An item that nobody was shown stands at this rate of clicks, as if by so many displays."""
PAST_HOURS = 48
NEGATIVES = 20
"""What peers learn from before the start: clicks of so many hours, each beside so many items that were not clicked."""


def examined(k: int) -> Floats:
    """How likely people look at each place of a list, (k,)."""
    return np.arange(1, k + 1) ** -LOOKING


@dataclass(frozen=True, slots=True)
class Examples:
    """n items that were or might have been clicked: users, items, clicked, examined, propensity (n,);

    shares (n, values): of the users, before that.
    """

    users: Codes
    items: Codes
    shares: Floats
    clicked: NDArray[np.bool_]
    examined: Floats
    propensity: Floats


class Site:
    """Features at an hour; begins PAST_HOURS before the world does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.genres = _one_hot([str(record.get(FIELD) or "") for record in world.records])
        n = len(self.genres)
        users, items, times = world.history
        self.now = world.start - PAST_HOURS * HOUR
        before = times < self.now
        self._likes = np.full((len(world.user_ids), self.genres.shape[1]), 1.0)
        np.add.at(self._likes, users[before], self.genres[items[before]])
        ages = (self.now - times[before]) / HOUR
        self._clicks = np.array(
            [np.bincount(items[before], np.exp2(-ages / life), minlength=n) for life in HALF_LIVES_HOURS]
        )
        self._shown, self._answered = np.zeros(n), np.zeros(n)
        self._waiting: list[Codes] = []

    @property
    def known(self) -> int:
        """How many items exist."""
        return self._world.known(self.now)

    def shares(self, users: Codes) -> Floats:
        """Shares of each metadata value among what users (n,) clicked, (n, values)."""
        likes = self._likes[users]
        return likes / likes.sum(axis=1, keepdims=True)

    def numbers(self) -> Floats:
        """Age, decayed clicks at each half-life, clicks by display, log displays of known items: all about 0 to 1."""
        known = self.known
        age = np.log1p((self.now - self._world.created[:known]) / HOUR) / 8
        counts = np.log1p(self._clicks[:, :known]).T / 4
        rate = (self._answered[:known] + CLICK_RATE * DOUBT) / (self._shown[:known] + DOUBT)
        return np.column_stack([age, counts, np.minimum(rate * 10, 2), np.log1p(self._shown[:known]) / 8])

    def see(self, users: Codes, shown: Codes, clicked: NDArray[np.bool_]) -> None:
        """Take in lists, shown (n, k) with -1 for an empty place, clicked (n, k): people at once, items next hour."""
        row, _ = np.nonzero(clicked)
        np.add.at(self._likes, users[row], self.genres[shown[clicked]])
        weights = np.broadcast_to(examined(shown.shape[1]), shown.shape)
        real = shown >= 0
        np.add.at(self._shown, shown[real], weights[real])
        self._waiting.append(shown[clicked])

    def pass_hour(self) -> None:
        """Let counts fade and add the clicks of the hour."""
        for row, life in zip(self._clicks, HALF_LIVES_HOURS, strict=True):
            row *= np.exp2(-1 / life)
        fade = np.exp2(-1 / HALF_LIVES_HOURS[-1])
        self._shown *= fade
        self._answered *= fade
        for items in self._waiting:
            np.add.at(self._clicks, (slice(None), items), 1)
            np.add.at(self._answered, items, 1)
        self._waiting = []
        self.now += HOUR

    def past(self, seed: int) -> Iterator[Examples]:
        """Yield the clicks of each hour before the start beside items drawn at random; moves the site to the start."""
        chance = np.random.default_rng(seed)
        users, items, times = self._world.history
        order = np.argsort(times, kind="stable")
        hours = self.now + HOUR * np.arange(PAST_HOURS + 1)
        cuts = np.searchsorted(times[order], hours)
        for low, high in pairwise(cuts.tolist()):
            who, what = users[order[low:high]], items[order[low:high]]
            inside = what < self.known
            who, what = who[inside], what[inside]
            others = chance.integers(0, self.known, (len(what), NEGATIVES))
            every = np.column_stack([what, others])
            clicked = np.zeros(every.shape, np.bool_)
            clicked[:, 0] = True
            ones, owner = np.ones(every.size), np.repeat(who, NEGATIVES + 1)
            yield Examples(owner, every.ravel(), self.shares(owner), clicked.ravel(), ones, ones)
            np.add.at(self._likes, who, self.genres[what])
            np.add.at(self._clicks, (slice(None), what), 1)
            self.pass_hour()


def _one_hot(texts: list[str]) -> Floats:
    """Which value each text holds, values parted by |."""
    values = sorted({value for text in texts for value in text.split("|") if value})
    place = {value: k for k, value in enumerate(values)}
    out = np.zeros((len(texts), len(values)))
    for row, text in zip(out, texts, strict=True):
        row[[place[value] for value in text.split("|") if value]] = 1
    return out
