"""The stored rows of the datasets: the current record of each item or user, and how a document maps to columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from newfound.columns import RECORD_OFFSET, RECORD_SOURCE
from newfound.schema.document import Field, SchemaDocument
from newfound.schema.registry import document_for
from newfound.schema.rows import polars_type
from newfound.store.delta_log import Snapshot
from newfound.store.layout import Layout
from newfound.store.tables import Table

if TYPE_CHECKING:
    import polars as pl


def stored_columns(document: SchemaDocument) -> list[tuple[str, str]]:
    """Return the columns, with their Delta types, of a table of the document's dataset."""
    fields = [(field.name, field.stored_type) for field in document.fields]
    return [(RECORD_OFFSET, "long"), *fields, (RECORD_SOURCE, "string")] if document.key else fields


def has_columns_of(snapshot: Snapshot, document: SchemaDocument) -> bool:
    """Tell whether rows of the document can be added to a table; they can to an empty one."""
    return not snapshot.files or [
        (field["name"], field["type"]) for field in snapshot.fields
    ] == stored_columns(document)


def current_records(
    layout: Layout, dataset: str, snapshot: Snapshot | None = None, since: int = 0
) -> pl.DataFrame:
    """Return the latest record of each item or user: RECORD_OFFSET and the columns of the schema, oldest first.

    Shape `(n, fields + 1)`; `snapshot` is an earlier state of the table, `since` the least RECORD_OFFSET. Without any
    record the columns are those of the registered or built-in schema.
    """
    import polars as pl

    table = Table(layout, dataset)
    snapshot = snapshot or table.snapshot()
    document = document_for(layout, dataset)
    if not snapshot.files:
        return empty_rows((Field(RECORD_OFFSET, "long"), *document.fields))
    rows = table.read(
        keep=lambda file: file.max_offset is None or file.max_offset >= since, snapshot=snapshot
    )
    recent = pl.DataFrame(rows).filter(pl.col(RECORD_OFFSET) >= since)
    return latest(recent, str(document.key)).drop(RECORD_SOURCE)


def empty_rows(fields: Iterable[Field]) -> pl.DataFrame:
    """Return a frame without rows."""
    import polars as pl

    return pl.DataFrame(schema={field.name: polars_type(field) for field in fields})


def latest(records: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return the record of each id with the greatest RECORD_OFFSET, in the order of these."""
    return records.sort(RECORD_OFFSET).unique(key, keep="last", maintain_order=True)
