"""How likely each item was to land in its slot: computed from the distribution of the values, not drawn again.

The values that are ranked are independent: those of settled items are known numbers, those of the others are Gaussian.
An item of value v takes slot s when s - 1 others lie above v. How many settled ones do is known; how many of the others
do is a sum of independent tosses, one an item (a Poisson-binomial number). So

    P(item in slot s) = E[P(s - 1 - settled(v) of the others lie above v)] over the item's own value v.

The expectation is a sum over narrow cells of v, bounded by the settled values, where the count jumps. Tosses that are
seldom won count together, as a Poisson number: its mean changes smoothly with v, so it is summed at a few values and
interpolated. The others are added one by one. Users are taken some at a time, as many as leave the numbers in the
processor's cache; none of them changes what another gets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LEAST = 1e-6
"""No propensity is stated below this: what was served was not impossible, and the computation is no finer."""
RARE = np.float32(-1.0364)
"""An item counts as rare if its mean is less than so many spreads above the lowest value in question: chance .15."""
NEGLIGIBLE = np.float32(2e-3)
"""At most so much of the expected number of items that reach the list is left out."""
THIN = np.float32(1e-4)
"""A cell of a value less likely than this is left out."""
CUTS = np.arange(-4.0, 4.1, 0.4, dtype=np.float32)
"""Where a Gaussian is cut into cells, in standard deviations, besides the settled values."""
LOWEST, TINY = np.float32(-1e30), np.float32(1e-30)
CELLS = 1 << 16
"""So many chances of an item to be above a value are held at once: as many as stay in the processor's cache."""
REACH = np.float32(4.2)
"""So many of the largest spread above the lowest value in question, no rare item is."""
KNOTS = 10
"""Values at which rare items are counted."""
NARROW = np.float32(1 / 3)
"""An item is not counted at these few values if its spread is less than so much of the largest."""


def normal_cdf(z: Floats) -> Floats:
    """P(N(0, 1) < z), right to 2e-5: its log odds are close to an odd polynomial, here fitted for the least error."""
    square = z * z
    np.minimum(square, np.float32(64), out=square)
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
    asked = _questions(settled, means, spreads, served)
    rivals = _rivals(settled, means, spreads, asked)
    rates, excess = _crowds(rivals, means, spreads, asked)
    chances = np.empty(len(asked.user), np.float32)
    for at in _alike(rivals.n_often[asked.user], asked.wanted):
        user, own = asked.user[at], rivals.own_place[at]
        z = np.take(rivals.means[: rivals.n_often[user].max(initial=0)], user, axis=1)
        z -= asked.value[at]
        z *= np.take(rivals.steepness[: len(z)], user, axis=1)
        tosses = normal_cdf(z)
        mine = np.flatnonzero(own >= 0)
        tosses[own[mine], mine] = 0
        chances[at] = _chances(tosses, rates[at], excess[at], asked.wanted[at])
    k = served.shape[1]
    result = np.bincount(asked.user * k + asked.slot, asked.weight * chances, minlength=served.size)
    return np.where(served > -2, np.clip(result.reshape(served.shape), LEAST, 1), 1.0)


