"""The one writer of a table: stage data files, then commit all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from arro3.core import Array, ChunkedArray, DataType, Field, Schema, Table
from numpy.typing import NDArray

from newfound.store.acknowledged import acknowledged_path, render_acknowledgement
from newfound.store.arrow import ArrowStream, plain_table
from newfound.store.data_files import DataFile, scan_polars, write_data_file, write_frame
from newfound.store.delta_log import Change, DeltaLog, Snapshot
from newfound.store.files import (
    create_bytes,
    damaged,
    fsync_directory,
    make_directory,
    publish,
    remove,
    temporary_sibling,
    write_new,
)
from newfound.store.merging import WHEN_APPENDING, Tier, mergeable, merged

if TYPE_CHECKING:
    import polars as pl

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit did: the table's new version, and the offset of its first of `rows` new rows."""

    version: int
    first_offset: int
    rows: int


@dataclass(slots=True)
class TableWriter:
    """Stages and commits while its creator holds the table's lock."""

    log: DeltaLog
    snapshot: Snapshot
    next_offset: int = field(init=False)
    _staged: list[DataFile] = field(default_factory=list)
    _schema: Schema | None = None

    def __post_init__(self) -> None:
        self.next_offset = self.snapshot.next_offset

    def add(self, data: ArrowStream, source: str = "part", keep_offsets: bool = False) -> int:
        """Stage rows as one data file and return their number.

        Rows get the next offsets in an offset column put first, unless `keep_offsets` says they bring theirs.
        All rows of one commit must have the same columns; they become the table's.
        """
        table = plain_table(data)
        rows = int(table.num_rows)
        if self.log.offset_column and not keep_offsets:
            offsets = Array(np.arange(self.next_offset, self.next_offset + rows))
            offset_field = Field(self.log.offset_column, DataType.int64())
            table = table.add_column(0, offset_field, ChunkedArray(offsets))
            self.next_offset += rows
        self._accept(table.schema)
        if rows:
            self._stage(table, source)
        return rows

    def add_batches(self, batches: Iterable[ArrowStream], rows_per_file: int, source: str = "part") -> int:
        """Stage a stream of any length in files of at least `rows_per_file` rows; return how many it had."""
        rows = 0
        for group in _grouped(map(plain_table, batches), lambda table: int(table.num_rows), rows_per_file):
            parts = [batch for table in group for batch in table.to_batches()]
            rows += self.add(Table.from_batches(parts, schema=group[0].schema), source)
        return rows

    def add_frames(self, frames: Iterable[pl.DataFrame], rows_per_file: int, source: str = "part") -> int:
        """Stage polars frames of plain columns in files of at least `rows_per_file` rows; return how many rows.

        A file is compressed and written while the rows of the next one are taken from `frames`.
        """
        from concurrent.futures import Future, ThreadPoolExecutor

        import polars as pl

        rows = 0
        staging: Future[None] | None = None
        with ThreadPoolExecutor(1) as pool:
            for group in _grouped(frames, lambda frame: frame.height, rows_per_file):
                frame = pl.concat(group)
                if staging:
                    staging.result()
                staging = pool.submit(self._add_frame, frame, source)
                rows += frame.height
        if staging:
            staging.result()
        return rows

    def _add_frame(self, frame: pl.DataFrame, source: str) -> None:
        import polars as pl

        if self.log.offset_column:
            offsets = np.arange(self.next_offset, self.next_offset + frame.height)
            frame = frame.select(pl.Series(self.log.offset_column, offsets), pl.all())
            self.next_offset += frame.height
        self._accept(plain_table(frame.clear()).schema)
        self._stage_frame(frame, source)

    def drop(self, places: NDArray[np.int64]) -> None:
        """Take rows out of the staged files; `places`, ascending, count through all of these."""
        first, staged, self._staged = 0, self._staged, []
        for file in staged:
            inside = places[slice(*np.searchsorted(places, (first, first + file.rows)))] - first
            first += file.rows
            self._staged.append(file)
            if inside.size:
                rows = scan_polars([file], self._schema).collect()
                remove(file.path)
                self._staged.pop()
                self._stage_frame(rows.filter(~np.isin(np.arange(file.rows), inside)), file.source)

    def _accept(self, schema: Schema) -> None:
        if self._schema is not None and schema != self._schema:
            raise ValueError("rows of one commit differ in their columns")
        self._schema = schema

    def _stage(self, table: Table, source: str) -> DataFile:
        make_directory(self.log.folder)
        file = write_data_file(self.log.folder, table, source, self.log.offset_column)
        self._staged.append(file)
        return file

    def _stage_frame(self, frame: pl.DataFrame, source: str) -> None:
        if frame.height:
            make_directory(self.log.folder)
            self._staged.append(write_frame(self.log.folder, frame, source, self.log.offset_column))

    def commit(
        self, keep: Callable[[DataFile], bool] = lambda _: True, merge: Sequence[Tier] = WHEN_APPENDING
    ) -> Commit:
        """Make the staged files, and those of the table's that `keep` accepts, the table's next version.

        Returns once all of it is durable. Without anything to change no version is made. If the staged rows
        have other columns than the table, `keep` must not keep any file. Kept files that the tiers of `merge`
        want merged are replaced by fewer, without a change to any row.
        """
        current = self.snapshot
        rows = sum(file.rows for file in self._staged)
        schema = current.schema if self._schema is None else self._schema
        verdicts = [(file, keep(file)) for file in current.files]
        kept = [file for file, stays in verdicts if stays]
        gone = [file for file, stays in verdicts if not stays]
        if kept and schema != current.schema:
            raise ValueError("kept files and staged rows differ in their columns")
        if current.version < 0 and self._schema is not None:
            # Version 0 has no rows: a lost acknowledgement can then be told from an interrupted first commit.
            self._write(Change(0, schema))
        rearranged: list[DataFile] = []
        for group in mergeable(kept, merge):
            gone += group
            rearranged += group
            for table in merged(group, schema, self.log.offset_column):
                rearranged.append(self._stage(table, group[0].source))
        if self._staged or gone or schema != self.snapshot.schema:
            self._write(
                Change(self.next_offset, schema, tuple(self._staged), tuple(gone), frozenset(rearranged))
            )
        return Commit(self.snapshot.version, current.next_offset, rows)

    def _write(self, change: Change) -> None:
        entry = self.log.render(self.snapshot, change)
        committed = self.log.apply(self.snapshot, entry)
        entry_path = self.log.entry_path(committed.version)
        make_directory(entry_path.parent)
        fsync_directory(self.log.folder)
        # Everything that needs space is on disk before the entry exists, so a full disk commits nothing.
        acknowledgement = temporary_sibling(acknowledged_path(self.log))
        write_new(acknowledgement, render_acknowledgement(self.log, committed))
        try:
            create_bytes(entry_path, entry)
        except BaseException:
            remove(acknowledgement)
            raise
        # From here on the version may be visible: its files must stay.
        self._staged = [file for file in self._staged if file not in change.add]
        publish(acknowledgement, acknowledged_path(self.log))
        self.snapshot = committed

    def set_aside_torn_entry(self) -> None:
        """Rename the entry of a commit that was interrupted before it was acknowledged: it never happened."""
        path = self.log.entry_path(self.snapshot.version + 1)
        if not path.exists():
            return
        if self.log.entry_path(self.snapshot.version + 2).exists():
            raise damaged(acknowledged_path(self.log), "older than the log of the table")
        publish(path, path.with_suffix(".json.torn"))

    def discard(self) -> None:
        """Remove the staged files that were not committed."""
        for file in self._staged:
            remove(file.path)
        self._staged = []


def _grouped(parts: Iterable[Part], size: Callable[[Part], int], rows: int) -> Iterator[list[Part]]:
    """Gather parts of a stream until they have so many rows; empty ones are left out."""
    waiting: list[Part] = []
    for part in filter(size, parts):
        waiting.append(part)
        if sum(map(size, waiting)) >= rows:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
