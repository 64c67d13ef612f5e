"""95 % intervals over users."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int32

N_RESAMPLES = 1000
_BLOCK = 1 << 22

Float64 = NDArray[np.float64]


def interval(values: Float64, seed: int) -> tuple[Float64, Float64]:
    """Bootstrap the column means of `[n_users, n_metrics]`: the 2.5 and 97.5 percentiles of 1,000 resamples.

    The rows are sorted first, so the order of the users does not matter. Raises ValueError without users.
    """
    n_users = len(values)
    if n_users == 0:
        raise ValueError("an interval needs at least one user")
    rows = values[np.lexsort(values.T)]
    rng = np.random.default_rng(seed)
    means = []
    step = max(1, _BLOCK // n_users)
    for done in range(0, N_RESAMPLES, step):
        n = min(step, N_RESAMPLES - done)
        drawn = rng.integers(n_users, size=(n, n_users)) + n_users * np.arange(n)[:, None]
        times = np.bincount(drawn.ravel(), minlength=n * n_users).reshape(n, n_users)
        means.append(times @ rows / n_users)
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5], axis=0)
    return low, high


def coverage_interval(ranked: Int32, catalogue: NDArray[np.bool_]) -> tuple[float, float]:
    """Estimate the spread of coverage by the jackknife: leave each user out in turn, +- 1.96 standard errors.

    Resampling would not do: drawing users twice reaches fewer distinct items, so it sits below the value.
    """
    inside = ranked[ranked >= 0]
    reached_by = np.bincount(inside[catalogue[inside]], minlength=len(catalogue))
    only_here = ((reached_by[ranked] == 1) & (ranked >= 0)).sum(axis=1) / catalogue.sum()
    value = np.count_nonzero(reached_by) / catalogue.sum()
    error = 1.96 * np.sqrt((len(ranked) - 1) * only_here.var())
    return float(max(0.0, value - error)), float(min(1.0, value + error))
