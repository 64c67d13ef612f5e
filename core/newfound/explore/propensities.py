"""How likely each item was to land in its slot: computed from the distribution of the values, not drawn again.

The values that are ranked are independent: those of settled items are known numbers, those of the others are Gaussian.
An item of value v takes slot s when s - 1 others lie above v. How many settled ones do is known; how many of the others
do is a sum of independent tosses, one an item (a Poisson-binomial number). So

    P(item in slot s) = E[P(s - 1 - settled(v) of the others lie above v)] over the item's own value v.

The expectation is a sum over narrow cells of v, bounded by the settled values, where the count jumps. Tosses that are
seldom won count together, as a Poisson number; the others are added one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LEAST = 1e-6
"""No propensity is stated below this: what was served was not impossible, and the computation is no finer."""
RARE = np.float32(0.2)
"""An item that is above all values in question less often counts as rare."""
NEGLIGIBLE = np.float32(2e-3)
"""So much of the expected number of items that reach the list is left out."""
THIN = np.float32(1e-4)
"""A cell of a value less likely than this is left out."""
SURE = 6
"""So many standard deviations, and so many items, above its mean no count is expected."""
CUTS = np.arange(-4.0, 4.1, 0.4, dtype=np.float32)
"""Where a Gaussian is cut into cells, in standard deviations, besides the settled values."""
LOWEST = np.float32(-1e30)


def normal_cdf(z: Floats) -> Floats:
    """P(N(0, 1) < z), right to 2e-5: its log odds are close to an odd polynomial, here fitted for the least error."""
    z = np.minimum(np.maximum(z, -8), 8)
    square = z * z
    odds = z * (np.float32(0.7977178) + square * (np.float32(0.03679826) - np.float32(3.15807e-4) * square))
    return np.float32(0.5) + np.float32(0.5) * np.tanh(odds)


def slot_propensities(
    settled: Floats, means: Floats, spreads: Floats, served: NDArray[np.int64]
) -> NDArray[np.float64]:
    """P(item in its slot), float64 (n_users, k), for the items that were served; 1 where a slot is empty.

    settled: the best settled values (n_users, k), best first, -inf where there are fewer. means, spreads: of the other
    values, float32 (n_users, m); mean -inf for an item that is settled or must not be shown, spreads above 0.
    served: (n_users, k), the column of the item in each slot among the others, -1 for a settled one (these are always
    served in their order), -2 for none.
    """
    kept = _contenders(settled, means, spreads)
    row, slot = (served >= 0).nonzero()
    kept[row, served[row, slot]] = True
    asked = _questions(settled, means, spreads, served)
    bounds = np.searchsorted(asked.user, np.arange(len(served) + 1)).tolist()
    chances = np.ones(len(asked.user))
    for user, (low, high) in enumerate(pairwise(bounds)):
        columns = kept[user].nonzero()[0]
        if len(columns) and low < high:
            part = slice(low, high)
            higher = normal_cdf(
                (means[user, columns, None] - asked.value[part]) / spreads[user, columns, None]
            )
            own = (asked.own[part] >= 0).nonzero()[0]
            higher[np.searchsorted(columns, asked.own[part][own]), own] = 0
            chances[part] = _chances(higher, asked.wanted[part])
    k = served.shape[1]
    result = np.bincount(asked.user * k + asked.slot, asked.weight * chances, minlength=served.size)
    return np.where(served > -2, np.clip(result.reshape(served.shape), LEAST, 1), 1.0)


def _contenders(settled: Floats, means: Floats, spreads: Floats) -> NDArray[np.bool_]:
    """Mark the items (n_users, m) that may reach the list."""
    k = settled.shape[1]
    almost_surely = np.concatenate([settled, means + CUTS[0] * spreads], axis=1)
    floor = np.partition(almost_surely, -k, axis=1)[
        :, -k, None
    ]  # that many items are above it, almost surely
    chance = normal_cdf((means - np.maximum(floor, LOWEST)) / spreads)
    rising = np.sort(chance, axis=1)
    left_out = np.count_nonzero(np.cumsum(rising, axis=1) < NEGLIGIBLE, axis=1)
    least = np.take_along_axis(
        np.append(rising, np.full((len(rising), 1), 2), axis=1), left_out[:, None], axis=1
    )
    return chance >= least


@dataclass(frozen=True, slots=True)
class _Questions:
    """With what chance are `wanted` moving items, `own` not counted, above `value`?

    One entry a question, sorted by user: it counts by `weight` for the user's `slot`; own is -1 if there is none.
    """

    user: NDArray[np.int64]
    slot: NDArray[np.int64]
    value: Floats
    weight: Floats
    wanted: NDArray[np.int64]
    own: NDArray[np.int64]


def _questions(settled: Floats, means: Floats, spreads: Floats, served: NDArray[np.int64]) -> _Questions:
    """One question for each settled item that was served, and one for each cell of the value of each other."""
    fixed = served == -1
    user, slot = fixed.nonzero()
    rank = np.cumsum(fixed, axis=1)[user, slot] - 1
    mover, place = (served >= 0).nonzero()
    mine = served[mover, place]
    row, middle, mass, above = _cells(settled[mover], means[mover, mine], spreads[mover, mine])
    columns = [
        np.concatenate([user, mover[row]]),
        np.concatenate([slot, place[row]]),
        np.concatenate([settled[user, rank], middle]),
        np.concatenate([np.ones(len(user), np.float32), mass]),
        np.concatenate([slot - rank, place[row] - above]),
        np.concatenate([np.full(len(user), -1), mine[row]]),
    ]
    order = np.argsort(columns[0], kind="stable")
    order = order[columns[4][order] >= 0]
    return _Questions(*(column[order] for column in columns))


def _cells(
    settled: Floats, means: Floats, spreads: Floats
) -> tuple[NDArray[np.int64], Floats, Floats, NDArray[np.int64]]:
    """Cut Gaussian values into cells: the value each belongs to, its middle, its mass, the settled values above it."""
    cuts = means[:, None] + CUTS * spreads[:, None]
    inside = np.clip(settled, cuts[:, :1], cuts[:, -1:])
    edges = np.sort(np.concatenate([cuts, inside], axis=1), axis=1)
    mass = np.diff(normal_cdf((edges - means[:, None]) / spreads[:, None]), axis=1)
    row, cell = (mass > THIN).nonzero()
    middle = (edges[row, cell] + edges[row, cell + 1]) / 2
    return row, middle, mass[row, cell], np.count_nonzero(settled[row] > middle[:, None], axis=1)


def _chances(higher: Floats, wanted: NDArray[np.int64]) -> Floats:
    """P(`wanted` of the items are above), for the chance of each item to be so: (items, questions)."""
    if not wanted.any():
        return np.prod(1 - higher, axis=0)
    expected = higher.sum(axis=0).max()
    n = min(int(wanted.max()), int(expected + SURE * np.sqrt(expected) + SURE)) + 1
    often = higher.max(axis=1) >= RARE
    counts = _rare_events(higher[~often], n)
    for toss in higher[often]:
        won = counts[:-1] * toss
        counts *= 1 - toss
        counts[1:] += won
    found = counts[np.minimum(wanted, n - 1), np.arange(len(wanted))]
    return np.where(wanted < n, found, np.float32(0))


def _rare_events(chances: Floats, n: int) -> Floats:
    """P(0 .. n - 1 of some rare events happen), (n, len of a row), for their chances (events, questions).

    The Poisson number with the same mean, and its first correction (Charlier): less half the sum of squared chances
    times the second difference.
    """
    rates = chances.sum(axis=0)
    factors = np.empty((n, len(rates)), np.float32)
    factors[0] = np.exp(-rates)
    factors[1:] = rates / np.arange(1, n, dtype=np.float32)[:, None]
    poisson = np.multiply.accumulate(factors, axis=0)
    excess = np.einsum("ij,ij->j", chances, chances) / 2
    counts = (1 - excess) * poisson
    counts[1:] += 2 * excess * poisson[:-1]
    counts[2:] -= excess * poisson[:-2]
    return counts