def _alike(n_often: NDArray[np.int64], wanted: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Part questions into groups that share arrays: about as many items one by one, and about as many wanted.

    The arrays of a group are no larger than its largest numbers; a group is a few at least, for each has its cost.
    """
    sizes = ((np.frexp(number)[1] + 1) // 2 for number in (n_often, wanted))  # 0, 1 to 3, 4 to 15, and so on
    kind = next(sizes) * 64 + next(sizes)
    order = np.argsort(kind, kind="stable")
    work = np.cumsum(n_often[order]) // CELLS
    return np.split(order, np.flatnonzero(np.diff(work) | np.diff(kind[order])) + 1)


@dataclass(frozen=True, slots=True)
class _Rivals:
    """The items that may reach a list. floor (n_users,): about the lowest value that does.

    means, steepness (most, n_users): of the n_often (n_users,) items that count one by one the means, then -inf, and 1
    over their spreads; own_place (questions,): which of these the item in question is, -1 for none; rare: mask
    (n_users, m) of the others; lead (n_users, m): how many spreads an item's mean is above the floor.
    """

    floor: Floats
    means: Floats
    steepness: Floats
    n_often: NDArray[np.int64]
    own_place: NDArray[np.int64]
    rare: NDArray[np.bool_]
    lead: Floats


def _rivals(settled: Floats, means: Floats, spreads: Floats, asked: _Questions) -> _Rivals:
    """Find out who may reach the lists of users."""
    k, m = settled.shape[1], means.shape[1]
    almost_surely = np.concatenate([settled, means + CUTS[0] * spreads], axis=1)
    # That many items are above it, almost surely.
    floor = np.maximum(np.sort(almost_surely, axis=1)[:, -k], LOWEST)
    lead = (means - floor[:, None]) / spreads
    inside = lead >= -_reach(NEGLIGIBLE / m)
    widest = np.where(inside, spreads, 0).max(axis=1, initial=0)
    one_by_one = inside & ((lead >= RARE) | (spreads < NARROW * widest[:, None]))
    row, column = one_by_one.nonzero()
    n_often = np.bincount(row, minlength=len(means))
    rank = np.arange(len(row)) - np.repeat(np.cumsum(n_often) - n_often, n_often)
    shape = int(n_often.max(initial=0)), len(means)
    often, steepness = np.full(shape, -np.inf, np.float32), np.ones(shape, np.float32)
    often[rank, row], steepness[rank, row] = means[row, column], 1 / spreads[row, column]
    place = np.full(means.shape, -1, np.int32)
    place[row, column] = rank
    own_place = np.where(asked.own >= 0, place[asked.user, asked.own], -1)
    return _Rivals(floor, often, steepness, n_often, own_place, inside & ~one_by_one, lead)


def _reach(chance: float) -> float:
    """About how many standard deviations above its mean a Gaussian is with so small a chance."""
    z = math.sqrt(-2 * math.log(2 * chance))
    return math.sqrt(-2 * math.log(chance * z * math.sqrt(2 * math.pi)))


def _crowds(rivals: _Rivals, means: Floats, spreads: Floats, asked: _Questions) -> tuple[Floats, Floats]:
    """How many rare items are above the value of each question, on average, and half the sum of squared chances."""
    user, column = rivals.rare.nonzero()
    spread = spreads[user, column]
    lengths = np.bincount(user, minlength=len(means))
    bounds = np.append(0, np.cumsum(lengths))
    widest = np.where(rivals.rare, spreads, 0).max(axis=1, initial=0)
    step = REACH / (KNOTS - 1) * np.where(widest > 0, widest, 1)
    logs = np.zeros((2, KNOTS, len(means)), np.float32)
    lead, fall = rivals.lead[user, column], -step[user] / spread
    some = np.flatnonzero(lengths)
    for users in np.split(some, np.flatnonzero(np.diff(bounds[some] // (CELLS // KNOTS))) + 1):
        if not len(users):
            break
        part = slice(bounds[users[0]], bounds[users[-1] + 1])
        above = np.multiply.outer(np.arange(KNOTS, dtype=np.float32), fall[part])
        above += lead[part]
        above = normal_cdf(above)
        starts = bounds[users] - part.start
        logs[0, :, users] = np.add.reduceat(above, starts, axis=1).T
        above *= above
        logs[1, :, users] = np.add.reduceat(above, starts, axis=1).T / 2
    np.log(np.maximum(logs, TINY, out=logs), out=logs)
    place = (asked.value - rivals.floor[asked.user]) / step[asked.user]
    rates, excess = (np.exp(_interpolated(log, asked.user, place)) for log in logs)
    own = np.flatnonzero((asked.own >= 0) & rivals.rare[asked.user, asked.own])
    user, column = asked.user[own], asked.own[own]
    mine = normal_cdf((means[user, column] - asked.value[own]) / spreads[user, column])
    rates[own] = np.maximum(rates[own] - mine, 0)
    excess[own] = np.maximum(excess[own] - mine * mine / 2, 0)
    return rates, excess


def _interpolated(curves: Floats, row: NDArray[np.int64], place: Floats) -> Floats:
    """Values of curves (KNOTS, n) at places in units of their knots, by the cubic through the four around it."""
    place = np.clip(place, 0, KNOTS - 1)
    first = np.clip(place.astype(np.int64) - 1, 0, KNOTS - 4)
    t = (place - first).astype(np.float32)
    flat, n = curves.ravel(), curves.shape[1]
    a, b, c, d = (flat[first * n + at] for at in (row, row + n, row + 2 * n, row + 3 * n))
    u, v, w = t - 1, t - 2, t - 3
    return (t * u * (v * d - 3 * w * c) + v * w * (3 * t * b - u * a)) / 6


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
    edges = np.concatenate([cuts, inside], axis=1)
    order = np.argsort(edges, axis=1)
    edges = np.take_along_axis(edges, order, axis=1)
    mass = np.diff(normal_cdf((edges - means[:, None]) / spreads[:, None]), axis=1)
    row, cell = (mass > THIN).nonzero()
    middle = (edges[row, cell] + edges[row, cell + 1]) / 2
    below = np.cumsum(order >= len(CUTS), axis=1, dtype=np.int32)
    return row, middle, mass[row, cell], settled.shape[1] - below[row, cell]


def _chances(tosses: Floats, rates: Floats, excess: Floats, wanted: NDArray[np.int64]) -> Floats:
    """P(`wanted` of the items are above) for each question, (questions,).

    tosses: the chance of each item that counts by itself to be so (items, questions). The rest counts together, as the
    Poisson number with the same mean, `rates`, and its first correction (Charlier): less half the sum of squared
    chances, `excess`, times the second difference. So what is asked for is a sum of the Poisson chances of `wanted`
    and of the numbers below it, each with its share.
    """
    n, most = len(tosses), int(wanted.max(initial=0))
    shares = np.zeros((min(n + 2, most) + 1, len(wanted)), np.float32)
    for share, first in zip(shares, (1 - excess, 2 * excess, -excess), strict=False):
        share[:] = first
    won = np.empty_like(shares)
    for k, toss in enumerate(tosses):
        np.multiply(shares[: k + 3], toss, out=won[: k + 3])
        shares[: k + 3] -= won[: k + 3]
        shares[1 : k + 4] += won[: k + 3][: len(shares) - 1]
    # The factorial of a number below 0 is infinite: it wraps around to the end.
    logs = np.cumsum(np.log(np.maximum(np.arange(most + 1), 1)))
    factorials = np.append(logs, np.full(len(shares), np.inf)).astype(np.float32)
    number = wanted - np.arange(len(shares))[:, None]
    exponents = number.astype(np.float32) * np.log(np.maximum(rates, TINY)) - rates
    exponents -= factorials[number]
    shares *= np.exp(exponents, out=exponents)
    total: Floats = shares.sum(axis=0)
    return total
