"""What people of a simulated site truly like: the part that no policy but the oracle may look at.

    P(click | looked at) = sigmoid(level + taste_ui + appeal_i + log fade(age_i)) * tired_ui
    fade(age) = EVERGREEN + (1 - EVERGREEN) 2^(-age / half-life)

None of this is the model that newfound fits: taste is a sum of metadata and of a residual that metadata does not
tell, appeal fades, people look down a list by a power law, and they tire of what they are shown again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newfound.recipes.catalogue import Record
from newfound.schema.document import SchemaDocument

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

DAY = 86_400
EVERGREEN = 0.1
"""Share of an item's appeal that never fades."""
LOOKING = 0.7
"""People look at position p with probability p^-LOOKING."""
TIRED = 0.95
"""What is left of the chance of a click after each earlier display; these are forgotten with a half-life of a day."""
LIKED = 0.06
"""Mean chance of a click on the ten best items of a user, if looked at: `level` is chosen so."""
N_BEST = 10
LEVEL_USERS = 500


@dataclass(frozen=True)
class World:
    """A site before its first request. A code is a position in `user_ids` or `item_ids`, the latter by creation.

    taste: float32 (n_users, n_items), log-odds; appeal: float32 (n_items,), log-odds on the day of creation; created:
    Unix seconds (n_items,), after `start` for items to come; half_life_days: infinity where nothing fades; activity
    (n_users,): share of the visits, sums to 1; history: users, items and times of clicks before `start`, by time.
    """

    name: str
    user_ids: list[str]
    item_ids: list[str]
    taste: Floats
    appeal: Floats
    created: Codes
    half_life_days: float
    level: float
    activity: NDArray[np.float64]
    start: int
    records: list[Record]
    document: SchemaDocument
    history: tuple[Codes, Codes, Codes]

    @cached_property
    def n_old(self) -> int:
        """How many items the site has before `start`."""
        return int(np.searchsorted(self.created, self.start))

    def known(self, now: int) -> int:
        """How many items exist at a time: codes below."""
        return int(np.searchsorted(self.created, now, side="right"))

    def chance(self, users: Codes, items: Codes, now: int) -> Floats:
        """P(click | looked at, not tired) of users and items, two index arrays that broadcast."""
        faded = fading(self.created, now, self.half_life_days)
        return sigmoid(self.level + self.taste[users, items] + (self.appeal + faded)[items])


def fading(created: Codes, now: int, half_life_days: float) -> Floats:
    """Log of the share of appeal that is left, (n_items,); 0 before creation."""
    age = np.maximum(now - created, 0) / (half_life_days * DAY)
    return np.log(EVERGREEN + (1 - EVERGREEN) * np.exp2(-age)).astype(np.float32)


def sigmoid(x: Floats) -> Floats:
    """Turn log-odds into a probability."""
    odds: Floats = np.exp(-x)
    return np.float32(1) / (1 + odds)


def fit_level(log_odds: Floats) -> float:
    """Find the level at which users click LIKED of their N_BEST items; log_odds (n_users, n_items)."""
    best = np.sort(log_odds[:LEVEL_USERS], axis=1)[:, -N_BEST:].astype(np.float64)
    low, high = -30.0, 10.0
    for _ in range(50):
        middle = (low + high) / 2
        if (1 / (1 + np.exp(-(best + middle)))).mean() < LIKED:
            low = middle
        else:
            high = middle
    return low
