"""Count what the datasets hold."""

from __future__ import annotations

from typing import Any

from newfound import columns
from newfound.dataset.current import latest
from newfound.dataset.interactions import scan_interactions
from newfound.errors import UsageError
from newfound.schema.registry import document_for
from newfound.store.layout import DATASETS, Layout
from newfound.store.tables import Table


def summarize(layout: Layout, dataset: str) -> dict[str, Any]:
    """Count the rows of interactions, items, users or events: `dataset`, `rows`, `bulkRows`, `streamedRows`.

    Interactions are imported ones and streamed ones; items and users count once whatever the number of their records;
    the rows of `events` include impressions that nobody clicked.
    """
    stored = sum(file.rows for file in Table(layout, dataset).snapshot().files)
    if dataset == "events":
        bulk, streamed = 0, stored
    elif dataset == "interactions":
        bulk, streamed = stored, _clicks(layout)
    else:
        bulk, streamed = _records(layout, dataset)
    return {"dataset": dataset, "rows": bulk + streamed, "bulkRows": bulk, "streamedRows": streamed}


def _clicks(layout: Layout) -> int:
    events = Table(layout, "events")
    if not events.snapshot().files:
        return 0
    return sum(
        len(chunk) - chunk.null_count for chunk in events.read([columns.ITEM_ID])[columns.ITEM_ID].chunks
    )


def _records(layout: Layout, dataset: str) -> tuple[int, int]:
    import polars as pl

    table = Table(layout, dataset)
    if not table.snapshot().files:
        return 0, 0
    key = columns.ITEM_ID if dataset == "items" else columns.USER_ID
    rows = table.read((columns.RECORD_OFFSET, key, columns.RECORD_SOURCE))
    is_bulk = latest(pl.DataFrame(rows), key)[columns.RECORD_SOURCE] == "bulk"
    return int(is_bulk.sum()), int((~is_bulk).sum())


def describe(layout: Layout, dataset: str) -> dict[str, Any]:
    """Return counts, the range of TIMESTAMP in Unix seconds, and the schema document of a dataset."""
    import polars as pl

    if dataset not in DATASETS:
        raise UsageError(f"{dataset!r} is none of {', '.join(DATASETS)}", "choose one of them")
    counts = summarize(layout, dataset)
    if dataset == "interactions":
        user, item, time = (pl.col(name) for name in (columns.USER_ID, columns.ITEM_ID, columns.TIMESTAMP))
        facts = scan_interactions(layout).select(
            users=user.n_unique(), items=item.n_unique(), firstTimestamp=time.min(), lastTimestamp=time.max()
        )
        counts |= facts.collect().row(0, named=True)
    else:
        counts[dataset] = counts["rows"]
    return counts | {"schema": document_for(layout, dataset).to_dict()}
