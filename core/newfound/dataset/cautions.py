"""What in the interactions misleads training without making it impossible: times ahead of the clock, low ratings."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from newfound.columns import EVENT_VALUE, ITEM_ID, TIMESTAMP
from newfound.dataset.event_lines import MAX_AHEAD_SECONDS
from newfound.dataset.histories import EventSelection
from newfound.store.delta_log import Snapshot
from newfound.store.layout import Layout
from newfound.store.tables import Table

if TYPE_CHECKING:
    import polars as pl

SCALE_ENDS = (5, 10)
"""Where rating scales end; they begin at 1 or below and go by halves at the finest."""
MIN_GRADES = 4
MIN_LOW_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Ratings:
    """How many EVENT_VALUEs there are of each grade of a rating scale."""

    counts: dict[float, int]

    @property
    def middle(self) -> float:
        """Return the least grade, of whole and half ones, that is not low."""
        return math.ceil(min(self.counts) + max(self.counts)) / 2

    @property
    def low_share(self) -> float:
        """Return the share of values below the middle."""
        low = sum(count for grade, count in self.counts.items() if grade < self.middle)
        return low / sum(self.counts.values())


def training_warnings(
    layout: Layout, interactions: Snapshot, events: Snapshot, selection: EventSelection
) -> list[str]:
    """Return what to warn of who trains on these states of the tables with this selection."""
    import polars as pl

    tables = (("interactions", interactions), ("events", events))
    frames = [Table(layout, name).scan(snapshot=at) for name, at in tables if at.files]
    rows = pl.concat([frame.select(ITEM_ID, TIMESTAMP, _values(frame)) for frame in frames])
    chosen = rows.filter(pl.col(ITEM_ID).is_not_null())
    return cautions(chosen, time.time(), all_values=selection.event_value_threshold is None)


def _values(rows: pl.LazyFrame) -> pl.Expr:
    import polars as pl

    present = EVENT_VALUE in rows.collect_schema().names()
    return pl.col(EVENT_VALUE) if present else pl.lit(None, pl.Float64).alias(EVENT_VALUE)


def cautions(rows: pl.LazyFrame, now: float, *, all_values: bool) -> list[str]:
    """Look for trouble in interactions with TIMESTAMP and EVENT_VALUE; `now` in Unix seconds.

    `all_values`: no threshold keeps low values from training.
    """
    import polars as pl

    values = pl.col(EVENT_VALUE)
    facts = rows.select(
        latest=pl.col(TIMESTAMP).max(),
        least=values.min(),
        most=values.max(),
        by_halves=((2 * values).floor() == 2 * values).all(),
    ).collect(engine="streaming")
    latest, least, most, by_halves = facts.row(0)
    found = [] if latest is None else ahead_of_clock(latest, now)
    if all_values and by_halves and most in SCALE_ENDS and 0 <= least <= 1:
        counts = rows.select(values.drop_nulls()).group_by(EVENT_VALUE).len().collect(engine="streaming")
        found += rating_scale(Ratings(dict(counts.iter_rows())))
    return found


def ahead_of_clock(latest: int, now: float) -> list[str]:
    """Warn of a newest TIMESTAMP that is more than a day ahead of the clock."""
    if latest <= now + MAX_AHEAD_SECONDS:
        return []
    return [
        f"the newest TIMESTAMP, {latest} ({datetime.fromtimestamp(latest, UTC):%Y-%m-%d}), is more than a day ahead "
        "of the clock; ages of items count from it, so that new ones would be explored no more: correct such rows "
        "and import them again"
    ]


def rating_scale(ratings: Ratings) -> list[str]:
    """Warn of a rating scale with many low values."""
    if len(ratings.counts) < MIN_GRADES or ratings.low_share < MIN_LOW_SHARE:
        return []
    return [
        f"EVENT_VALUE looks like a rating scale, {ratings.low_share:.0%} of the values are below {ratings.middle:g}, "
        "and each counts as if the item had been liked; `newfound solution create NAME --event-value-threshold "
        f"{ratings.middle:g}` leaves low ones out"
    ]
