"""What happens on Ctrl-C and on SIGTERM."""

from __future__ import annotations

import os
import select
import signal
import threading
from types import FrameType

GRACE_SECONDS = 0.8


class Terminated(BaseException):
    """SIGTERM arrived; raised in the main thread so that clean-up runs."""


def _raise(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _watch(read_end: int) -> None:
    number = os.read(read_end, 1)[0]
    # A second signal ends the wait: whoever presses Ctrl-C twice wants no clean-up.
    select.select([read_end], [], [], GRACE_SECONDS)
    show_cursor = b"\x1b[?25h" if os.isatty(2) else b""
    os.write(2, show_cursor + b"error: stopped by signal %d; newfound status says what to run\n" % number)
    os._exit(128 + number)


def install() -> None:
    """Make SIGINT and SIGTERM raise in the main thread, and end the process in a second whatever it is doing.

    Native code (a compiler, a Parquet reader) may keep the main thread from Python for longer than that.
    Leaving it behind is safe because every command may be killed at any moment.
    """
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, _raise)
    threading.Thread(target=_watch, args=(read_end,), daemon=True).start()
