"""How likely each item was to land in its slot: computed from the distribution of the values, not drawn again.

The values that are ranked are independent: those of settled items are known numbers, those of the others are Gaussian.
An item of value v takes slot s when s - 1 others lie above v. How many settled ones do is known; how many of the others
do is a sum of independent tosses, one an item (a Poisson-binomial number). So

    P(item in slot s) = E[P(s - 1 - settled(v) of the others lie above v)] over the item's own value v.

The distribution of the number is found at some values, the knots, without each served item in turn; its logarithm
changes smoothly with v and is interpolated. The expectation is a sum over cells of v, bounded by knots and by settled
values, where the count jumps. Users are taken some at a time, as many as leave the numbers in the processor's cache;
none of them changes what another gets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.explore.knots import FAR, Cells, Knots, cut, place_knots
from newfound.explore.poisson_binomial import leave_one_out, poisson, radices, toss

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

LEAST = 1e-6
"""No propensity is stated below this: what was served was not impossible, and the computation is no finer."""
RARE = np.float32(-1.0364)
"""An item counts as rare if its mean is less than so many spreads above the lowest value in question: chance .15."""
NEGLIGIBLE = np.float32(2e-3)
"""At most so much of the expected number of items that reach the list is left out."""
THIN = np.float32(1e-5)
"""A cell of a value less likely than this is left out."""
NEVER = np.float32(1e-5)
"""An item with a smaller chance to be above a knot is not tossed there."""
TINY = np.float32(1e-7)
"""Nor is any number of items above a knot less likely."""
MOST_BEYOND = np.float32(0.5)
"""At most by so much of it a chance in the middle of a cell is corrected for what it is elsewhere in it."""
FEW_ROWS = 5, 12
"""Knots where at most so many numbers of items matter are worked on apart from those where more do."""
USERS, LENGTH, WORK = 128, 25, 1 << 17
"""So many users, fewer where lists are longer than that, and about so many chances of a number of items above a knot
are worked on at once."""


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
    result = np.empty(served.shape)
    # Those of whom as many items were served share arrays well.
    order = np.argsort(np.count_nonzero(served >= 0, axis=1), kind="stable")
    n = max(1, USERS * LENGTH**2 // max(served.shape[1], LENGTH) ** 2)
    for users in (order[low : low + n] for low in range(0, len(order), n)):
        result[users] = _of_some(settled[users], means[users], spreads[users], served[users])
    return np.where(served > -2, np.clip(result, LEAST, 1), 1.0)


def _of_some(settled: Floats, means: Floats, spreads: Floats, served: Ints) -> NDArray[np.float64]:
    """What `slot_propensities` is before it is bounded, for a few users."""
    rivals = _rivals(settled, means, spreads, served)
    counts, cells = _count(rivals, settled), cut(rivals.knots, settled)
    result = np.zeros(served.shape)
    user, slot = (served >= 0).nonzero()
    own = np.cumsum(served >= 0, axis=1)[user, slot] - 1
    mean, spread = rivals.own.means[own, user], rivals.own.spreads[own, user]
    mass = np.diff(normal_cdf((cells.edges[user] - mean[:, None]) / spread[:, None]), axis=1)
    wanted = slot[:, None] - cells.above[user]
    at = ((mass > THIN) & (wanted >= 0)).nonzero()
    row, cell, wanted = *at, wanted[at]
    log, slope, bend = _read(counts, cells, user[row], cell, own[row], wanted)
    # The mean over a cell of the chance, weighed by the item's density, from what both are in the middle.
    fall = (mean[row] - cells.middles[user[row], cell]) / spread[row] ** 2
    width = cells.edges[user[row], cell + 1] - cells.edges[user[row], cell]
    beyond = width**2 / 24 * (slope * (slope + 2 * fall) + bend)
    chance = np.exp(log) * (1 + np.clip(beyond, -MOST_BEYOND, MOST_BEYOND))
    result[user, slot] = np.bincount(row, mass[at] * chance, minlength=len(user))
    user, slot = (served == -1).nonzero()
    rank = np.cumsum(served == -1, axis=1)[user, slot] - 1
    nobody = np.full(len(user), counts.shape[2] - 1)
    log, _, _ = _read(counts, cells, user, cells.above.shape[1] + rank, nobody, slot - rank)
    result[user, slot] = np.exp(log)
    return result


def _read(counts: Floats, cells: Cells, user: Ints, place: Ints, own: Ints, wanted: Ints) -> Floats:
    """Log P(`wanted` items, `own` not counted, are above a place of `cells`), its slope and bend: (3, questions)."""
    _, n_knots, n_own, n_rows = counts.shape
    index = ((user * n_knots + cells.first[user, place]) * n_own + own) * n_rows + np.minimum(
        wanted, n_rows - 1
    )
    place = place + user * cells.first.shape[1]
    total = np.zeros((3, len(user)), np.float32)
    for step in range(4):
        log = np.log(np.take(counts.ravel(), index + step * n_own * n_rows))
        total += log * np.take(cells.weights[:, step].reshape(3, -1), place, axis=1)
    return total


@dataclass(frozen=True, slots=True)
class _Items:
    """Means and spreads of items of each user, (most, n_users): counts (n_users,) of them, then -inf and 1."""

    means: Floats
    spreads: Floats
    counts: Ints


@dataclass(frozen=True, slots=True)
class _Rivals:
    """The items that may reach a list. own: those served, in the order of their slots; often: others that count one by
    one, those first that are likely above; rare: users, means and spreads of the rest, user by user. floor (n_users,):
    about the lowest value that reaches the list, where the knots begin.
    """

    own: _Items
    often: _Items
    rare: tuple[Ints, Floats, Floats]
    floor: Floats
    knots: Knots


def _rivals(settled: Floats, means: Floats, spreads: Floats, served: Ints) -> _Rivals:
    """Find out who may reach the lists of users."""
    m = means.shape[1]
    almost_surely = np.concatenate([settled, means - FAR * spreads], axis=1)
    # That many items are above it, almost surely, or all.
    floor = np.partition(almost_surely, m, axis=1)[:, m]
    lowest = np.where(almost_surely > -np.inf, almost_surely, np.inf).min(axis=1)
    floor = np.where(floor > -np.inf, floor, np.where(lowest < np.inf, lowest, 0)).astype(np.float32)
    lead = (means - floor[:, None]) / spreads
    user, slot = (served >= 0).nonzero()
    column = served[user, slot]
    inside = lead >= -_reach(NEGLIGIBLE / m)
    inside[user, column] = True
    knots = place_knots(floor, means, spreads, inside)
    inside[user, column] = False
    own = _packed(user, column, means, spreads)
    user, column = (inside & (lead >= RARE)).nonzero()
    order = np.lexsort((-lead[user, column], user))
    often = _packed(user[order], column[order], means, spreads)
    user, column = (inside & (lead < RARE)).nonzero()
    return _Rivals(own, often, (user, means[user, column], spreads[user, column]), floor, knots)


def _reach(chance: float) -> float:
    """About how many standard deviations above its mean a Gaussian is with so small a chance."""
    z = math.sqrt(-2 * math.log(2 * chance))
    return math.sqrt(-2 * math.log(chance * z * math.sqrt(2 * math.pi)))


def _packed(user: Ints, column: Ints, means: Floats, spreads: Floats) -> _Items:
    """Gather items of users, sorted by user, by their columns."""
    counts = np.bincount(user, minlength=len(means))
    rank = np.arange(len(user)) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = int(counts.max(initial=0)), len(means)
    mean, spread = np.full(shape, -np.inf, np.float32), np.ones(shape, np.float32)
    mean[rank, user], spread[rank, user] = means[user, column], spreads[user, column]
    return _Items(mean, spread, counts)


def _count(rivals: _Rivals, settled: Floats) -> Floats:
    """P(number of items above a knot) without each served item and, the last, with all: (n_users, n_knots, own, rows).

    Nothing is below TINY. The last row stands for all numbers beyond.
    """
    knots = rivals.knots.values
    own, often = (
        normal_cdf((items.means[:, :, None] - knots) / items.spreads[:, :, None]).reshape(-1, knots.size)
        for items in (rivals.own, rivals.often)
    )
    often[often < NEVER] = 0
    rates, squares = _crowd(rivals)
    rows, tossed = _rows(settled, knots, own, often, rates, squares), _tossed(often)
    n_own = np.repeat(rivals.own.counts, knots.shape[1])
    counts = np.full((knots.size, len(own) + 1, rows.max(initial=1) + 1), TINY)
    in_question = np.flatnonzero(np.arange(knots.shape[1]) < rivals.knots.counts[:, None])
    for at in _alike(in_question, n_own, rows, tossed):
        n, most = int(n_own[at].max()), int(rows[at].max())
        shares = poisson(most, rates[at], squares[at])
        toss(shares, often[: tossed[at].max(), at])
        kept = np.arange(most)[:, None] < rows[at]
        if n:
            some = own[:n, at]
            without = leave_one_out(shares, some)
            without *= kept
            counts[at, :n, :most] = without.transpose(2, 0, 1)
            toss(shares, some)
        counts[at, -1, :most] = (shares * kept).T
    np.maximum(counts, TINY, out=counts)
    return counts.reshape(*knots.shape, *counts.shape[1:])


def _tossed(often: Floats) -> Ints:
    """How many of the likeliest items are tossed at each knot."""
    number = np.arange(1, len(often) + 1, dtype=np.int32)
    return np.max((often > 0) * number[:, None], axis=0, initial=0).astype(np.int64)


def _rows(settled: Floats, knots: Floats, own: Floats, often: Floats, rates: Floats, squares: Floats) -> Ints:
    """How many numbers, from 0 on, matter at each knot, (n_knots,): neither improbable nor more than the list holds."""
    expected = rates + own.sum(axis=0) + often.sum(axis=0)
    variance = expected - squares - np.einsum("it,it->t", own, own) - np.einsum("it,it->t", often, often)
    likely = expected + FAR * np.sqrt(np.maximum(variance, 0)) + 2
    left = settled.shape[1] - np.count_nonzero(settled[:, :, None] > knots[:, None], axis=1)
    rows = np.maximum(np.minimum(likely.reshape(knots.shape).astype(np.int64), left), 1)
    # Where one knot needs a number, the three that are interpolated with it do.
    wide = np.pad(rows, ((0, 0), (2, 2)), mode="edge")
    return np.max([wide[:, shift : shift + knots.shape[1]] for shift in range(5)], axis=0).ravel()


def _alike(at: Ints, n_own: Ints, rows: Ints, tossed: Ints) -> Iterator[Ints]:
    """Part knots into groups that share arrays, which are as large as the largest number of a group."""
    sizes = np.array([math.prod(radices(n)) for n in range(int(n_own.max(initial=0)) + 1)])
    tiers = sizes[n_own[at]] * (len(FEW_ROWS) + 1) + np.searchsorted(FEW_ROWS, rows[at])
    order = np.lexsort((tossed[at], rows[at], tiers))
    at, tiers = at[order], tiers[order]
    work = np.cumsum(rows[at] * (n_own[at] + 1)) // WORK
    return iter(np.split(at, np.flatnonzero(np.diff(work) | np.diff(tiers)) + 1))


def _crowd(rivals: _Rivals) -> tuple[Floats, Floats]:
    """Sums over rare items of the chance to be above a knot, and of its square, (n_knots,) each."""
    user, mean, spread = rivals.rare
    knots = rivals.knots.values
    rates, squares = np.zeros((2, *knots.shape), np.float32)
    if len(user):
        lengths = np.bincount(user, minlength=len(knots))
        some = np.flatnonzero(lengths)
        bounds = (np.cumsum(lengths) - lengths)[some]
        reach = rivals.floor[some] + (FAR + RARE) * np.maximum.reduceat(spread, bounds)
        n = int(np.count_nonzero(knots[some] < reach[:, None], axis=1).max())
        above = normal_cdf((mean[:, None] - knots[user, :n]) / spread[:, None])
        above *= (knots[some, :n] < reach[:, None])[np.searchsorted(some, user)]
        rates[some, :n] = np.add.reduceat(above, bounds)
        above *= above
        squares[some, :n] = np.add.reduceat(above, bounds)
    return rates.ravel(), squares.ravel()
