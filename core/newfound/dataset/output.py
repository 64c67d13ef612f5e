"""Files that the user asks for: whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from newfound.errors import NotFoundError, UsageError
from newfound.store import files


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that replaces `path`, durably, when the body ends without an error.

    Raises NotFoundError if its folder is not there, UsageError if `path` is a folder itself.
    """
    if not path.parent.is_dir():
        raise NotFoundError(f"{path.parent}: no such folder", "make the folder first", str(path))
    if path.is_dir():
        raise UsageError(f"{path}: a folder", "name a file in it", str(path))
    with files.replacing(path) as file:
        yield file
