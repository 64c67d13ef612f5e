"""Users' interactions as flat encoded arrays, in time order: what training and FULL bundles are made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from newfound import columns as c
from newfound.dataset.runs import distinct

if TYPE_CHECKING:
    import polars as pl


REPEATS = 0.02
"""Below this share of repeated items, people are taken not to come back to an item."""


@dataclass(frozen=True, slots=True)
class EventSelection:
    """Which interactions train: one event type (None: all, case ignored) and a least event value (null: excluded)."""

    event_type: str | None = None
    event_value_threshold: float | None = None

    def admits(self, event_type: str | None, event_value: float | None) -> bool:
        """Judge one interaction."""
        if self.event_type is not None and (event_type or "").lower() != self.event_type.lower():
            return False
        return self.event_value_threshold is None or (
            event_value is not None and event_value >= self.event_value_threshold
        )


@dataclass(frozen=True, slots=True)
class Histories:
    """Interactions of all users, end to end, each user's in (time, arrival) order.

    user_ids, item_ids: sorted ids; a code is a position there. offsets: int64 (n_users + 1,).
    items int32, times int64 (Unix seconds), types int16, trained bool, listed bool: (n,). type_names: lower case.
    listed: a streamed event that answers a displayed list, so that others decided what could be chosen.
    """

    user_ids: list[str]
    item_ids: list[str]
    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    times: NDArray[np.int64]
    types: NDArray[np.int16]
    trained: NDArray[np.bool_]
    listed: NDArray[np.bool_]
    type_names: tuple[str, ...]

    @property
    def n_users(self) -> int:
        """Users with at least one interaction."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Items of the catalogue, with or without interactions."""
        return len(self.item_ids)

    def users(self) -> NDArray[np.int32]:
        """Repeat each user's code over its interactions: int32 (n,)."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), np.diff(self.offsets))

    def restricted_to_trained(self) -> Histories:
        """Keep only interactions that train; users and items keep their codes."""
        if bool(self.trained.all()):
            return self
        kept = self.trained
        counts = np.bincount(self.users()[kept], minlength=self.n_users)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Histories(
            self.user_ids,
            self.item_ids,
            offsets,
            self.items[kept],
            self.times[kept],
            self.types[kept],
            np.ones(int(kept.sum()), dtype=np.bool_),
            self.listed[kept],
            self.type_names,
        )


def build_histories(
    frames: Iterable[pl.LazyFrame], item_ids: Iterable[str], selection: EventSelection
) -> Histories:
    """Encode interactions of several tables, earlier frames first among equal times.

    frames: LazyFrames with USER_ID, ITEM_ID, TIMESTAMP and, if they have them, EVENT_TYPE, EVENT_VALUE,
    EVENT_OFFSET, RECOMMENDATION_ID and IMPRESSION. item_ids: further items of the catalogue.
    """
    import polars as pl

    # Read twice, first for the distinct ids alone: so no text of all rows is ever in memory.
    rows = pl.concat([_uniform(frame) for frame in frames])
    users, items, types = (_distinct(rows, name) for name in (c.USER_ID, c.ITEM_ID, c.EVENT_TYPE))
    items = pl.concat([items, pl.Series(c.ITEM_ID, list(item_ids), dtype=pl.String)]).unique().sort()
    trained = pl.lit(value=True)
    if selection.event_type is not None:
        trained &= pl.col(c.EVENT_TYPE) == selection.event_type.lower()
    if selection.event_value_threshold is not None:
        trained &= (pl.col(c.EVENT_VALUE) >= selection.event_value_threshold).fill_null(value=False)
    coded = rows.select(
        pl.col(c.USER_ID).cast(pl.Enum(users)).to_physical().alias("user"),
        pl.col(c.ITEM_ID).cast(pl.Enum(items)).to_physical().cast(pl.Int32).alias("item"),
        pl.col(c.EVENT_TYPE).cast(pl.Enum(types)).to_physical().cast(pl.Int16).alias("type"),
        pl.col(c.TIMESTAMP).alias("time"),
        trained.alias("trained"),
        "listed",
    )
    encoded = coded.collect(engine="streaming").sort("user", "time", maintain_order=True)
    counts = np.bincount(encoded["user"].to_numpy(), minlength=len(users))
    return Histories(
        users.to_list(),
        items.to_list(),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        encoded["item"].to_numpy(),
        encoded["time"].to_numpy(),
        encoded["type"].to_numpy(),
        encoded["trained"].to_numpy(),
        encoded["listed"].to_numpy(),
        tuple(types.to_list()),
    )


def _distinct(rows: pl.LazyFrame, column: str) -> pl.Series:
    return rows.select(column).unique().collect(engine="streaming")[column].sort()


def _uniform(frame: pl.LazyFrame) -> pl.LazyFrame:
    import polars as pl

    present = frame.collect_schema().names()
    listed = pl.lit(value=False)
    if c.EVENT_OFFSET in present:
        frame = frame.sort(c.EVENT_OFFSET)
        listed = pl.col(c.RECOMMENDATION_ID).is_not_null() | pl.col(c.IMPRESSION).is_not_null()
    event_type = pl.col(c.EVENT_TYPE) if c.EVENT_TYPE in present else pl.lit(None, dtype=pl.String)
    event_value = pl.col(c.EVENT_VALUE) if c.EVENT_VALUE in present else pl.lit(None, dtype=pl.Float64)
    return frame.filter(pl.col(c.ITEM_ID).is_not_null()).select(
        pl.col(c.USER_ID).cast(pl.String),
        pl.col(c.ITEM_ID).cast(pl.String),
        pl.col(c.TIMESTAMP).cast(pl.Int64),
        event_type.cast(pl.String).fill_null("").str.to_lowercase().alias(c.EVENT_TYPE),
        event_value.cast(pl.Float64).alias(c.EVENT_VALUE),
        listed.alias("listed"),
    )


def share_of_repeats(histories: Histories) -> float:
    """Share of events on an item that the user had before."""
    pairs = histories.users().astype(np.int64) * histories.n_items + histories.items
    return 1 - len(distinct(pairs)) / max(len(pairs), 1)
