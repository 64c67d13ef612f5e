"""The bytes of a user's file in bounded blocks: plain, gzipped, or behind an object-store URL."""

from __future__ import annotations

import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newfound.errors import InputRefusedError, NotFoundError, ResourceError

BLOCK_BYTES = 16 << 20
# An unclosed quote or a file without newlines must not fill the memory.
MAX_RECORD_BYTES = 64 << 20
_URL = re.compile(r"[a-z][a-z0-9+]*://")


def is_url(path: str) -> bool:
    """Tell an object-store URL from a path."""
    return bool(_URL.match(path))


def read_blocks(path: str) -> Iterator[bytes]:
    """Yield a text file's bytes, unpacked if its name ends in `.gz`; the last of them is a newline.

    Raises InputRefusedError for an empty or damaged file, NotFoundError or ResourceError.
    """
    block = b""
    for block in _read_url(path) if is_url(path) else _read_file(path):
        yield block
    if not block.endswith(b"\n"):
        yield b"\n"


def _read_file(path: str) -> Iterator[bytes]:
    with opened_for_reading(path), Path(path).open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise InputRefusedError(f"{path}: the file is empty", "give a file with data", path)
        stream = gzip.GzipFile(fileobj=file) if path.endswith(".gz") else file
        while block := stream.read(BLOCK_BYTES):
            yield block


@contextmanager
def opened_for_reading(path: str) -> Iterator[None]:
    """Check that a user's path is a regular file, and say plainly what fails while the body reads it."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise InputRefusedError(f"{path}: not a regular file", "give a file or a folder", path)
        yield
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no such file or folder", "check the path", path) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputRefusedError(f"{path}: damaged gzip file: {error}", "make the file again", path) from None
    except OSError as error:
        raise ResourceError(
            f"{path}: {error.strerror or error}", "check disk and permissions", path
        ) from None


def _read_url(url: str) -> Iterator[bytes]:
    import polars as pl

    try:
        for lines in pl.scan_lines(url, name="line", glob=False).collect_batches():
            yield "".join(f"{line}\n" for line in lines["line"]).encode()
    except OSError as error:
        raise unread(
            url, str(error).partition("\n")[0], found=not isinstance(error, FileNotFoundError)
        ) from None
    except pl.exceptions.PolarsError as error:
        first_line = str(error).partition("\n")[0]
        raise InputRefusedError(f"{url}: {first_line}", "check the URL and your credentials", url) from None


def unread(url: str, reason: str, *, found: bool) -> NotFoundError | ResourceError:
    """Return the error for an object that is not there, or a store that does not answer, or not to us."""
    if not found:
        return NotFoundError(f"{url}: no such object", "check the URL", url)
    return ResourceError(
        f"{url}: {reason}", "check the URL, the network and your credentials, and try again", url
    )
