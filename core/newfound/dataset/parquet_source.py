"""Read users' Parquet files, which carry no hashes, once a child process has. A row's number counts from 1."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from newfound.dataset.batch import Batch
from newfound.dataset.blocks import is_url, opened_for_reading, unread
from newfound.errors import InputRefusedError

if TYPE_CHECKING:
    import polars as pl

_CHILD = Path(__file__).with_name("parquet_child.py")


@dataclass(slots=True)
class ParquetSource:
    """A Parquet file; `_checked` tells the file that a child has read from another of its name."""

    path: str
    _checked: tuple[int, ...] | None = field(default=None, init=False)

    def columns(self) -> list[str]:
        """Return the names of the columns."""
        import polars as pl

        self._check()
        return pl.scan_parquet(self.path, glob=False).collect_schema().names()

    def batches(self) -> Iterator[Batch]:
        """Yield some hundred thousand rows at a time, columns typed as in the file."""
        row = 1
        for frame in self._frames():
            yield Batch(np.arange(row, row + frame.height), frame)
            row += frame.height

    def _frames(self) -> Iterator[pl.DataFrame]:
        from newfound.dataset import parquet_child

        self._check()
        return parquet_child.frames(self.path)

    def _check(self) -> None:
        """Let a child read the file first, unless one has: a bad file ends the child alone."""
        current = self._identity()
        if current == self._checked:
            return
        from newfound.dataset import parquet_child

        # -P: the folder of the script must not provide modules.
        command = [sys.executable, "-P", str(_CHILD), self.path]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            reason = done.stdout.decode(errors="replace") or "the reader died of it"
            unread_statuses = (parquet_child.NOT_FOUND, parquet_child.NOT_READ)
            if is_url(self.path) and done.returncode in unread_statuses:
                raise unread(self.path, reason, found=done.returncode == parquet_child.NOT_READ)
            raise InputRefusedError(
                f"{self.path}: damaged or no Parquet: {reason}", "make it again", self.path
            )
        self._checked = current

    def _identity(self) -> tuple[int, ...]:
        if is_url(self.path):
            return ()
        with opened_for_reading(self.path):
            status = Path(self.path).stat()
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
