"""Advisory locks between processes: released by the kernel when the holder dies, so never stale."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newfound.errors import BusyError
from newfound.store.files import damaged, make_directory, translated

_POLL_SECONDS = 0.002
_MAX_POLL_SECONDS = 0.05
_COMMAND_LENGTH = 500


@contextmanager
def lock(path: Path, timeout_seconds: float, purpose: str) -> Iterator[None]:
    """Hold the exclusive lock at `path` for the body; raise BusyError after `timeout_seconds`.

    The lock file is never unlinked: two processes would then hold locks on two files of one name.
    """
    descriptor = _open(path)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise damaged(path, "not a regular file")
        _acquire(descriptor, path, timeout_seconds, purpose)
        yield
    finally:
        os.close(descriptor)


def make_lock_file(path: Path) -> None:
    """Make the file of a lock, so that taking the lock later changes nothing in the project."""
    os.close(_open(path))


def _open(path: Path) -> int:
    make_directory(path.parent)
    with translated(path):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)


def _acquire(descriptor: int, path: Path, timeout_seconds: float, purpose: str) -> None:
    deadline = time.monotonic() + timeout_seconds
    pause = _POLL_SECONDS
    while True:
        try:
            with translated(path):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass  # somebody holds it: wait and try again below
        if time.monotonic() >= deadline:
            raise BusyError(
                f"{path.stem} is locked by {_holder(descriptor)}, waited {timeout_seconds:g} s to {purpose}",
                "run the command again later, or wait longer with --lock-timeout",
                str(path),
            )
        time.sleep(pause)
        pause = min(2 * pause, _MAX_POLL_SECONDS)


def is_held(path: Path) -> bool:
    """Tell whether some process holds the lock at `path`, without writing anything."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """Ask the kernel who holds the lock, where it tells; lock files stay empty, so taking one changes no file."""
    import shlex

    status = os.fstat(descriptor)
    key = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if "FLOCK" in fields and "->" not in fields and key in fields:
                pid = fields[fields.index(key) - 1]
                command = Path("/proc", pid, "cmdline").read_bytes().decode(errors="replace")
                return f"process {pid} ({shlex.join(command.rstrip(chr(0)).split(chr(0)))[:_COMMAND_LENGTH]})"
    except OSError:
        pass  # no /proc here, or the holder has just gone
    return "another process"
