from __future__ import annotations

import io
from mmap import mmap
from pathlib import Path

import numpy as np
import pytest

from newfound.errors import DamagedError
from newfound.serving.arrays import SMALL_BYTES, MappedArrays, save_arrays

ARRAYS = {
    "E": np.arange(12, dtype=np.float32).reshape(3, 4),
    "events": np.array([3, 1], np.int64),
    "trained": np.array([True, False]),
    "large": np.arange(SMALL_BYTES, dtype=np.uint64).reshape(4, -1),
    "none": np.zeros((0, 4), np.float32),
}


def test_arrays_come_back_as_they_were_and_cannot_be_changed(tmp_path: Path) -> None:
    save_arrays(tmp_path / "base", ARRAYS)
    mapped = MappedArrays(tmp_path / "base")
    assert sorted(mapped) == sorted(ARRAYS)
    assert len(mapped) == len(ARRAYS)
    for name, array in ARRAYS.items():
        assert mapped[name].dtype == array.dtype
        np.testing.assert_array_equal(mapped[name], array)
        np.testing.assert_array_equal(np.load(tmp_path / "base" / f"{name}.npy"), array)
        with pytest.raises(ValueError, match="read-only"):
            mapped[name][:1] = 1
    assert isinstance(mapped["large"].base, mmap)


def test_a_missing_array_is_damage_and_can_be_looked_for(tmp_path: Path) -> None:
    save_arrays(tmp_path, {"E": ARRAYS["E"]})
    arrays = MappedArrays(tmp_path)
    assert "E" in arrays
    assert "token_vectors" not in arrays
    with pytest.raises(DamagedError, match=r"token_vectors\.npy"):
        arrays["token_vectors"]


def test_a_published_array_is_never_written_again(tmp_path: Path) -> None:
    save_arrays(tmp_path, {"E": ARRAYS["E"]})
    with pytest.raises(FileExistsError):
        save_arrays(tmp_path, {"E": ARRAYS["E"] + 1})
    np.testing.assert_array_equal(MappedArrays(tmp_path)["E"], ARRAYS["E"])


@pytest.mark.parametrize("name", ["E", "large"])
@pytest.mark.parametrize("left", [0, 4, 20, -5])
def test_a_torn_array_is_damage_that_names_the_file(tmp_path: Path, name: str, left: int) -> None:
    save_arrays(tmp_path, ARRAYS)
    path = tmp_path / f"{name}.npy"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(DamagedError, match=rf"{name}\.npy") as caught:
        MappedArrays(tmp_path)[name]
    assert caught.value.path == str(path)


@pytest.mark.parametrize("name", ["E", "large"])
def test_bytes_behind_an_array_are_damage(tmp_path: Path, name: str) -> None:
    save_arrays(tmp_path, ARRAYS)
    with (tmp_path / f"{name}.npy").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(DamagedError, match=rf"{name}\.npy"):
        MappedArrays(tmp_path)[name]


def test_an_array_of_objects_is_refused_not_unpickled(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], object), allow_pickle=True)
    (tmp_path / "E.npy").write_bytes(buffer.getvalue())
    with pytest.raises(DamagedError, match=r"E\.npy"):
        MappedArrays(tmp_path)["E"]
