"""How an item's age enters the served score: a curve over log age, whose heights the blend learns.

Where a catalogue fades, people choose what is new; where it does not, the curve stays flat. Only a stated creation
time counts: the first interaction of an item nobody dated says when it was chosen, not when it could be.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int64

HOUR, DAY = 3_600.0, 86_400.0
KNOTS = (HOUR, 6 * HOUR, DAY, 3 * DAY, 10 * DAY, 30 * DAY, 90 * DAY)
"""Ages between which the curve is straight in log age; it is 0 from the last on and level before the first."""
N_RISES = len(KNOTS) - 1
N_AGES = N_RISES + 2
"""Components of age: the rise of the curve between each two knots, and untested items, young ones and all."""
UNTESTED_DAYS = 7.0


def age_components(
    ages: Int64, stated: NDArray[np.bool_], trust: NDArray[np.float32], untested_days: float = UNTESTED_DAYS
) -> NDArray[np.float32]:
    """Components (..., N_AGES) of items with ages in seconds (...): their weights times these are added to relevance.

    Weights are rises, not heights: where data say nothing the curve goes on level. stated (...): the age is known;
    trust (...), in [0, 1): how much the item's own counts weigh. The curve is for items that have been chosen: part of
    it makes up for how short a time they had; items that nobody chose yet have a level of their own, and young ones
    something more, which fades.
    """
    where = np.interp(np.log(np.maximum(ages, 1.0)), np.log(KNOTS), np.arange(len(KNOTS)))
    rises = trust[..., None] * np.clip(np.arange(1, len(KNOTS)) - where[..., None], 0, 1)
    untested = 1 - trust
    young = untested * np.exp(-np.maximum(ages, 0) / (untested_days * DAY))
    parts = np.concatenate([rises, young[..., None], untested[..., None]], axis=-1)
    return np.where(stated[..., None], parts, 0).astype(np.float32)


def weighted_age(
    ages: Int64,
    stated: NDArray[np.bool_],
    trust: NDArray[np.float32],
    weights: NDArray[np.float32],
    untested_days: float = UNTESTED_DAYS,
) -> NDArray[np.float32]:
    """`age_components(ages, stated, trust) @ weights` for a whole catalogue (n,): most is past the last knot."""
    dated = np.flatnonzero(stated & (ages < KNOTS[-1]))
    heights = np.append(np.cumsum(weights[:N_RISES][::-1])[::-1], 0)
    young_level, level = weights[N_RISES:]
    out = np.zeros(len(ages), np.float32)
    out[dated] = np.interp(np.log(np.maximum(ages[dated], 1.0)), np.log(KNOTS), heights)
    out *= trust
    untested = np.exp(np.maximum(ages, 0).astype(np.float32) * np.float32(-1 / (untested_days * DAY)))
    untested *= young_level
    untested += level
    untested *= 1 - trust
    out += np.where(stated, untested, np.float32(0))
    return out
