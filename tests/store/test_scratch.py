from __future__ import annotations

import errno
from pathlib import Path

import pytest

from newfound.errors import ResourceError
from newfound.store import scratch
from newfound.store.scratch import Scratch


@pytest.mark.parametrize("in_memory_bytes", [1, 1000])
def test_bytes_are_read_again_and_leave_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory_bytes: int
) -> None:
    monkeypatch.setattr(scratch, "_IN_MEMORY_BYTES", in_memory_bytes)
    with Scratch(tmp_path) as space:
        assert [space.append(part) for part in (b"abc", b"", b"defg")] == [0, 3, 3]
        assert (space.read(1, 3), space.read(4, 3)) == (b"bcd", b"efg")
        assert space.append(b"h") == 7
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with Scratch(tmp_path) as space:
        monkeypatch.setattr(space._file, "write", full)
        with pytest.raises(ResourceError, match="No space left"):
            space.append(b"x")
