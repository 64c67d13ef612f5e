from __future__ import annotations

import ctypes
import resource

import pytest

from newfound.model.scratch import kept_scratch

LIBC = ctypes.CDLL(None)
SIZE = 64 << 20


def faults_of_a_block() -> int:
    """Use and free one block; count the pages that the system had to map."""
    LIBC.malloc.restype = ctypes.c_void_p
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = ctypes.c_void_p(LIBC.malloc(ctypes.c_size_t(SIZE)))
    ctypes.memset(block, 1, SIZE)
    LIBC.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not hasattr(LIBC, "mallopt"), reason="the C library is not glibc")
def test_a_large_block_is_mapped_once_and_given_back_at_the_end() -> None:
    pages = SIZE // resource.getpagesize()
    with kept_scratch():
        faults_of_a_block()
        again = faults_of_a_block()
    assert again < pages / 10
    assert faults_of_a_block() > pages / 2
