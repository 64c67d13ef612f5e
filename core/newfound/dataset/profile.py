"""What a person likes: a Bayesian profile over directions of taste, of metadata (`taste.py`) or company (`company.py`).

If people choose by softmax(log popularity + y . w) with w ~ N(0, diag s), the most probable w after events of which g
is the sum of y solves

    g - n m(w) - w / s = 0,    m(w) = sum_i p_i(w) y_i

As y has mean 0 and nearly variance 1 over all events, w = s g / (1 + n s) does to second order around 0; but people of
strong tastes choose little else, and m(w) falls behind w. So one step of Newton's method follows from there. The
variances s among people are found by EM.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int32, Int64, sums_by_run, sums_of_rows
from newfound.products import product

Floats = NDArray[np.float32]

EM_STEPS, START_VARIANCE = 20, 0.1
MOST_NODES = 1_024
AT_ONCE = 256
"""People whose chances of all nodes are worked on at once."""


@dataclass(frozen=True)
class Offer:
    """What people choose from: m nodes that stand for all items by their share of events.

    coordinates (m, k); log_share (m,).
    """

    coordinates: Floats
    log_share: Floats

    @cached_property
    def products(self) -> Floats:
        """Products of coordinates, (m, k (k + 1) / 2): the upper triangle."""
        left, right = np.triu_indices(self.coordinates.shape[1])
        return self.coordinates[:, left] * self.coordinates[:, right]


def offer(coordinates: Floats, counts: Int64) -> Offer:
    """Draw at most MOST_NODES nodes from items (n_items, k) with these events (n_items,), evenly along the first axis.

    Popular items are always among them; they count as often as they are met.
    """
    chosen = np.flatnonzero(counts)
    if coordinates.shape[1]:
        chosen = chosen[np.argsort(coordinates[chosen, 0], kind="stable")]
    if len(chosen) > MOST_NODES:
        until = np.cumsum(counts[chosen]) / counts.sum()
        places = np.searchsorted(until, (np.arange(MOST_NODES) + 0.5) / MOST_NODES)
        chosen, weights = np.unique(chosen[places], return_counts=True)
    else:
        weights = counts[chosen]
    return Offer(coordinates[chosen], np.log(weights / weights.sum()).astype(np.float32))


def taste_evidence(coordinates: Floats, items: Int32, lengths: Int64) -> tuple[Floats, Floats]:
    """Sum what users' items tell, `lengths[u]` of each user end to end: g and how many told it, (n_users, k) each.

    coordinates (n_items, k); an item at 0 in a direction tells nothing there.
    """
    # Directions that tell of the same items, as those from metadata do, share one count.
    told, which = np.unique(coordinates != 0, axis=1, return_inverse=True)
    counts = sums_of_rows(told.astype(np.float32), items, lengths)
    return sums_of_rows(coordinates, items, lengths), counts[:, which.ravel()]


def taste_variance(sums: Floats, n: Floats) -> Floats:
    """Variances s (k,) of people's tastes, by EM, given `taste_evidence` of some users."""
    variance = np.full(sums.shape[1], START_VARIANCE)
    for _ in range(EM_STEPS):
        left = variance / (1 + n * variance)
        variance = (np.square(left * sums) + left).mean(axis=0)
    return variance.astype(np.float32)


def profiles(coordinates: Floats, variance: Floats, lengths: Int64, among: Offer) -> Floats:
    """Most probable tastes w (n_users, k) after events with these coordinates, `lengths[u]` of each user end to end.

    An item at 0 in a direction, of which nothing is told, is no evidence there; who has no event has taste 0.
    """
    n = sums_by_run((coordinates != 0).astype(np.float32), lengths)
    return likeliest_tastes(sums_by_run(coordinates, lengths), n, variance, among)[0]


def likeliest_tastes(sums: Floats, n: Floats, variance: Floats, among: Offer) -> tuple[Floats, Floats]:
    """Most probable tastes w (n_users, k) by `taste_evidence` and `taste_variance`; their variances to second order.

    A step goes no further than from 0 to its start and a standard deviation beyond: the nodes may lack what few like.
    """
    doubt = variance / (1 + n * variance)
    taste, k = doubt * sums, len(variance)
    if not k or not len(among.log_share):
        return taste, doubt
    left, right = np.triu_indices(k)
    for rows in (slice(low, low + AT_ONCE) for low in range(0, len(taste), AT_ONCE)):
        start, root = taste[rows], np.sqrt(n[rows])
        share = product(start, among.coordinates.T) + among.log_share
        share -= share.max(axis=1, keepdims=True)
        np.exp(share, out=share)
        share /= share.sum(axis=1, keepdims=True)
        mean = product(share, among.coordinates)
        curvature = np.empty((len(start), k, k), np.float32)
        curvature[:, left, right] = product(share, among.products)
        curvature[:, right, left] = curvature[:, left, right]
        curvature -= mean[:, :, None] * mean[:, None]
        curvature *= root[:, :, None] * root[:, None]
        np.einsum("ukk->uk", curvature)[...] += 1 / variance
        gradient = sums[rows] - n[rows] * mean - start / variance
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        furthest = np.abs(start) + np.sqrt(doubt[rows])
        taste[rows] += np.clip(step, -furthest, furthest)
    return taste, doubt
