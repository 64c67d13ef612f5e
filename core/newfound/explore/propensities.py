"""How likely each item was to land in its slot: computed from the distribution of the values, not drawn again.

The values that are ranked are independent: those of settled items are known numbers, those of the others are Gaussian.
An item of value v takes slot s when s - 1 others lie above v. How many settled ones do is known; how many of the others
do is a sum of independent tosses, one an item (a Poisson-binomial number). So

    P(item in slot s) = E[P(s - 1 - settled(v) of the others lie above v)] over the item's own value v.

The expectation is a sum over narrow cells of v, bounded by the settled values, where the count jumps. Tosses that are
seldom won count together, as a Poisson number; the others are added one by one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LEAST = 1e-6
"""No propensity is stated below this: what was served was not impossible, and the computation is no finer."""
RARE = np.float32(0.02)
"""An item that is above all values in question less often counts as rare."""
NEGLIGIBLE = np.float32(1e-3)
"""So much of the expected number of items that reach the list is left out."""
THIN = np.float32(1e-5)
"""A cell of a value less likely than this is left out."""
CUTS = np.arange(-4.0, 4.01, 0.5, dtype=np.float32)
"""Where a Gaussian is cut into cells, in standard deviations, besides the settled values."""
LOWEST = np.float32(-1e30)


def normal_cdf(z: Floats) -> Floats:
    """P(N(0, 1) < z), right to 2e-5: its log odds are close to an odd polynomial, here fitted for the least error."""
    z = np.clip(z, -8, 8)
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
    row, slot = np.nonzero(served >= 0)
    kept[row, served[row, slot]] = True
    result = np.ones(served.shape)
    for user in range(len(served)):
        own = served[user]
        filled = own[own > -2]
        columns = np.flatnonzero(kept[user])
        if len(columns):
            mine = np.where(filled >= 0, np.searchsorted(columns, filled), -1)
            result[user, : len(filled)] = _probabilities(
                settled[user], means[user, columns], spreads[user, columns], mine
            )
    return np.clip(result, LEAST, 1)


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


def _probabilities(
    settled: Floats, means: Floats, spreads: Floats, mine: NDArray[np.int64]
) -> NDArray[np.float64]:
    """P(item in its slot), (k,), for one user; `mine` (k,) is the column of the item in each slot, -1 if settled."""
    fixed, moving = np.flatnonzero(mine < 0), np.flatnonzero(mine >= 0)
    # One question a row: with what probability are so many others (`wanted`) above this value?
    values = settled[: len(fixed)]
    wanted = fixed - np.arange(len(fixed))
    slot, weight, own = fixed, np.ones(len(fixed), np.float32), mine[fixed]
    if len(moving):
        row, middle, mass, above = _cells(settled, means[mine[moving]], spreads[mine[moving]])
        needed = moving[row] - above
        live = needed >= 0
        values = np.concatenate([values, middle[live]])
        wanted = np.concatenate([wanted, needed[live]])
        slot = np.concatenate([slot, moving[row[live]]])
        weight = np.concatenate([weight, mass[live]])
        own = np.concatenate([own, mine[moving[row[live]]]])
    higher = normal_cdf((means[:, None] - values) / spreads[:, None])  # (m, questions)
    asking = np.flatnonzero(own >= 0)
    higher[own[asking], asking] = 0
    seldom = higher.max(axis=1) < RARE
    counts = _poisson(higher[seldom].sum(axis=0), int(wanted.max()) + 1)
    for toss in higher[~seldom]:
        won = counts[:-1] * toss
        counts *= 1 - toss
        counts[1:] += won
    return np.bincount(slot, weight * counts[wanted, np.arange(len(wanted))], minlength=len(mine))


def _cells(
    settled: Floats, means: Floats, spreads: Floats
) -> tuple[NDArray[np.int64], Floats, Floats, NDArray[np.int64]]:
    """Cut Gaussian values into cells: the value each belongs to, its middle, its mass, the settled values above it."""
    cuts = means[:, None] + CUTS * spreads[:, None]
    inside = np.clip(settled, cuts[:, :1], cuts[:, -1:])
    edges = np.sort(np.concatenate([cuts, inside], axis=1), axis=1)
    mass = np.diff(normal_cdf((edges - means[:, None]) / spreads[:, None]), axis=1)
    row, cell = np.nonzero(mass > THIN)
    middle = (edges[row, cell] + edges[row, cell + 1]) / 2
    return row, middle, mass[row, cell], np.searchsorted(-settled, -middle)


def _poisson(rates: Floats, n: int) -> Floats:
    """P(Poisson(rate) = 0 .. n - 1), (n, len(rates))."""
    factors = np.empty((n, len(rates)), np.float32)
    factors[0] = np.exp(-rates)
    factors[1:] = rates / np.arange(1, n, dtype=np.float32)[:, None]
    return np.multiply.accumulate(factors, axis=0)
