"""Durable file primitives: every byte that newfound writes goes through here.

A write is acknowledged (the function returns) only after the file and its directory are fsynced. No function
follows a symbolic link in the last component of a path of its own.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from newfound.errors import DamagedError, ResourceError

TEMPORARY_MARK = ".tmp-"
_LINKS_UNSUPPORTED = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP}


def damaged(path: Path, what: str = "the content is not what was written") -> DamagedError:
    """Return the error for a project file that cannot be trusted."""
    return DamagedError(f"{path}: {what}", "restore it from a copy of the project", str(path))


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn an OSError about `path` into ResourceError (disk, permission) or DamagedError (a link, no file).

    FileNotFoundError, FileExistsError and BlockingIOError pass through: their meaning is the caller's.
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError, BlockingIOError):
        raise
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENOTDIR):
            raise damaged(path, "not a regular file") from error
        reason = os.strerror(error.errno) if error.errno else str(error)
        hint = "free disk space or fix the permissions, then run the command again"
        raise ResourceError(f"{path}: {reason}", hint, str(path)) from error


def fsync_directory(path: Path) -> None:
    """Make the names inside a directory durable."""
    with translated(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def fsync_file(path: Path) -> None:
    """Make the bytes of a file that another library wrote durable."""
    with translated(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create a directory and its missing parents, durably; refuse a path that is something else."""
    with translated(path):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise damaged(path, "not a directory")
        if path.is_dir():
            return
        make_directory(path.parent)
        path.mkdir(exist_ok=True)
    fsync_directory(path.parent)


def remove(path: Path) -> None:
    """Unlink a file if it is there."""
    with translated(path):
        path.unlink(missing_ok=True)


@contextmanager
def new_file(path: Path, known_as: Path | None = None) -> Iterator[BinaryIO]:
    """Open a file that must not exist yet; fsync it after the body, or remove it if the body fails.

    Its name is durable only after `fsync_directory`. Errors name `known_as`, the name that it is to get, if given.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with translated(known_as or path):
        descriptor = os.open(path, flags, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
        except BaseException:
            remove(path)
            raise


def write_new(path: Path, data: bytes | memoryview, known_as: Path | None = None) -> None:
    """Write and fsync a file that must not exist yet; a failed write leaves nothing behind."""
    with new_file(path, known_as) as file:
        file.write(data)


def random_hex(n_bytes: int) -> str:
    """Spell random bytes of the operating system; `secrets`, which does the same, takes longer to import."""
    return os.urandom(n_bytes).hex()


def temporary_sibling(path: Path) -> Path:
    """Return an unused name beside `path`, recognisable as debris once its writer is dead."""
    return path.with_name(f"{path.name}{TEMPORARY_MARK}{random_hex(8)}")


def publish(temporary: Path, path: Path) -> None:
    """Give a complete, fsynced temporary file its final name, durably, replacing what was there."""
    with translated(path):
        temporary.replace(path)
    fsync_directory(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that replaces `path` atomically and durably after the body, or not at all if that fails."""
    temporary = temporary_sibling(path)
    with new_file(temporary, path) as file:
        yield file
    publish(temporary, path)


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file atomically: readers see the old bytes or the new ones, never a mixture."""
    make_directory(path.parent)
    with replacing(path) as file:
        file.write(data)


def create_bytes(path: Path, data: bytes) -> None:
    """Create a file atomically and durably; raise FileExistsError if the name is taken."""
    make_directory(path.parent)
    temporary = temporary_sibling(path)
    write_new(temporary, data, path)
    try:
        with translated(path):
            path.hardlink_to(temporary)
    finally:
        remove(temporary)
    fsync_directory(path.parent)


@contextmanager
def open_regular(path: Path) -> Iterator[FileIO]:
    """Open a regular file for reading, unbuffered; refuse a link, directory, pipe or device in its place."""
    with translated(path):
        # O_NONBLOCK: a planted named pipe must not hang the reader.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with FileIO(descriptor) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise damaged(path, "not a regular file")
            yield file


def read_bytes(path: Path) -> bytes:
    """Read a regular file; raise FileNotFoundError if it is absent."""
    with open_regular(path) as file:
        return file.read()


def sha256_file(path: Path) -> str:
    """Hash a regular file of any size in bounded memory."""
    with open_regular(path) as file:
        return file_digest(file, "sha256").hexdigest()


def seal_json(value: dict[str, Any]) -> bytes:
    """Render a JSON document that ends with the sha256 of itself, so that any changed byte shows."""
    seal = sha256(orjson.dumps(value)).hexdigest()
    return orjson.dumps({**value, "sha256": seal}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace a sealed JSON document atomically and durably."""
    write_bytes(path, seal_json(value))


def unseal_json(data: bytes) -> dict[str, Any] | None:
    """Return a sealed document without its seal, or None if a byte was changed."""
    try:
        value = orjson.loads(data)
        value.pop("sha256")
        return value if seal_json(value) == data else None
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return None


def read_json(path: Path) -> dict[str, Any]:
    """Read a sealed JSON document without its seal; raise DamagedError if a byte was changed."""
    value = unseal_json(read_bytes(path))
    if value is None:
        raise damaged(path)
    return value


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` a hard link to `source`, or a fsynced copy where the file system has no links."""
    with translated(target):
        try:
            target.hardlink_to(source)
        except OSError as error:
            if error.errno not in _LINKS_UNSUPPORTED:
                raise
            shutil.copyfile(source, target)
            fsync_file(target)


def publish_directory(temporary: Path, final: Path) -> None:
    """Give a finished directory its final name, durably; raise FileExistsError if the name is taken."""
    for folder, _, names in os.walk(temporary, topdown=False):
        for name in names:
            fsync_file(Path(folder, name))
        fsync_directory(Path(folder))
    with translated(final):
        if final.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final))
        temporary.rename(final)
    fsync_directory(final.parent)
