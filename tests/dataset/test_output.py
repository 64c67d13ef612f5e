"""Files for the user appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from newfound.dataset.output import replacing
from newfound.errors import NotFoundError, ResourceError, UsageError


def test_the_file_is_there_when_the_body_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_a_failing_body_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), replacing(path) as file:
        file.write("text into a binary file")  # type: ignore[arg-type]  # wrong on purpose
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_a_matter_of_resources(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="No space left"), replacing(tmp_path / "a"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_not_found_and_one_that_is_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError), replacing(tmp_path / "none" / "a"):
        pass
    with pytest.raises(UsageError), replacing(tmp_path):
        pass
