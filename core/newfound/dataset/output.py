"""Write a file for the user, of any size, so that it appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from newfound.errors import NotFoundError
from newfound.store import files


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that replaces `path`, durably, when the body ends without an error."""
    if not path.parent.is_dir():
        raise NotFoundError(f"{path.parent}: no such folder", "make the folder first", str(path))
    temporary = files.temporary_sibling(path)
    try:
        with files.translated(path), temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        files.publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
