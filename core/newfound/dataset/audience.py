"""Audience: how often people would choose an item by their tastes alone.

If people choose by softmax(b_i + y_i . w_u), an item's share of all events is exp(b_i) times

    a_i = sum_u n_u E[exp(y_i . w_u)] / Z_u / sum_u n_u,    Z_u = sum_j share_j E[exp(y_j . w_u)]

so that popularity tells the appeal b_i to anybody only after log a_i is taken out: a few keen people make what they
like look popular. w_u is as `profile.likeliest_tastes` finds it, Gaussian.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int64

Floats = NDArray[np.float32]

MOST_CELLS = 200_000_000
"""People times items: people are thinned out beyond it."""
BLOCK_CELLS = 4_000_000
MOST = np.float32(60)
"""Exponents end here, where float32 still has room for sums."""


def audience(coordinates: Floats, counts: Int64, people: Floats, doubt: Floats, events: Int64) -> Floats:
    """Logs of a_i (n_items,), of mean 0 over all events.

    coordinates (n_items, k) of items with `counts` events; tastes `people` (m, k), their variances `doubt` (m, k), and
    how many events (m,) each person has.
    """
    n_items = len(coordinates)
    step = 1 + len(people) * n_items // MOST_CELLS
    people, doubt, events = people[::step], doubt[::step], events[::step]
    if not len(people) or not coordinates.size:
        return np.zeros(n_items, np.float32)
    share = (counts / counts.sum()).astype(np.float32)
    squares = np.square(coordinates) / 2
    total = np.zeros(n_items)
    size = max(1, BLOCK_CELLS // n_items)
    for rows in (slice(low, low + size) for low in range(0, len(people), size)):
        suits = people[rows] @ coordinates.T
        suits += doubt[rows] @ squares.T
        np.exp(np.minimum(suits, MOST, out=suits), out=suits)
        total += (events[rows] / (suits @ share)) @ suits
    logs = np.log(total / events.sum())
    return (logs - share @ logs).astype(np.float32)
