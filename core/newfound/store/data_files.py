"""Data files: Parquet whose name carries its sha256, so that no parser ever sees bytes that were changed."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from arro3.core import RecordBatch, RecordBatchReader, Schema, Table
from arro3.io import read_ipc_stream, read_parquet, write_ipc_stream, write_parquet
from numpy.typing import NDArray

from newfound.columns import USER_HASH
from newfound.errors import DamagedError
from newfound.store.arrow import empty_table, plain_table
from newfound.store.files import damaged, random_hex, read_bytes, sha256_file, write_new

if TYPE_CHECKING:
    import polars as pl

_NAME = re.compile(r"[a-z]+-[0-9a-f]{16}-[0-9a-f]{64}\.parquet")
_BATCH_ROWS = 1 << 16
_FAST_LEVEL = 1  # of zstd: 15 % less time than level 3, 3 % more bytes


class FileGoneError(DamagedError):
    """A data file that is not there: damage, unless compaction removed it after the snapshot was read."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a table; the ranges are inclusive, None where the table has no such column."""

    path: Path
    rows: int
    size: int
    min_offset: int | None = None
    max_offset: int | None = None
    min_user_hash: int | None = None
    max_user_hash: int | None = None

    @property
    def rel(self) -> str:
        """Return the path relative to the table."""
        return self.path.name

    @property
    def source(self) -> str:
        """Return what the rows came from: `bulk`, `put` or `part`."""
        return self.path.name.partition("-")[0]

    @property
    def sha256(self) -> str:
        """Return the hash of the content as the name states it."""
        return self.path.stem.rpartition("-")[2]


def is_data_file_name(name: str) -> bool:
    """Say whether a file name, without any directory, is of the form that newfound gives its data files."""
    return _NAME.fullmatch(name) is not None


def write_data_file(folder: Path, table: Table, source: str, offset_column: str | None) -> DataFile:
    """Write a plain table as one fsynced Parquet file; its name is durable once `folder` is fsynced."""
    buffer = io.BytesIO()
    write_parquet(table, buffer, compression="zstd(3)", skip_arrow_metadata=True)
    path, size = _write(folder, source, buffer)
    return described(path, table, size, offset_column)


def write_frame(folder: Path, frame: pl.DataFrame, source: str, offset_column: str | None) -> DataFile:
    """Do what `write_data_file` does with a polars frame of plain columns, on all cores."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression_level=_FAST_LEVEL)
    path, size = _write(folder, source, buffer)
    columns = (
        frame[name].to_numpy() if name in frame.columns else None for name in (offset_column, USER_HASH)
    )
    return DataFile(path, frame.height, size, *chain.from_iterable(map(_range, columns)))


def _write(folder: Path, source: str, buffer: io.BytesIO) -> tuple[Path, int]:
    data = buffer.getbuffer()
    path = folder / f"{source}-{random_hex(8)}-{sha256(data).hexdigest()}.parquet"
    write_new(path, data)
    return path, data.nbytes


def stream_parquet(file: BinaryIO, schema: Schema, tables: Iterable[Table]) -> None:
    """Write tables as they come, in bounded memory; what goes wrong while they are made is raised as it is."""
    failures: list[BaseException] = []

    def batches() -> Iterator[RecordBatch]:
        try:
            for table in tables:
                yield from table.to_batches()
        except BaseException as error:
            failures.append(error)
            raise

    reader = RecordBatchReader.from_batches(schema, batches())
    try:
        write_parquet(reader, file, compression="zstd(1)", max_row_group_size=_BATCH_ROWS)
    except Exception:
        # The writer is native code: it knows only that its source failed.
        if failures:
            raise failures[0] from None
        raise


def to_ipc(table: Table) -> bytes:
    """Spell a table in the bytes of an Arrow stream, for another process of this program."""
    buffer = io.BytesIO()
    write_ipc_stream(table, buffer, compression=None)
    return buffer.getvalue()


def from_ipc(data: bytes | memoryview) -> Table:
    """Read back what `to_ipc` made."""
    return read_ipc_stream(io.BytesIO(data)).read_all()


def described(path: Path, table: Table, size: int, offset_column: str | None) -> DataFile:
    """Describe the file at `path` that holds the rows of `table` in `size` bytes."""
    names = table.column_names
    columns = (table[name].to_numpy() if name in names else None for name in (offset_column, USER_HASH))
    return DataFile(path, table.num_rows, size, *chain.from_iterable(map(_range, columns)))


def _range(values: NDArray[np.int64] | None) -> tuple[int, int] | tuple[None, None]:
    return (None, None) if values is None else (int(values.min()), int(values.max()))


def read_verified(file: DataFile) -> bytes:
    """Return the bytes of a data file; raise DamagedError if they are not those that were committed."""
    with _expected(file):
        data = read_bytes(file.path)
    if sha256(data).hexdigest() != file.sha256:
        raise damaged(file.path)
    return data


def check_data_file(file: DataFile) -> None:
    """Do the check of `read_verified` in bounded memory."""
    with _expected(file):
        actual = sha256_file(file.path)
    if actual != file.sha256:
        raise damaged(file.path)


@contextmanager
def _expected(file: DataFile) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        missing = damaged(file.path, "the file is missing")
        raise FileGoneError(missing.message, missing.hint, missing.path) from None


def read_arrow(files: Iterable[DataFile], names: Sequence[str] | None, schema: Schema) -> Table:
    """Read columns of verified data files into memory, files in the given order, rows in stored order.

    `schema` is the table's: it gives the result of no files its columns.
    """
    wanted = list(names) if names is not None else schema.names
    narrow = Schema([schema.field(name) for name in wanted])
    batches = [batch for file in files for batch in _read_batches(file, narrow)]
    return Table.from_batches(batches, schema=narrow) if batches else empty_table(narrow)


def _read_batches(file: DataFile, narrow: Schema) -> Iterable[RecordBatch]:
    batches = [
        batch.select(narrow.names) for batch in read_parquet(read_verified(file), batch_size=_BATCH_ROWS)
    ]
    if not batches or batches[0].schema == narrow:
        return batches
    # polars names the large twin of a type in the files that it writes.
    return plain_table(Table.from_batches(batches)).to_batches()


def scan_polars(files: Sequence[DataFile], schema: Schema) -> pl.LazyFrame:
    """Scan verified data files lazily with polars, files in the given order, rows in stored order."""
    import polars as pl

    for file in files:
        check_data_file(file)
    if not files:
        return pl.DataFrame(empty_table(schema)).lazy()
    return pl.scan_parquet([file.path for file in files], glob=False)
