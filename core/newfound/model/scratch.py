"""Keep the memory of one update for the next.

An update works in tens of megabytes. The C library hands so large a block back to the system whenever it is freed, and
the system clears and maps it again page by page: measured, a quarter of the time of training.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
LARGEST_KEPT = 256 << 20
LARGEST_USUALLY = 32 << 20  # what glibc comes to by itself


@contextmanager
def kept_scratch() -> Iterator[None]:
    """Let freed blocks of up to LARGEST_KEPT bytes stay with the process; without glibc nothing changes."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        yield
        return
    _keep(libc, LARGEST_KEPT)
    try:
        yield
    finally:
        _keep(libc, LARGEST_USUALLY)
        libc.malloc_trim(ctypes.c_size_t(0))


def _keep(libc: ctypes.CDLL, size: int) -> None:
    libc.mallopt(M_MMAP_THRESHOLD, size)
    libc.mallopt(M_TRIM_THRESHOLD, 2 * size)
