"""Look for what in the data will harm training: insights, and figures for each column."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from newfound.columns import (
    EVENT_TYPE,
    ITEM_ID,
    SESSION_ID,
    TIMESTAMP,
    USER_ID,
)
from newfound.dataset.cautions import cautions
from newfound.dataset.column_figures import column_figures
from newfound.dataset.current import current_records
from newfound.dataset.insights import (
    NORMALLY_NULL,
    Insight,
    InteractionFacts,
    catalogue_insights,
    column_insights,
    interaction_insights,
)
from newfound.dataset.interactions import scan_interactions
from newfound.schema.registry import document_for
from newfound.store.layout import DATASETS, Layout

if TYPE_CHECKING:
    import polars as pl

LEVELS: Final = ("error", "warning", "info")
KEYS: Final = {"items": ITEM_ID, "users": USER_ID}


def analyze(layout: Layout) -> dict[str, Any]:
    """Return `insights` (level and message, errors first) and `columns` (figures about each).

    Events of anonymous sessions do not count. A column without any value is left out.
    """
    interactions = _known_users(scan_interactions(layout))
    insights = interaction_insights(_facts(interactions))
    insights += [Insight("warning", text) for text in cautions(interactions, time.time(), all_values=True)]
    figures: list[dict[str, Any]] = []
    for dataset in DATASETS:
        rows = interactions
        if dataset != "interactions":
            rows = current_records(layout, dataset).lazy()
            insights += catalogue_insights(dataset, *_matches(rows, interactions, KEYS[dataset]))
        columns = [column_figures(rows, field) for field in document_for(layout, dataset).fields]
        columns = [column for column in columns if column.complete]
        expected = [column.field.name for column in columns if column.field.name not in NORMALLY_NULL]
        insights += column_insights(dataset, columns, _incomplete(rows, expected))
        figures += [{"dataset": dataset, **column.to_dict()} for column in columns]
    insights.sort(key=lambda insight: LEVELS.index(insight.level))
    return {"insights": [asdict(insight) for insight in insights], "columns": figures}


def _known_users(rows: pl.LazyFrame) -> pl.LazyFrame:
    import polars as pl

    if SESSION_ID not in rows.collect_schema().names():
        return rows
    return rows.filter(pl.col(USER_ID).ne_missing(pl.col(SESSION_ID)))


def _facts(rows: pl.LazyFrame) -> InteractionFacts:
    import polars as pl

    per_user = rows.group_by(USER_ID).len()
    users = per_user.select(users=pl.len(), returning=(pl.col("len") >= 2).sum())
    counts = rows.select(
        interactions=pl.len(),
        event_types=pl.col(EVENT_TYPE).drop_nulls().n_unique(),
        moments=pl.col(TIMESTAMP).n_unique(),
    )
    return InteractionFacts(**pl.concat([users, counts], how="horizontal").collect().row(0, named=True))


def _matches(records: pl.LazyFrame, interactions: pl.LazyFrame, key: str) -> tuple[int, int, int]:
    """Count the records, those without an interaction, and the ids of interactions without a record."""
    import polars as pl

    active, known = interactions.select(key).unique(), records.select(key)
    lazies = (known, known.join(active, on=key, how="anti"), active.join(known, on=key, how="anti"))
    n_records, unused, unknown = (frame.select(pl.len()).collect().item() for frame in lazies)
    return n_records, unused, unknown


def _incomplete(rows: pl.LazyFrame, names: list[str]) -> int:
    import polars as pl

    return int(rows.select(pl.any_horizontal(pl.col(names).is_null()).sum()).collect().item()) if names else 0
