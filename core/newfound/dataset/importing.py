"""Import files into a dataset: every row checked, all of them or none (command-line contract, `dataset import`)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newfound.columns import RECORD_SOURCE
from newfound.dataset.cautions import ahead_of_clock
from newfound.dataset.import_base import ImportBase
from newfound.dataset.output import replacing
from newfound.dataset.rejects import Rejects
from newfound.dataset.row_stream import RowStream
from newfound.dataset.schema_choice import Choice, choose_schema
from newfound.dataset.sources import open_sources, renamed
from newfound.errors import InputRefusedError, UsageError
from newfound.progress import ProgressCallback, silent
from newfound.schema.registry import registering
from newfound.store.layout import DATASETS, Layout
from newfound.store.scratch import Scratch
from newfound.store.tables import Table

if TYPE_CHECKING:
    import polars as pl

ROWS_PER_FILE = 500_000


def import_dataset(
    layout: Layout,
    dataset: str,
    paths: Sequence[str | Path],
    *,
    schema_path: Path | None = None,
    mode: str = "full",
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
    on_error: str = "fail",
    rejects: Path | None = None,
    progress: ProgressCallback = silent,
    lock_timeout: float = 60.0,
) -> dict[str, Any]:
    """Import CSV, JSON Lines or Parquet files and return what `dataset import --json` prints.

    `mode` full replaces the rows of earlier imports, incremental adds to them; rows put one by one stay. `mapping`
    gives columns the names of fields. `rejects` receives every bad row. A failure leaves the project as it was:
    RowError for bad rows unless `on_error` is skip, else another InputRefusedError, NotFoundError or BusyError.
    """
    started = time.monotonic()
    _check_options(dataset, paths, mode, on_error)
    sources = renamed(open_sources(paths), mapping or {})
    table = Table(layout, dataset)
    with ExitStack() as stack:
        output = stack.enter_context(replacing(rejects)) if rejects else None
        writer = None if dry_run else stack.enter_context(table.writing(lock_timeout))
        scratch = stack.enter_context(Scratch(layout.root))
        snapshot = writer.snapshot if writer else table.snapshot()
        choice = choose_schema(layout, dataset, sources, schema_path)
        base = ImportBase(table, snapshot, choice.document, mode == "full")
        known, puts = base.known_rows(scratch), base.rewritten_puts()
        stream = RowStream(choice.document, sources, Rejects(output), known, on_error == "fail", progress)
        frames = _marked(stream) if choice.document.key else iter(stream)
        if writer:
            writer.add_frames(frames, ROWS_PER_FILE, "bulk")
        else:
            deque(frames, maxlen=0)
        if mode == "full" and not stream.rows_read:
            raise InputRefusedError(
                f"{paths[0]}: no rows", "a full import replaces all rows: give some", str(paths[0])
            )
        most = 0 if on_error == "fail" else max(stream.rows_read - 1, 0)
        refused = stream.rejects.n_rows > most
        if writer and not refused:
            writer.drop(stream.late)
            with registering(layout, choice.document):
                base.commit(writer, puts)
    if refused:
        raise stream.rejects.error()
    return _result(stream, choice, time.monotonic() - started)


def _check_options(dataset: str, paths: Sequence[str | Path], mode: str, on_error: str) -> None:
    options = ((dataset, DATASETS), (mode, ("full", "incremental")), (on_error, ("fail", "skip")))
    for given, allowed in options:
        if given not in allowed:
            raise UsageError(f"{given!r} is none of {', '.join(allowed)}", "choose one of them")
    if not paths:
        raise UsageError("no file to import", "name files or folders")


def _marked(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    import polars as pl

    for frame in frames:
        yield frame.with_columns(pl.lit("bulk").alias(RECORD_SOURCE))


def _result(stream: RowStream, choice: Choice, seconds: float) -> dict[str, Any]:
    result: dict[str, Any] = {
        "dataset": choice.document.dataset,
        "rowsRead": stream.rows_read,
        "rowsImported": stream.rows_new,
        "rowsRejected": stream.rejects.n_rows,
        "duplicates": stream.duplicates,
        "users": len(stream.users),
        "items": len(stream.items),
        "firstTimestamp": min(stream.times, default=None),
        "lastTimestamp": max(stream.times, default=None),
        "seconds": round(seconds, 3),
        "schema": {"source": choice.source, "inferred": list(choice.notes)},
    }
    if choice.notes:
        result["notes"] = [f"schema inferred: {note}" for note in choice.notes]
    warnings = (
        [f"columns that the schema leaves out: [{', '.join(choice.left_out)}]"] if choice.left_out else []
    )
    if stream.times:
        warnings += ahead_of_clock(max(stream.times), time.time())
    if stream.rejects.n_rows:
        warnings.append(f"skipped {stream.rejects.summary()}")
        result["rejected"] = stream.rejects.first
    return result | ({"warnings": warnings} if warnings else {})
