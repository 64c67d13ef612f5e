"""Where a function of value is found, and how it is interpolated between: for propensities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

FAR = np.float32(4)
"""A value, or a number of items, is at most so many standard deviations from its mean, almost surely."""
STEP = np.float32(0.4)
"""Knots are about so many of the smallest spread apart that is found where they lie."""
FEWEST, MOST = 4, 128
"""Knots of a user: a cubic needs four."""
OCTAVES = 5
"""Spreads are told apart by powers of two, from the widest down to it over two to so many."""
LATTICE = 256
"""The values in question are parted equally into so many; in each part knots lie equally close."""


@dataclass(frozen=True, slots=True)
class Knots:
    """Values (n_users, most), rising, of which the first `counts` (n_users,) are in question; the rest lies beyond."""

    values: Floats
    counts: Ints


def place_knots(floor: Floats, means: Floats, spreads: Floats, inside: NDArray[np.bool_]) -> Knots:
    """Place knots from `floor` (n_users,) to where no item is; means, spreads, mask `inside` of items: (n_users, m)."""
    n_users = len(means)
    widest = np.where(inside, spreads, 0).max(axis=1, initial=0)
    widest = np.where(widest > 0, widest, np.float32(1))
    top = np.where(inside, means + FAR * spreads, -np.inf).max(axis=1, initial=-np.inf)
    part = np.maximum(top - floor, widest) / LATTICE
    # How many knots are passed by the end of each part.
    passed = np.cumsum(_density(floor, means, spreads, inside, widest, part), axis=1)
    passed *= (part / (STEP * widest))[:, None]
    counts = np.clip(np.ceil(passed[:, -1]).astype(np.int64) + 1, FEWEST, MOST)
    passed *= ((counts - 1) / passed[:, -1])[:, None]
    most = int(counts.max(initial=FEWEST))
    # All users at once, each apart from the next: knot j is where j knots are passed.
    apart = np.arange(n_users)[:, None] * (most + 1.0)
    number, last = np.arange(most), (counts - 1)[:, None]
    ends = np.concatenate([np.zeros((n_users, 1)), passed.astype(np.float64)], axis=1)
    place = np.interp(
        (np.minimum(number, last) + apart).ravel(),
        (ends + apart).ravel(),
        np.tile(np.arange(LATTICE + 1.0), n_users),
    )
    values = floor[:, None] + part[:, None] * place.reshape(n_users, most).astype(np.float32)
    return Knots(values + widest[:, None] * np.maximum(number - last, 0).astype(np.float32), counts)


def _density(
    floor: Floats, means: Floats, spreads: Floats, inside: NDArray[np.bool_], widest: Floats, part: Floats
) -> Floats:
    """How close knots must lie in each part of the values, (n_users, LATTICE); 1 for items of the widest spread."""
    user, column = inside.nonzero()
    mean, spread = means[user, column] - floor[user], spreads[user, column]
    octave = np.clip(np.rint(np.log2(widest[user] / spread)), 0, OCTAVES).astype(np.int64)
    density = np.ones((len(means), LATTICE), np.float32)
    for narrow in range(1, int(octave.max(initial=0)) + 1):
        some = octave == narrow
        owner = user[some]
        ends = (
            (mean[some] - FAR * spread[some]) / part[owner],
            (mean[some] + FAR * spread[some]) / part[owner],
        )
        first, last = (np.clip(end, 0, LATTICE - 1).astype(np.int64) for end in ends)
        change = np.zeros((len(means), LATTICE + 1), np.int32)
        np.add.at(change, (owner, first), 1)
        np.add.at(change, (owner, last + 1), -1)
        density[np.cumsum(change[:, :-1], axis=1) > 0] = 2**narrow
    return density


@dataclass(frozen=True, slots=True)
class Cells:
    """The values above a user's lowest knot, cut at knots and at settled values, and how to interpolate in them.

    edges (n_users, n_cells + 1), rising; middles (n_users, n_cells); above (n_users, n_cells): how many settled
    values are above a cell, all k for one beyond the knots in question, which so does not count. Of a function found
    at knots, its value, slope and bend in the middle of a cell, and after all cells at each of the k settled values,
    are sums over four knots: first (n_users, n_cells + k) is the first of these; weights (3, 4, n_users, n_cells + k).
    """

    edges: Floats
    middles: Floats
    above: Ints
    first: Ints
    weights: Floats


def cut(knots: Knots, settled: Floats) -> Cells:
    """Cut values into cells; settled (n_users, k), best first, -inf where there are fewer."""
    (n_users, k), n_knots = settled.shape, knots.values.shape[1]
    highest = np.take_along_axis(knots.values, knots.counts[:, None] - 1, axis=1)
    edges = np.concatenate([knots.values, np.clip(settled, knots.values[:, :1], highest)], axis=1)
    order = np.argsort(edges, axis=1, kind="stable")
    edges = np.take_along_axis(edges, order, axis=1)
    known = order >= n_knots
    below = np.cumsum(known, axis=1)
    knot = np.arange(n_knots + k) - below  # the last one at or below an edge
    middles = (edges[:, 1:] + edges[:, :-1]) / 2
    at = np.concatenate([middles, edges[known].reshape(n_users, k)[:, ::-1]], axis=1)
    knot = np.concatenate([knot[:, :-1], knot[known].reshape(n_users, k)[:, ::-1]], axis=1)
    first = np.clip(knot - 1, 0, knots.counts[:, None] - 4)
    weights = _cubic_weights(knots.values, first, at)
    above = np.where(middles < highest, k - below[:, :-1], k)
    return Cells(edges, middles, above, first, weights)


def _cubic_weights(knots: Floats, first: Ints, at: Floats) -> Floats:
    """Weights (3, 4, n_users, n) of the four knots from `first` on for the values `at` (n_users, n).

    They are Lagrange's, for the cubic through the four, and those of its first and second derivative.
    """
    places = [np.take_along_axis(knots, first + one, axis=1) for one in range(4)]
    a, b, c, d = (at - place for place in places)
    weights = np.empty((3, 4, *at.shape), np.float32)
    for one, (u, v, w) in enumerate(((b, c, d), (a, c, d), (a, b, d), (a, b, c))):
        apart = np.prod([places[one] - places[other] for other in range(4) if other != one], axis=0)
        weights[0, one] = u * v * w / apart
        weights[1, one] = (u * v + v * w + u * w) / apart
        weights[2, one] = 2 * (u + v + w) / apart
    return weights
