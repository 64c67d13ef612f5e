"""Advisory locks between processes: released by the kernel when the holder dies, so never stale."""

from __future__ import annotations

import fcntl
import os
import shlex
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newfound.errors import BusyError
from newfound.store.files import damaged, make_directory, translated

_POLL_SECONDS = 0.002
_MAX_POLL_SECONDS = 0.05
_HOLDER_BYTES = 512


@contextmanager
def lock(path: Path, timeout_seconds: float, purpose: str) -> Iterator[None]:
    """Hold the exclusive lock at `path` for the body; raise BusyError after `timeout_seconds`.

    The lock file is never unlinked: two processes would then hold locks on two files of one name.
    """
    make_directory(path.parent)
    with translated(path):
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600
        )
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise damaged(path, "not a regular file")
        _acquire(descriptor, path, timeout_seconds, purpose)
        holder = f"{os.getpid()} {shlex.join(sys.argv)}".encode(errors="replace")[:_HOLDER_BYTES]
        with translated(path):
            os.pwrite(descriptor, holder.ljust(_HOLDER_BYTES), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, timeout_seconds: float, purpose: str) -> None:
    deadline = time.monotonic() + timeout_seconds
    pause = _POLL_SECONDS
    while True:
        try:
            with translated(path):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        if time.monotonic() >= deadline:
            raise BusyError(
                f"{path.stem} is locked by {_holder(descriptor)}, waited {timeout_seconds:g} s to {purpose}",
                "run the command again later, or wait longer with --lock-timeout",
                str(path),
            )
        time.sleep(pause)
        pause = min(2 * pause, _MAX_POLL_SECONDS)


def _holder(descriptor: int) -> str:
    holder = os.pread(descriptor, _HOLDER_BYTES, 0).decode(errors="replace").strip()
    pid, _, command = holder.partition(" ")
    return f"process {pid} ({command})" if pid.isdigit() else "another process"
