"""What an import finds in its table: rows that new ones may equal, and rows that stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from newfound.columns import RECORD_OFFSET, RECORD_SOURCE
from newfound.dataset.current import has_columns_of, latest
from newfound.dataset.duplicates import Duplicates, EqualRecords, EqualRows
from newfound.errors import SchemaError
from newfound.schema.document import SchemaDocument
from newfound.schema.rows import check_rows
from newfound.store.data_files import DataFile
from newfound.store.delta_log import Snapshot
from newfound.store.scratch import Scratch
from newfound.store.table_writer import TableWriter
from newfound.store.tables import Table

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class ImportBase:
    """A table as an import of rows of `document` finds it; `full` replaces the rows of earlier imports."""

    table: Table
    snapshot: Snapshot
    document: SchemaDocument
    full: bool

    def known_rows(self, scratch: Scratch) -> Duplicates:
        """Return the rows that a new one may duplicate; raise SchemaError if new ones have other columns."""
        key = self.document.key
        if self.full or not self.snapshot.files:
            return EqualRecords(key) if key else EqualRows(scratch)
        if not has_columns_of(self.snapshot, self.document):
            raise SchemaError(
                f"the stored {self.document.dataset} have other columns than the schema",
                "import all rows again with --mode full, which keeps those put one by one, "
                "or give a schema of the stored columns with --schema",
            )
        stored = self.table.scan(snapshot=self.snapshot)
        if not key:
            return EqualRows(scratch, stored.select(self.document.names).collect_batches())
        known = EqualRecords(key)
        known.fresh(latest(stored.collect(), key).select(self.document.names))
        return known

    def rewritten_puts(self) -> pl.DataFrame | None:
        """Return the records put one by one under the document's columns, None if they can stay as they are."""
        import polars as pl

        if not any(map(_is_put, self.snapshot.files)) or has_columns_of(self.snapshot, self.document):
            return None
        records = pl.DataFrame(self.table.read(keep=_is_put, snapshot=self.snapshot))
        frame, refused = check_rows(records, self.document)
        if refused.height:
            _, column, value, reason = refused.row(0)
            raise SchemaError(
                f"{column} of a record put earlier would not fit: {value!r}: {reason}",
                "make the field fit, or nullable",
            )
        return frame.select(records[RECORD_OFFSET], pl.all(), records[RECORD_SOURCE])

    def commit(self, writer: TableWriter, rewritten_puts: pl.DataFrame | None) -> None:
        """Commit what was staged in place of what it replaces."""
        if rewritten_puts is not None:
            writer.add(rewritten_puts, "put", keep_offsets=True)
        writer.commit(lambda file: not self.full or (_is_put(file) and rewritten_puts is None))


def _is_put(file: DataFile) -> bool:
    return file.source == "put"
