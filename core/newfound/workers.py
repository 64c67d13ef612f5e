"""Results in order from forked processes: each computes every n-th, and the caller takes them in turn.

A process starts as a copy of the caller, so it has what the caller has loaded and mapped. Nothing but bytes comes back.
"""

from __future__ import annotations

import os
import queue
import signal
import struct
import threading
import traceback
from collections.abc import Callable, Generator, Iterable
from itertools import cycle
from pathlib import Path
from typing import BinaryIO

import orjson

from newfound import errors
from newfound.errors import NewfoundError, ResourceError

Share = Callable[[int, int], Iterable[bytes]]
"""`share(k, n)` computes results k, k + n, k + 2 n and so on, until there are no more."""

AHEAD = 8
"""So many results of a process wait at most: it goes on while the caller writes."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_HEADER = struct.Struct("<cQ")
_RESULT, _DONE, _REFUSED, _FAILED = b"R", b"D", b"E", b"F"


def can_fork() -> bool:
    """Say whether this process can be copied safely: native threads may hold locks that no thread of a copy releases.

    Threads of Python itself are no danger, but JAX and polars start their own.
    """
    try:
        return len(list(Path("/proc/self/task").iterdir())) == threading.active_count()
    except OSError:
        return False


def in_order(share: Share, n: int) -> Generator[bytes]:
    """Give result 0, 1, 2 ... of n processes; raise what `share` raises.

    The processes are gone when the iterator ends or is closed. Raises ResourceError if one is killed.
    """
    pipes: list[BinaryIO] = []
    children: list[int] = []
    try:
        for k in range(n):
            reader, writer = os.pipe()
            pipes.append(os.fdopen(reader, "rb"))
            # No signal may make a copy run the clean-up below.
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            child = os.fork()
            if child == 0:
                _be_worker(share, k, n, pipes, writer)
            children.append(child)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            os.close(writer)
        for pipe in cycle(pipes):
            kind, content = _receive(pipe)
            if kind == _DONE:
                return
            if kind == _REFUSED:
                raise _error(content)
            if kind == _FAILED:
                raise RuntimeError(content.decode())
            yield content
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for pipe in pipes:
            pipe.close()


def _be_worker(share: Share, k: int, n: int, pipes: Iterable[BinaryIO], writer: int) -> None:
    """Compute a share in a new process, and end it; the caller's clean-up is not this process's to do."""
    try:
        for number in _SIGNALS:  # the caller's to report
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        for pipe in pipes:
            pipe.close()
        waiting: queue.Queue[tuple[bytes, bytes]] = queue.Queue(AHEAD)
        sender = threading.Thread(target=_send, args=(waiting, writer))
        sender.start()
        try:
            for result in share(k, n):
                waiting.put((_RESULT, result))
            last = (_DONE, b"")
        except BaseException as error:
            last = _told(error)
        waiting.put(last)
        sender.join()
    finally:
        os._exit(0)


def _told(error: BaseException) -> tuple[bytes, bytes]:
    if isinstance(error, MemoryError):
        error = ResourceError("out of memory", "close other programs or use a machine with more memory")
    if not isinstance(error, NewfoundError):
        return _FAILED, "".join(traceback.format_exception(error)).encode(errors="replace")
    fields = {"code": error.code, "message": error.message, "hint": error.hint, "path": error.path}
    return _REFUSED, orjson.dumps(fields)


def _send(waiting: queue.Queue[tuple[bytes, bytes]], writer: int) -> None:
    """Write results as they come, up to the one that is no result."""
    kind = _RESULT
    while kind == _RESULT:
        kind, content = waiting.get()
        left = memoryview(_HEADER.pack(kind, len(content)) + content)
        while left:
            try:
                left = left[os.write(writer, left) :]
            except OSError:  # the caller is gone
                os._exit(1)


def _receive(pipe: BinaryIO) -> tuple[bytes, bytes]:
    header = pipe.read(_HEADER.size)
    if len(header) == _HEADER.size:
        kind, size = _HEADER.unpack(header)
        content = pipe.read(size)
        if len(content) == size:
            return kind, content
    raise ResourceError(
        "a process that computed answers was ended from outside",
        "it may have run out of memory: free some, then run the command again",
    )


def _error(content: bytes) -> NewfoundError:
    """Make the error of a worker anew: of the class with its code."""
    fields = orjson.loads(content)
    code = fields.pop("code")
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type))
    return next(kind for kind in kinds if getattr(kind, "code", None) == code)(**fields)
