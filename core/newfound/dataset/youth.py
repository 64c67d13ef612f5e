"""How much being new is worth, and for how long: what items that nobody chose yet are promised for their age.

The rate of an age is events on items of that age over all events that happened while items had it, so items that
nobody chose count as much as others. Its log, less what the ages of today's items give on average, is fitted by
level exp(-age / days).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.age import DAY, HOUR, UNTESTED_DAYS
from newfound.dataset.runs import Int32, Int64

EDGES = np.array([0, 2 * HOUR, 6 * HOUR, 12 * HOUR, *(DAY * 2.0 ** np.arange(8)), 1e11])
"""Ages between which the rate is taken to be the same; the last bin has no end."""
LEAST_EVENTS = 20
"""Ages with fewer events are passed over."""
LEAST_BORN = 100
"""So many items must have come while events were recorded."""
DAYS = 0.25 * 2.0 ** np.arange(8)


def fit_youth(created: Int64, stated: NDArray[np.bool_], items: Int32, times: Int64) -> tuple[float, float]:
    """Find level and days; level 0 where too little is known.

    created (n_items,), Unix seconds, of which those that are `stated` count; items, times: all events.
    """
    ordered = np.sort(times)
    born = created[stated]
    if np.count_nonzero((born > ordered[:1].sum()) & (born <= ordered[-1:].sum())) < LEAST_BORN:
        return 0.0, UNTESTED_DAYS
    passed = np.searchsorted(ordered, born[:, None] + EDGES.astype(np.int64))
    chances = np.diff(passed, axis=1).sum(axis=0)
    ages = (times - created[items])[stated[items]]
    events = np.histogram(ages, EDGES)[0]
    rate = np.log(np.maximum(events, 1) / np.maximum(chances, 1))
    today = np.digitize(ordered[-1] - born, EDGES[1:-1])
    enough = events >= LEAST_EVENTS
    seen = enough[today]
    worth = rate - (rate[today][seen].mean() if seen.any() else 0)
    middle = np.sqrt(np.maximum(EDGES[:-1], HOUR / 2) * EDGES[1:])
    weight, worth, middle = events[:-1] * enough[:-1], worth[:-1], middle[:-1]
    shapes = np.exp(-middle / (DAY * DAYS[:, None]))  # (n_days, n_bins)
    levels = (shapes * worth) @ weight / np.maximum((shapes * shapes) @ weight, 1e-9)
    misfit = np.square(worth - levels[:, None] * shapes) @ weight
    best = int(np.argmin(misfit))
    return float(levels[best]), float(DAYS[best])
