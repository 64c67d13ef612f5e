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
SURE = 6
"""So many standard deviations, and so many items, above its mean no count is expected."""
CUTS = np.arange(-4.0, 4.1, 0.4, dtype=np.float32)
"""Where a Gaussian is cut into cells, in standard deviations, besides the settled values."""
LOWEST = np.float32(-1e30)
TINY = np.float32(1e-30)
ALIKE = 8
LOG_FACTORIALS = np.append(0, np.cumsum(np.log(np.arange(1, 1000)))).astype(np.float32)
CELLS = 1 << 16
"""So many chances of an item to be above a value are held at once."""


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
    # Those with about as many rivals stand together: they share one array.
    users = np.lexsort((rivals.n, rivals.n_often // ALIKE))
    work = np.cumsum((rivals.n * np.diff(bounds))[users]) // CELLS
    for some in np.split(users, np.flatnonzero(np.diff(work)) + 1):
        at = ranges(bounds[some], bounds[some + 1])
        user = asked.user[at]
        row = np.repeat(np.arange(len(some)), np.diff(bounds)[some])
        n, n_often = int(rivals.n[some].max()), int(rivals.n_often[some].max())
        columns = rivals.order[some, :n]
        sharpness = 1 / spreads[some[:, None], columns]
        lead = np.where(np.arange(n) < rivals.n[some, None], means[some[:, None], columns], -np.inf) * sharpness
        z = sharpness[row]
        z *= -asked.value[at, None]
        z += lead[row]
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
    """Who may reach the list: `n` items a user (n_users,), the first `n_often` of them not seldom above it.

    order (n_users, m): columns, these first; place (n_users, m): where each column stands in it.
    """

    order: NDArray[np.int64]
    place: NDArray[np.int64]
    n: NDArray[np.int64]
    n_often: NDArray[np.int64]


def _rivals(settled: Floats, means: Floats, spreads: Floats) -> _Rivals:
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
    often = chance >= np.maximum(RARE, least)
    kind = np.where(chance >= least, 1 - often, 2).astype(np.uint8)
    order = np.argsort(kind, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(order.shape[1])[None], axis=1)
    return _Rivals(
        order, place, np.count_nonzero(kind < 2, axis=1), np.count_nonzero(often, axis=1)
    )


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

    above: the chance of each item to be so (questions, items); often: which of the first items (questions, n)
    count one by one. The others count together, as the Poisson number with the same mean and its first correction
    (Charlier): less half the sum of squared chances times the second difference. So the answer is a sum of Poisson
    chances, `lower` of 0, 1, .. less than wanted, each with a share of it.
    """
    n = often.shape[1]
    tosses = np.where(often, above[:, :n], 0)
    rates = above.sum(axis=1) - tosses.sum(axis=1)
    excess = (np.einsum("ij,ij->i", above, above) - np.einsum("ij,ij->i", tosses, tosses)) / 2
    shares = np.zeros((min(n + 2, int(wanted.max())) + 1, len(wanted)), np.float32)
    for share, first in zip(shares, (1 - excess, 2 * excess, -excess), strict=False):
        share[:] = first
    for k, toss in enumerate(np.ascontiguousarray(tosses.T)):
        won = shares[: k + 3] * toss
        shares[: k + 3] -= won
        shares[1 : k + 4] += won[: len(shares) - 1]
    lower = wanted - np.arange(len(shares))[:, None]
    factorials = np.append(LOG_FACTORIALS[: wanted.max() + 1], np.full(len(shares), np.inf, np.float32))
    logs = lower * np.log(np.maximum(rates, TINY)) - rates
    logs -= factorials[lower]
    shares *= np.exp(logs, out=logs)
    return shares.sum(axis=0)
