"""Scratch space: bytes that one command needs again later and that nobody else ever sees."""

from __future__ import annotations

from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

from newfound.store.files import translated

_IN_MEMORY_BYTES = 32 << 20


class Scratch:
    """A file without a name in a folder, in memory while it is small; it goes when it is closed or its process dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._size = 0
        self._file = SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, data: bytes) -> int:
        """Add bytes at the end and return where they begin; raise ResourceError if there is no space."""
        start = self._size
        with translated(self._folder):
            self._file.seek(start)
            self._file.write(data)
        self._size += len(data)
        return start

    def read(self, start: int, size: int) -> bytes:
        """Return bytes that were added."""
        with translated(self._folder):
            self._file.seek(start)
            return self._file.read(size)
