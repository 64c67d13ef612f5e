"""Runs inside flat arrays: one user's events are `items[start:stop]`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


def ranges(starts: Int64, stops: Int64) -> Int64:
    """List the positions of all runs end to end, `start .. stop - 1` for each; a run may be empty.

    >>> ranges(np.array([3, 9, 0]), np.array([5, 9, 2])).tolist()
    [3, 4, 0, 1]
    """
    lengths = stops - starts
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum(), dtype=np.int64)


def sums_by_run(rows: NDArray[Any], lengths: Int64) -> NDArray[Any]:
    """Sum the rows (n, k) of each run of `lengths`, which lie end to end: (n_runs, k)."""
    out = np.zeros((len(lengths), rows.shape[1]), rows.dtype)
    some = np.flatnonzero(lengths)
    if len(some):
        out[some] = np.add.reduceat(rows, (np.cumsum(lengths) - lengths)[some], axis=0)
    return out
