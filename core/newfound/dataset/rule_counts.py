"""Rule counts as sorted keys, source * n_items + target, with one sum each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int32, Int64, ranges

MAX_LAG = 20
MAX_RULES = 500

Float32 = NDArray[np.float32]

_LAG_BITS = 5
_BLOCK = 1 << 18


def blocks(bounds: Int64) -> Iterator[tuple[int, int]]:
    """Cut items into ranges of about `_BLOCK` units of work each; `bounds` is the work before every item."""
    low, last = 0, len(bounds) - 1
    while low < last:
        high = int(np.searchsorted(bounds, bounds[low] + _BLOCK, side="right")) - 1
        high = min(max(high, low + 1), last)
        yield low, high
        low = high


def pairs(
    items: Int32, position: Int64, first: Int64, stop: Int64, n_items: int
) -> tuple[Int64, NDArray[np.float64]]:
    """Sum 1 / lag over the pairs whose source is at `position` and whose target lies in `first .. stop - 1`.

    Returns sorted keys source * n_items + target and their sums.
    """
    source = items[position].astype(np.int64) * n_items
    parts = []
    for lag in range(1, MAX_LAG + 1):
        valid = (position + lag < stop) & (position + lag >= first)
        parts.append((source[valid] + items[position[valid] + lag]) << _LAG_BITS | lag)
    # The lag rides in the low bits, so that one plain sort replaces an argsort of twice the memory.
    keys = np.concatenate(parts)
    keys.sort()
    weights = 1 / (keys & ((1 << _LAG_BITS) - 1))
    keys >>= _LAG_BITS
    leads = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[leads], np.add.reduceat(weights, leads) if len(leads) else weights


def merged(
    keys: Int64, values: Float32, new_keys: Int64, new_values: NDArray[np.float64]
) -> tuple[Int64, Float32]:
    """Add new sums to old ones; both are sorted by distinct keys, and so is the result."""
    place = np.searchsorted(keys, new_keys)
    known = np.append(keys, -1)[place] == new_keys
    values = values.copy()
    values[place[known]] += new_values[known].astype(np.float32)
    return (
        np.insert(keys, place[~known], new_keys[~known]),
        np.insert(values, place[~known], new_values[~known]),
    )


def largest(keys: Int64, values: Float32, low: int, high: int, n_items: int) -> tuple[Int64, Int32, Float32]:
    """Cut the rows `low .. high - 1` to their 500 largest values, ties to the lower item.

    Returns the length of each row, then the items and values of all.
    """
    bounds = np.searchsorted(keys, np.arange(low, high + 1) * n_items)
    lengths = np.diff(bounds)
    full = np.flatnonzero(lengths > MAX_RULES)
    entry = ranges(bounds[full], bounds[full + 1])
    # Positive floats order like their bits: one integer sorts by row, then by falling value.
    order = np.argsort((keys[entry] // n_items << 32) - values[entry].view(np.int32), kind="stable")
    within = ranges(np.zeros_like(full), lengths[full])
    kept = np.ones(len(keys), np.bool_)
    kept[entry[order[within >= MAX_RULES]]] = False
    return np.minimum(lengths, MAX_RULES), (keys[kept] % n_items).astype(np.int32), values[kept]
