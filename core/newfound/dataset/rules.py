"""Sequential rules: what tends to follow an item, counted over histories (model specification §1).

    T[a, b] += 1 / lag  for lags 1..20 inside one history;  Tn[a, b] = T[a, b] / (n_a + 20) / (n_b + 20)^.2
    score(b) = sum over j of .8^j Tn[item_(t-j), b]

The counts T stay raw, so new events can be added to them without touching the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from newfound.dataset.rule_counts import MAX_LAG, Float32, blocks, largest, merged, pairs
from newfound.dataset.runs import Int32, Int64, ranges

RECENCY = 0.8
SMOOTHING = 20.0
TARGET_POWER = 0.2


@dataclass(frozen=True, slots=True)
class RulesTable:
    """Raw rule counts T as sparse rows by source item, and the event count of each item.

    Row `a` is `offsets[a]:offsets[a + 1]`, at most 500 entries (the largest) in item order: `items`
    int32 the items that follow, `values` float32 their T. `counts` int64 `[n_items]`.
    """

    offsets: Int64
    items: Int32
    values: Float32
    counts: Int64


def build(items: Int32, starts: Int64, stops: Int64, n_items: int) -> RulesTable:
    """Count rules over histories `items[starts[u]:stops[u]]`, each in time order.

    Exact but for the cut to 500 entries a row. Pairs are held for one block of source items at a time.
    """
    zeros = np.zeros(n_items + 1, np.int64)
    nothing = RulesTable(zeros, np.zeros(0, np.int32), np.zeros(0, np.float32), zeros[1:])
    return updated(nothing, items, starts, starts, stops, n_items)


def updated(
    table: RulesTable, items: Int32, starts: Int64, fresh: Int64, stops: Int64, n_items: int
) -> RulesTable:
    """Add the events at positions `fresh[u] .. stops[u] - 1`, which follow those from `starts[u]` on.

    Only the 20 events before `fresh[u]` are looked at. Costs the new events plus one pass over the table.
    `n_items` may exceed the table's. Adding events in parts gives the counts of adding them at once, except
    that what an earlier cut to 500 entries dropped stays lost.
    """
    counts = np.bincount(items[ranges(fresh, stops)], minlength=n_items).astype(np.int64)
    counts[: len(table.counts)] += table.counts
    old_offsets = np.append(table.offsets, np.full(n_items - len(table.counts), table.offsets[-1]))
    starts = np.maximum(starts, fresh - MAX_LAG)
    position = ranges(starts, stops)
    by_item = np.argsort(items[position], kind="stable")
    position = position[by_item]
    first = np.repeat(fresh, stops - starts)[by_item]
    stop = np.repeat(stops, stops - starts)[by_item]
    bounds = np.searchsorted(items[position], np.arange(n_items + 1))

    pieces = []
    for low, high in blocks(bounds + old_offsets // MAX_LAG):
        part = slice(bounds[low], bounds[high])
        old = slice(old_offsets[low], old_offsets[high])
        sources = np.repeat(np.arange(low, high), np.diff(old_offsets[low : high + 1]))
        keys, values = merged(
            sources * n_items + table.items[old],
            table.values[old],
            *pairs(items, position[part], first[part], stop[part], n_items),
        )
        pieces.append(largest(keys, values, low, high, n_items))
    lengths, targets, totals = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return RulesTable(np.append(0, np.cumsum(lengths)), targets, totals, counts)


def recent(items: Int32, starts: Int64, stops: Int64) -> tuple[Int64, Int32, Float32]:
    """What each history `items[starts[u]:stops[u]]` had lately: users, items, and .8^j for an event j events ago.

    The last 20 events count; an item may occur again, and then adds up.
    """
    starts = np.maximum(starts, stops - MAX_LAG)
    position = ranges(starts, stops)
    age = np.repeat(stops, stops - starts) - 1 - position
    return (
        np.repeat(np.arange(len(starts)), stops - starts),
        items[position],
        (RECENCY**age).astype(np.float32),
    )


def scores(table: RulesTable, items: Int32, starts: Int64, stops: Int64) -> Float32:
    """Score every item as the next of each history `items[starts[u]:stops[u]]`: float32 `[n_users, n_items]`.

    The last 20 events count. A history without rules scores 0 everywhere.
    """
    n_items = len(table.counts)
    target_scale = (table.counts.astype(np.float32) + np.float32(SMOOTHING)) ** np.float32(-TARGET_POWER)
    starts = np.maximum(starts, stops - MAX_LAG)
    position = ranges(starts, stops)
    source = items[position]
    weights = RECENCY ** (np.repeat(stops, stops - starts) - 1 - position) / (
        table.counts[source] + SMOOTHING
    )
    weights = weights.astype(np.float32)
    first, last = table.offsets[source], table.offsets[source + 1]
    runs = list(map(slice, first.tolist(), last.tolist()))
    bounds = np.append(0, np.cumsum(stops - starts))
    sizes = np.append(0, np.cumsum(last - first))[bounds]
    most = int(np.diff(sizes).max(initial=0))
    targets, values = np.empty(most, np.intp), np.empty(most, np.float32)
    result = np.zeros((len(starts), n_items), np.float32)
    # One user at a time: its sums stay in cache, and the rules of an item are read in one piece.
    for out, size, (low, high) in zip(
        result, np.diff(sizes).tolist(), pairwise(bounds.tolist()), strict=True
    ):
        if size:
            own, found, shares = runs[low:high], targets[:size], values[:size]
            np.concatenate(list(map(table.items.__getitem__, own)), out=found)
            np.concatenate(list(map(table.values.__getitem__, own)), out=shares)
            shares *= np.repeat(weights[low:high], last[low:high] - first[low:high])
            np.add.at(out, found, shares)
    result *= target_scale
    return result
