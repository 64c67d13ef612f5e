"""How likely each item was to land in its slot: computed from the distribution of the values, not drawn again.

The values that are ranked are independent: those of settled items are known numbers, those of the others are Gaussian.
An item of value v takes slot s when s - 1 others lie above v. How many settled ones do is known; how many of the others
do is a sum of independent tosses, one an item (a Poisson-binomial number). So

    P(item in slot s) = E[P(s - 1 - settled(v) of the others lie above v)] over the item's own value v.

The expectation is a sum over narrow cells of v, bounded by the settled values, where the count jumps. Tosses that are
seldom won count together, as a Poisson number; the others are added one by one. Users are taken some at a time, as many
as leave the numbers in the processor's cache; none of them changes what another gets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import ranges

Floats = NDArray[np.float32]

LEAST = 1e-6
"""No propensity is stated below this: what was served was not impossible, and the computation is no finer."""
RARE = np.float32(0.15)
"""An item that is above all values in question less often counts as rare."""
NEGLIGIBLE = np.float32(2e-3)
"""So much of the expected number of items that reach the list is left out."""
THIN = np.float32(1e-4)
"""A cell of a value less likely than this is left out."""
CUTS = np.arange(-4.0, 4.1, 0.4, dtype=np.float32)
"""Where a Gaussian is cut into cells, in standard deviations, besides the settled values."""
LOWEST, TINY = np.float32(-1e30), np.float32(1e-30)
CELLS = 1 << 16
"""So many chances of an item to be above a value are held at once: as many as stay in the processor's cache."""
ALIKE = 8
"""Numbers of items that count one by one are alike if they differ by less."""


def normal_cdf(z: Floats) -> Floats:
    """P(N(0, 1) < z), right to 2e-5: its log odds are close to an odd polynomial, here fitted for the least error."""
    z = np.clip(z, -8, 8)
    square = z * z
    odds = np.float32(-3.15807e-4) * square
    odds += np.float32(0.03679826)
    odds *= square
    odds += np.float32(0.7977178)
    odds *= z
    np.tanh(odds, out=odds)
    odds *= np.float32(0.5)
    odds += np.float32(0.5)
    return odds


def slot_propensities(
    settled: Floats, means: Floats, spreads: Floats, served: NDArray[np.int64]
) -> NDArray[np.float64]:
    """P(item in its slot), float64 (n_users, k), for the items that were served; 1 where a slot is empty.

    settled: the best settled values (n_users, k), best first, -inf where there are fewer. means, spreads: of the other
    values, float32 (n_users, m); mean -inf for an item that is settled or must not be shown, spreads above 0.
    served: (n_users, k), the column of the item in each slot among the others, -1 for a settled one (these are always
    served in their order), -2 for none.
    """
    rivals = _rivals(settled, means, spreads)
    asked = _questions(settled, means, spreads, served)
    chances = np.empty(len(asked.user))
    bounds = np.searchsorted(asked.user, np.arange(len(served) + 1))
    # Users with about as many rivals stand together: they share arrays.
    users = np.lexsort((rivals.n, rivals.n_often // ALIKE))
    work = np.cumsum((rivals.n * np.diff(bounds))[users]) // CELLS
    for some in np.split(users, np.flatnonzero(np.diff(work)) + 1):
        at = ranges(bounds[some], bounds[some + 1])
        user = asked.user[at]
        row = np.repeat(np.arange(len(some)), np.diff(bounds)[some])
        n, n_often = int(rivals.n[some].max()), int(rivals.n_often[some].max())
        mine, columns = some[:, None], rivals.order[some, :n]
        z = np.where(np.arange(n) < rivals.n[mine], means[mine, columns], -np.inf)[row]
        z -= asked.value[at, None]
        z *= (1 / spreads[mine, columns])[row]
        above = normal_cdf(z)
        own = rivals.place[user, asked.own[at]]
        known = np.flatnonzero((asked.own[at] >= 0) & (own < n))
        above[known, own[known]] = 0
        often = np.arange(n_often) < rivals.n_often[user, None]
        chances[at] = _chances(above, often, asked.wanted[at])
    k = served.shape[1]
    result = np.bincount(asked.user * k + asked.slot, asked.weight * chances, minlength=served.size)
    return np.where(served > -2, np.clip(result.reshape(served.shape), LEAST, 1), 1.0)


@dataclass(frozen=True, slots=True)
class _Rivals:
    """The n items (n_users,) that may reach a list, the first n_often (n_users,) of them not as a rarity.

    order (n_users, m): columns, these first; place (n_users, m): where each column stands in it.
    """

    order: NDArray[np.int64]
    place: NDArray[np.int64]
    n: NDArray[np.int64]
    n_often: NDArray[np.int64]


def _rivals(settled: Floats, means: Floats, spreads: Floats) -> _Rivals:
    """Find out who may reach the lists of users."""
    k = settled.shape[1]
    almost_surely = np.concatenate([settled, means + CUTS[0] * spreads], axis=1)
    # That many items are above it, almost surely.
    floor = np.partition(almost_surely, -k, axis=1)[:, -k, None]
    chance = normal_cdf((means - np.maximum(floor, LOWEST)) / spreads)
    rising = np.sort(chance, axis=1)
    left_out = np.count_nonzero(np.cumsum(rising, axis=1) < NEGLIGIBLE, axis=1)
    rising = np.append(rising, np.full((len(rising), 1), 2), axis=1)
    least = np.take_along_axis(rising, left_out[:, None], axis=1)
    inside, often = chance >= least, chance >= np.maximum(RARE, least)
    order = np.argsort(2 - inside.astype(np.uint8) - often, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(order.shape[1])[None], axis=1)
    return _Rivals(order, place, np.count_nonzero(inside, axis=1), np.count_nonzero(often, axis=1))


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


def _chances(above: Floats, often: NDArray[np.bool_], wanted: NDArray[np.int64]) -> Floats:
    """P(`wanted` of the items are above) for each question, (questions,).

    above: the chance of each item to be so (questions, items); often: which of the first items (questions, n) count
    one by one. The rest counts together, as the Poisson number with the same mean and its first correction (Charlier):
    less half the sum of squared chances times the second difference. So what is asked for is a sum of the Poisson
    chances of `wanted` and of the numbers below it, each with its share.
    """
    n, most = often.shape[1], int(wanted.max(initial=0))
    tosses = np.where(often, above[:, :n], 0)
    rates = above.sum(axis=1) - tosses.sum(axis=1)
    excess = (np.einsum("ij,ij->i", above, above) - np.einsum("ij,ij->i", tosses, tosses)) / 2
    shares = np.zeros((min(n + 2, most) + 1, len(wanted)), np.float32)
    for share, first in zip(shares, (1 - excess, 2 * excess, -excess), strict=False):
        share[:] = first
    for k, toss in enumerate(np.ascontiguousarray(tosses.T)):
        won = shares[: k + 3] * toss
        shares[: k + 3] -= won
        shares[1 : k + 4] += won[: len(shares) - 1]
    # The factorial of a number below 0 is infinite: it wraps around to the end.
    logs = np.cumsum(np.log(np.maximum(np.arange(most + 1), 1)))
    factorials = np.append(logs, np.full(len(shares), np.inf)).astype(np.float32)
    number = wanted - np.arange(len(shares))[:, None]
    exponents = number.astype(np.float32) * np.log(np.maximum(rates, TINY)) - rates
    exponents -= factorials[number]
    shares *= np.exp(exponents, out=exponents)
    total: Floats = shares.sum(axis=0)
    return total
