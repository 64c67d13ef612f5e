"""Generate interactions and events of any number of rows, seeded and in bounded memory.

    python benchmarks/generate.py interactions.csv 10000000
    python benchmarks/generate.py interactions.parquet 10000000
    python benchmarks/generate.py events.jsonl 1000000

The columns are USER_ID, ITEM_ID, TIMESTAMP, EVENT_TYPE, EVENT_VALUE and IMPRESSION. A user has about 50 interactions,
few items have most of them, half of the rows have a value and a quarter an impression of five items; no two rows are
equal. The events have the same fields, and each an eventId.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

CHUNK_ROWS = 500_000
ITEMS = 50_000
START = 1_600_000_000
SHOWN = 5


def chunks(rows: int) -> Iterator[pl.DataFrame]:
    """Yield the rows, up to CHUNK_ROWS at a time; a larger number of rows begins with the same ones."""
    for first in range(0, rows, CHUNK_ROWS):
        yield _chunk(np.random.default_rng((7, first)), first, CHUNK_ROWS).head(rows - first)


def _chunk(random: np.random.Generator, first: int, size: int) -> pl.DataFrame:
    # Users come and go: each is seen in one stretch of the file.
    users = first // 50 + random.integers(0, size // 50, size)
    items = (ITEMS * random.random((size, 1 + SHOWN)) ** 3).astype(np.int64)
    names = pl.DataFrame(items, [f"item{k}" for k in range(1 + SHOWN)]).select(pl.all().cast(pl.String))
    return names.select(
        USER_ID=pl.lit("u") + pl.Series(users).cast(pl.String),
        ITEM_ID=pl.lit("i") + pl.col("item0"),
        TIMESTAMP=pl.lit(START) + pl.Series(first + np.arange(size)),
        EVENT_TYPE=pl.Series(random.choice(["view", "click", "watch"], size, p=[0.7, 0.2, 0.1])),
        EVENT_VALUE=pl.when(pl.Series(random.random(size) < 0.5)).then(
            pl.Series(random.random(size).round(3))
        ),
        IMPRESSION=pl.when(pl.Series(random.random(size) < 0.25)).then(
            pl.concat_str([pl.lit("i") + pl.col(f"item{k}") for k in range(1, 1 + SHOWN)], separator="|")
        ),
    )


def write(path: Path, rows: int) -> None:
    """Write the rows in the format that the suffix names."""
    if path.suffix == ".parquet":
        whole = path.with_suffix(".whole.csv")
        write(whole, rows)
        pl.scan_csv(whole).sink_parquet(path)
        whole.unlink()
        return
    with path.open("wb") as file:
        for number, chunk in enumerate(chunks(rows)):
            if path.suffix == ".csv":
                chunk.write_csv(file, include_header=number == 0)
            else:
                _events(chunk, number * CHUNK_ROWS).write_ndjson(file)


def _events(chunk: pl.DataFrame, first: int) -> pl.DataFrame:
    ids = pl.lit("e") + pl.Series(np.arange(first, first + chunk.height)).cast(pl.String)
    return chunk.select(
        userId="USER_ID",
        itemId="ITEM_ID",
        eventType="EVENT_TYPE",
        eventValue="EVENT_VALUE",
        sentAt="TIMESTAMP",
        eventId=ids,
        impression=pl.col("IMPRESSION").str.split("|"),
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
