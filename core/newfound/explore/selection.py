"""The largest values of many rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

N_GROUPS = 256
SPARE_GROUPS = 8
"""At least so many groups for each value that is wanted, so that few of these share a group."""


def best(values: Floats, k: int) -> NDArray[np.int64]:
    """Positions (n_users, min(k, n_items)) of the largest finite values of each row of (n_users, n_items), best first.

    Ties go to the lower position; a row that has fewer ends with -1.
    """
    n_users, n_items = values.shape
    k = min(k, n_items)
    chosen = np.full((n_users, k), -1, np.int64)
    if not k:
        return chosen
    at_least = np.maximum(_kth_largest(values, k), np.finfo(np.float32).min)
    row, position = np.divmod(np.flatnonzero(values >= at_least[:, None]), n_items)
    order = np.argsort((row << 32) + _falling(values[row, position]), kind="stable")
    position = position[order]  # the rows stay where they were
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    chosen[row[rank < k], rank[rank < k]] = position[rank < k]
    return chosen


def _falling(values: Floats) -> NDArray[np.int64]:
    """Numbers of 32 bits that order as finite values do, the largest first: floats as whole numbers, signs apart."""
    bits = (0 - values).view(np.int32)  # 0 - 0 has no sign: both zeros are the same
    return np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(np.int64)


def _kth_largest(values: Floats, k: int) -> Floats:
    """A bound (n_users,) that at least k values of each row reach, and few more.

    The largest of each of many groups of items are k different values at least; finding these is one pass.
    """
    n_users, n_items = values.shape
    groups = max(N_GROUPS, SPARE_GROUPS * k)
    if n_items >= 2 * groups:
        whole = n_items // groups * groups
        values = values[:, :whole].reshape(n_users, -1, groups).max(axis=1)
    at = values.shape[1] - k
    kth: Floats = np.sort(values, axis=1)[:, at]  # of so few values faster than a partition
    return kth
