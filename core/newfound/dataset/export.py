"""Export a dataset to one CSV, JSON Lines or Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from newfound.columns import RECORD_OFFSET
from newfound.dataset.current import current_records
from newfound.dataset.interactions import scan_interactions
from newfound.dataset.output import replacing
from newfound.errors import UsageError
from newfound.store.layout import DATASETS, Layout

SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")


def export(layout: Layout, dataset: str, output: Path, *, impressions: bool = False) -> dict[str, Any]:
    """Write every interaction, imported or streamed, or the current record of each item or user, to `output`.

    `impressions` includes those that nobody clicked. The file appears whole or not at all. Raises UsageError for an
    unknown dataset or suffix, DamagedError or ResourceError.
    """
    import polars as pl

    if dataset not in DATASETS:
        raise UsageError(f"{dataset!r} is none of {', '.join(DATASETS)}", "choose one of them")
    if output.suffix not in SUFFIXES:
        raise UsageError(
            f"{output}: unknown format", f"end the name in one of {', '.join(SUFFIXES)}", str(output)
        )
    if dataset == "interactions":
        rows = scan_interactions(layout, impressions=impressions)
    else:
        rows = current_records(layout, dataset).drop(RECORD_OFFSET).lazy()
    with replacing(output) as file:
        if output.suffix == ".csv":
            rows.sink_csv(file)
        elif output.suffix == ".parquet":
            rows.sink_parquet(file)
        else:
            rows.sink_ndjson(file)
    return {"dataset": dataset, "output": str(output), "rows": rows.select(pl.len()).collect().item()}
