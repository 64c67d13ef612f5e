"""The tables of a project: Delta tables with durable commits, checked reads and one writer at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from arro3.core import Table as ArrowTable

from newfound.columns import EVENT_OFFSET, RECORD_OFFSET, RESPONSE_OFFSET
from newfound.store.acknowledged import acknowledged_path, read_acknowledged
from newfound.store.arrow import ArrowStream
from newfound.store.data_files import DataFile, FileGoneError, read_arrow, scan_polars
from newfound.store.delta_log import DeltaLog, Snapshot
from newfound.store.layout import Layout
from newfound.store.locks import lock
from newfound.store.table_writer import Commit, TableWriter

if TYPE_CHECKING:
    import polars as pl

Read = TypeVar("Read")
KeepFile = Callable[[DataFile], bool]

OFFSET_COLUMNS = {
    "events": EVENT_OFFSET,
    "recommendations": RESPONSE_OFFSET,
    "items": RECORD_OFFSET,
    "users": RECORD_OFFSET,
}


def every_file(_: DataFile) -> bool:
    """Accept every data file."""
    return True


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a project: `interactions`, `items`, `users`, `events` or `recommendations`."""

    layout: Layout
    name: str

    @property
    def log(self) -> DeltaLog:
        """Return the table's Delta log."""
        return DeltaLog(self.layout.table(self.name), OFFSET_COLUMNS.get(self.name))

    def snapshot(self, version: int | None = None) -> Snapshot:
        """Return the current version of the table, or an earlier one; takes no lock and writes nothing."""
        self.layout.require_inside(acknowledged_path(self.log))
        return read_acknowledged(self.log) if version is None else self.log.replay(version)

    def read(
        self,
        names: Sequence[str] | None = None,
        keep: KeepFile = every_file,
        snapshot: Snapshot | None = None,
    ) -> ArrowTable:
        """Read columns of the files that `keep` accepts into an arro3 table, without importing polars.

        A table that was never written has no columns to name: the result is empty and has none.
        """

        def read_files(current: Snapshot) -> ArrowTable:
            return read_arrow(list(filter(keep, current.files)), names, current.schema)

        return self._at(snapshot, read_files)

    def scan(self, keep: KeepFile = every_file, snapshot: Snapshot | None = None) -> pl.LazyFrame:
        """Scan the files that `keep` accepts lazily with polars, after a check of their hashes."""

        def scan_files(current: Snapshot) -> pl.LazyFrame:
            return scan_polars(list(filter(keep, current.files)), current.schema)

        return self._at(snapshot, scan_files)

    def _at(self, snapshot: Snapshot | None, read: Callable[[Snapshot], Read]) -> Read:
        try:
            return read(snapshot or self.snapshot())
        except FileGoneError:
            if snapshot:
                raise
            # Compaction may have removed files since the snapshot was read: the next one names others.
            return read(self.snapshot())

    @contextmanager
    def writing(self, lock_timeout: float) -> Iterator[TableWriter]:
        """Hold the table's lock for the body; what the body adds and does not commit is taken back."""
        self.layout.require_inside(acknowledged_path(self.log))
        with lock(self.layout.lock(self.name), lock_timeout, f"write {self.name}"):
            writer = TableWriter(self.log, self.snapshot())
            writer.set_aside_torn_entry()
            try:
                yield writer
            finally:
                writer.discard()

    def append(self, data: ArrowStream, lock_timeout: float, source: str = "part") -> Commit:
        """Add rows in one durable commit."""
        with self.writing(lock_timeout) as writer:
            writer.add(data, source)
            return writer.commit()
