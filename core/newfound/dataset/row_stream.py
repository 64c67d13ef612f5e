"""Turn the batches of sources into frames of rows that are good and new, counting everything on the way."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from newfound import columns
from newfound.dataset.batch import Batch, RefusedCell, Source
from newfound.dataset.duplicates import Duplicates, HashSet, Places
from newfound.dataset.rejects import Rejects
from newfound.progress import Progress, ProgressCallback
from newfound.schema.document import SchemaDocument
from newfound.schema.parsing import naming_file
from newfound.schema.rows import check_rows

if TYPE_CHECKING:
    import polars as pl


@dataclass(slots=True)
class RowStream:
    """The rows of `sources`, cast to the types of `document`; iterate once.

    With `all_or_none`, nothing is yielded any more after the first bad row, but all rows are still checked. `times`
    holds the first and last TIMESTAMP of each batch. `late`, once all is read, are the places among the yielded rows,
    ascending, of those that turned out to be duplicates.
    """

    document: SchemaDocument
    sources: Sequence[Source]
    rejects: Rejects
    known: Duplicates
    all_or_none: bool
    progress: ProgressCallback
    rows_read: int = 0
    rows_new: int = 0
    duplicates: int = 0
    users: HashSet = field(default_factory=HashSet)
    items: HashSet = field(default_factory=HashSet)
    times: list[int] = field(default_factory=list)
    late: Places = field(default_factory=lambda: np.empty(0, np.int64))

    def __iter__(self) -> Iterator[pl.DataFrame]:
        started = time.monotonic()
        stage = f"import {self.document.dataset}"
        for source in self.sources:
            for batch in source.batches():
                frame = self._good_rows(source.path, batch)
                if not (self.all_or_none and self.rejects.n_rows):
                    yield self._new_rows(frame)
                self.progress(Progress(stage, self.rows_read))
        self.late = self.known.late()
        self.duplicates += len(self.late)
        self.rows_new -= len(self.late)
        rate = self.rows_read / max(time.monotonic() - started, 1e-9)
        self.progress(
            Progress(stage, self.rows_read, self.rows_read, f"{self.rows_read:,} rows, {rate:,.0f} rows/s")
        )

    def _good_rows(self, path: str, batch: Batch) -> pl.DataFrame:
        self.rows_read += batch.frame.height + len(batch.broken)
        with naming_file(path):
            frame, refused = check_rows(batch.frame, self.document)
        if refused.is_empty() and not batch.broken:
            return frame
        bad = refused["index"].unique().to_numpy()
        cells = [RefusedCell(int(batch.rows[index]), *cell) for index, *cell in refused.iter_rows()]
        cells = sorted([*batch.broken, *cells], key=lambda cell: cell.row)
        self.rejects.add(path, cells, len(bad) + len(batch.broken))
        return frame.filter(~np.isin(np.arange(frame.height), bad))

    def _new_rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        fresh = self.known.fresh(frame)
        if not fresh.all():
            self.duplicates += int((~fresh).sum())
            frame = frame.filter(fresh)
        self.rows_new += frame.height
        for name, ids in ((columns.USER_ID, self.users), (columns.ITEM_ID, self.items)):
            if name in frame.columns:
                ids.add(frame[name].hash().unique().to_numpy())
        if columns.TIMESTAMP in frame.columns and frame.height:
            times = frame[columns.TIMESTAMP].to_numpy()
            self.times += (int(times.min()), int(times.max()))
        return frame
