"""`items put` and `users put`: records that replace the whole record of the same id. Free of polars."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from newfound.columns import RECORD_SOURCE
from newfound.dataset.current import has_columns_of
from newfound.dataset.json_objects import without_mark
from newfound.dataset.record_lines import RecordParser
from newfound.errors import BusyError, InputRefusedError, SchemaError, UsageError
from newfound.schema.document import SchemaDocument
from newfound.schema.registry import document_for, registering
from newfound.schema.values import Value
from newfound.store.arrow import STRING, arrow_table
from newfound.store.layout import Layout
from newfound.store.tables import Table


def put_records(
    layout: Layout,
    dataset: str,
    lines: Iterable[bytes],
    *,
    on_error: str = "fail",
    lock_timeout: float = 60.0,
) -> dict[str, Any]:
    """Store the records of JSON lines in one commit and return the counts that `items put --json` prints.

    Blank lines count as lines and are skipped. With any rejected line nothing is stored unless `on_error` is "skip".
    Of several records of one id the last counts. Raises BusyError, DamagedError, ResourceError or SchemaError.
    """
    if dataset not in ("items", "users"):
        raise UsageError(f"records of {dataset} cannot be put", "put items or users")
    parser = RecordParser(document_for(layout, dataset))
    records: list[dict[str, Value]] = []
    rejected: list[dict[str, Any]] = []
    for number, line in enumerate(without_mark(lines), start=1):
        if not line.strip():
            continue
        try:
            records += parser.parse_line(line)
        except InputRefusedError as error:
            rejected.append({"line": number, "reason": error.message})
    if rejected and on_error == "fail":
        records = []
    if records:
        _store(layout, parser.document, records, lock_timeout)
    return {"accepted": len(records), "rejected": rejected}


def _store(
    layout: Layout, document: SchemaDocument, records: list[dict[str, Value]], lock_timeout: float
) -> None:
    stored = {
        field.name: (field.stored_type, [record[field.name] for record in records])
        for field in document.fields
    }
    with Table(layout, document.dataset).writing(lock_timeout) as writer:
        if document_for(layout, document.dataset) != document:
            raise BusyError(
                f"the schema of {document.dataset} was replaced meanwhile", "run the command again"
            )
        if not has_columns_of(writer.snapshot, document):
            raise SchemaError(
                f"the stored {document.dataset} have other columns than the schema",
                "import all rows again with --mode full",
            )
        writer.add(arrow_table({**stored, RECORD_SOURCE: (STRING, ["put"] * len(records))}), "put")
        with registering(layout, document):
            writer.commit()
