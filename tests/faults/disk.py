"""A disk that counts the operations of the store and fails from a chosen one on, once or for ever."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

import pytest

OPERATIONS = ("open", "fsync", "replace", "link", "unlink", "mkdir", "pwrite")


@dataclass
class FaultyDisk:
    """Fails operation number `fail_at` (from 0), and with `for_ever` all later ones, with `code`."""

    fail_at: int = -1
    for_ever: bool = False
    code: int = 0
    operations: list[str] = field(default_factory=list)

    def count(self, operation: str) -> None:
        """Let an operation pass, or fail it."""
        number = len(self.operations)
        self.operations.append(operation)
        if number == self.fail_at or (self.for_ever and 0 <= self.fail_at < number):
            raise OSError(self.code, os.strerror(self.code))

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Put the disk under every file operation of this process."""
        with pytest.MonkeyPatch.context() as patch:
            for name in OPERATIONS:
                patch.setattr(os, name, self._counted(name, getattr(os, name)))
            patch.setattr(os, "fdopen", self._faulty_file(os.fdopen))
            yield

    def _counted(self, name: str, original: Callable[..., object]) -> Callable[..., object]:
        def operation(*arguments: object, **options: object) -> object:
            self.count(name)
            return original(*arguments, **options)

        return operation

    def _faulty_file(self, fdopen: Callable[..., BinaryIO]) -> Callable[..., _FaultyFile]:
        return lambda descriptor, mode: _FaultyFile(self, fdopen(descriptor, mode))


@dataclass
class _FaultyFile:
    disk: FaultyDisk
    file: BinaryIO

    def __enter__(self) -> _FaultyFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, data: bytes) -> int:
        self.file.write(data[: len(data) // 2])  # a fault in the middle of a write leaves half of it
        self.file.flush()
        self.disk.count("write")
        return self.file.write(data[len(data) // 2 :])

    def flush(self) -> None:
        self.file.flush()
