"""Ranking metrics of behaviour specification §6, for all users at once.

Rankings are int32 `[n_users, k]`, best first, distinct within a row, -1 where a list ended early. An item is
relevant when it occurs in the user's held-out events; occurring twice counts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int32, Int64, ranges

LIST_LENGTH: Final = 25
CUTOFFS: Final = (5, 10, 25)
RECIPROCAL_RANK: Final = "mean_reciprocal_rank_at_25"
USER_METRICS: Final = (
    RECIPROCAL_RANK,
    *(f"normalized_discounted_cumulative_gain_at_{k}" for k in CUTOFFS),
    *(f"precision_at_{k}" for k in CUTOFFS),
)
METRIC_NAMES: Final = ("coverage", *USER_METRICS)

Float64 = NDArray[np.float64]
Hits = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Held-out items of each test user u: int32 `items[offsets[u]:offsets[u + 1]]`."""

    offsets: Int64
    items: Int32

    def among(self, catalogue: NDArray[np.bool_]) -> HeldOut:
        """Keep only the items inside a mask over item codes."""
        kept = catalogue[self.items]
        return HeldOut(np.append(0, np.cumsum(kept))[self.offsets], self.items[kept])

    def of(self, users: Int64) -> HeldOut:
        """Keep only these test users, by position."""
        starts, stops = self.offsets[users], self.offsets[users + 1]
        return HeldOut(np.append(0, np.cumsum(stops - starts)), self.items[ranges(starts, stops)])


def relevance(ranked: Int32, held_out: HeldOut) -> tuple[Hits, Int64]:
    """Mark the hits in each ranking, bool `[n_users, k]`, and count what is relevant, int64 `[n_users]`."""
    n_users = len(ranked)
    span = 1 + max(int(ranked.max(initial=0)), int(held_out.items.max(initial=0)))
    owner = np.repeat(np.arange(n_users), np.diff(held_out.offsets))
    relevant = np.unique(owner * span + held_out.items)
    asked = np.arange(n_users)[:, None] * span + ranked
    hits = np.isin(asked, relevant) & (ranked >= 0)
    return hits, np.bincount(relevant // span, minlength=n_users)


def precision_at(hits: Hits, k: int) -> Float64:
    """Divide the hits among the first k by k, also when fewer than k were returned."""
    precision: Float64 = hits[:, :k].sum(axis=1) / k
    return precision


def reciprocal_rank_at(hits: Hits, k: int) -> Float64:
    """Take 1 / rank of the first hit within k; 0 without one."""
    first = hits[:, :k]
    best: Float64 = np.max(first / np.arange(1.0, 1.0 + first.shape[1]), axis=1, initial=0.0)
    return best


def ndcg_at(hits: Hits, n_relevant: Int64, k: int) -> Float64:
    """Divide the discounted gain of the first k by the best that could be had.

    DCG = sum of 1 / log2(1 + rank) over the hits. The ideal is the same sum over ranks
    1 .. min(k, number of held-out items). Without held-out items the value is 0.
    """
    discount = 1 / np.log2(2.0 + np.arange(k))
    gain = (hits[:, :k] * discount[: hits.shape[1]]).sum(axis=1)
    ideal = np.append(0.0, np.cumsum(discount))[np.minimum(n_relevant, k)]
    ndcg: Float64 = np.divide(gain, ideal, out=np.zeros(len(gain)), where=ideal > 0)
    return ndcg


def ndcg_by_chance(held_out: HeldOut, n_items: int, k: int) -> float:
    """Mean NDCG@k that a random order of `n_items` expects, over users with held-out items.

    A relevant item stands at each rank with probability 1 / n_items, so that DCG expects n_relevant / n_items times the
    sum of the discounts.
    """
    _, n_relevant = relevance(np.empty((len(held_out.offsets) - 1, 0), np.int32), held_out)
    n_relevant = n_relevant[n_relevant > 0]
    discounts = np.cumsum(1 / np.log2(2.0 + np.arange(k)))
    expected = n_relevant / n_items * discounts[min(k, n_items) - 1]
    return float((expected / discounts[np.minimum(n_relevant, k) - 1]).mean())


def user_metrics(hits: Hits, n_relevant: Int64) -> Float64:
    """Compute every metric of `USER_METRICS` for each user: float64 `[n_users, len(USER_METRICS)]`."""
    columns = [
        reciprocal_rank_at(hits, LIST_LENGTH),
        *(ndcg_at(hits, n_relevant, k) for k in CUTOFFS),
        *(precision_at(hits, k) for k in CUTOFFS),
    ]
    return np.stack(columns, axis=1)


def coverage(ranked: Int32, catalogue: NDArray[np.bool_]) -> float:
    """Divide the distinct items of the catalogue that anyone was recommended by the catalogue's size.

    `catalogue` is a mask over item codes; recommendations outside it do not count.
    """
    reached = np.unique(ranked[ranked >= 0])
    return float(catalogue[reached].sum() / catalogue.sum())
