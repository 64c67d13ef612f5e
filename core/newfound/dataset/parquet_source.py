"""Read users' Parquet files, which carry no hashes, through a child process. A row's number counts from 1."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from newfound.dataset.batch import Batch
from newfound.dataset.blocks import is_url, opened_for_reading
from newfound.errors import InputRefusedError

if TYPE_CHECKING:
    import polars as pl

_CHILD = Path(__file__).with_name("parquet_child.py")


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """A Parquet file."""

    path: str

    def columns(self) -> list[str]:
        """Return the names of the columns."""
        return next(self._frames()).columns

    def batches(self) -> Iterator[Batch]:
        """Yield some hundred thousand rows at a time, columns typed as in the file."""
        row = 1
        for frame in self._frames():
            yield Batch(np.arange(row, row + frame.height), frame)
            row += frame.height

    def _frames(self) -> Iterator[pl.DataFrame]:
        """Yield an empty frame with the columns, then all rows."""
        import polars as pl

        if not is_url(self.path):
            with opened_for_reading(self.path):
                pass
        # -P: the folder of the script must not provide modules.
        command = [sys.executable, "-P", str(_CHILD), self.path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            assert child.stdout is not None
            try:
                error = "the reader died of it"
                for kind, content in _messages(child.stdout):
                    if kind == b"E":
                        error = content.decode(errors="replace")
                        break
                    yield pl.read_ipc_stream(content)
                if child.wait() != 0:
                    raise InputRefusedError(
                        f"{self.path}: damaged or no Parquet: {error}", "make it again", self.path
                    )
            finally:
                child.kill()


def _messages(pipe: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    while len(head := pipe.read(9)) == 9:
        size = int.from_bytes(head[1:], "little")
        content = pipe.read(size)
        if len(content) == size:
            yield head[:1], content
