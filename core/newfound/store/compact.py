"""`compact`: merge small files, and remove files that nothing has referred to for a day."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from arro3.core import Array
from arro3.core import Table as ArrowTable

from newfound.columns import RESPONSE_OFFSET
from newfound.store.data_files import read_arrow
from newfound.store.files import TEMPORARY_MARK, remove
from newfound.store.layout import TABLES, Layout
from newfound.store.merging import WHEN_COMPACTING
from newfound.store.table_writer import TableWriter
from newfound.store.tables import Table

GRACE_SECONDS = 86_400


def compact(
    layout: Layout,
    *,
    pinned: Mapping[str, Iterable[int]] = {},
    responses_before: int | None = None,
    lock_timeout: float = 60.0,
    now: float | None = None,
) -> dict[str, int]:
    """Merge the small files of every table, sweep what is unreferenced, and count both.

    The files of the table versions in `pinned`, by table, stay: solution versions were trained on them.
    Responses logged before `responses_before`, in Unix seconds, are removed, whatever time they were asked for.
    `now` stands in for the clock.
    """
    clock = time.time() if now is None else now
    merged = 0
    removed: list[int] = []
    for name in TABLES:
        table = Table(layout, name)
        if table.snapshot().version < 0:
            continue
        with table.writing(lock_timeout) as writer:
            if name == "recommendations" and responses_before is not None:
                _drop_responses(writer, responses_before)
            before = set(writer.snapshot.files)
            writer.commit(merge=WHEN_COMPACTING)
            merged += len(before - set(writer.snapshot.files))
            stale = _unreferenced(writer, pinned.get(name, ()), clock)
            removed += [_unlink(path) for path in list(stale)]
    removed += [_unlink(path) for path in list(_stray(layout, clock))]
    return {"filesMerged": merged, "filesRemoved": len(removed), "bytesFreed": sum(removed)}


def _drop_responses(writer: TableWriter, before: int) -> None:
    logged = (
        state for state in writer.log.history(writer.snapshot.version) if state.timestamp < 1000 * before
    )
    first = max((state.next_offset for state in logged), default=0)
    kept = []
    for file in writer.snapshot.files:
        rows = read_arrow([file], None, writer.snapshot.schema)
        recent = np.flatnonzero(rows[RESPONSE_OFFSET].to_numpy() >= first)
        if recent.size == file.rows:
            kept.append(file)
        elif recent.size:
            [batch] = rows.combine_chunks().to_batches()
            recent_rows = ArrowTable.from_batches([batch.take(Array(recent))])
            writer.add(recent_rows, file.source, keep_offsets=True)
    writer.commit(keep=lambda file: file in kept)


def _unreferenced(writer: TableWriter, pinned: Iterable[int], clock: float) -> Iterator[Path]:
    """Yield data files of no pinned version, and torn log entries, that were dropped at least a day ago."""
    versions = {*pinned, writer.snapshot.version}
    referenced: set[str] = set()
    dropped_at: dict[str, float] = {}
    previous: set[str] = set()
    for state in writer.log.history(writer.snapshot.version):
        names = {file.rel for file in state.files}
        dropped_at |= dict.fromkeys(previous - names, state.timestamp / 1000)
        referenced |= names if state.version in versions else set()
        previous = names
    folder = writer.log.folder
    for path in (*folder.glob("*.parquet"), *folder.glob("_delta_log/*.torn")):
        # A file that was never committed has only its own time to tell its age by.
        dropped = dropped_at.get(path.name, path.lstat().st_mtime)
        if path.name not in referenced and dropped <= clock - GRACE_SECONDS:
            yield path


def _stray(layout: Layout, clock: float) -> Iterator[Path]:
    """Yield temporary files whose writers are dead for a day."""
    for folder, _, names in os.walk(layout.root):
        for name in names:
            path = Path(folder, name)
            if TEMPORARY_MARK in name and path.lstat().st_mtime <= clock - GRACE_SECONDS:
                yield path


def _unlink(path: Path) -> int:
    size = path.lstat().st_size
    remove(path)
    return size
