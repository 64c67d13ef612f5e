"""Named numpy arrays in a folder, one `.npy` each, memory-mapped when read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.errors import DamagedError
from newfound.store.files import write_new

Array = NDArray[Any]


def save_arrays(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Write each array to `folder/NAME.npy`; the folder is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
        write_new(folder / f"{name}.npy", buffer.getvalue())


class MappedArrays(Mapping[str, Array]):
    """The arrays of a folder by name, each mapped when first asked for; one that is missing is damage."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mapped: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._mapped:
            self._mapped[name] = _map(self._folder / f"{name}.npy")
        return self._mapped[name]

    def __contains__(self, name: object) -> bool:
        return (self._folder / f"{name}.npy").exists()

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self._folder.glob("*.npy")))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _map(path: Path) -> Array:
    try:
        # A plain view: indexing a memmap object costs many times the read.
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError, FileNotFoundError) as error:
        raise DamagedError(
            f"{path.name} is not a readable array: {error}",
            "run `newfound verify` to see what else is damaged, then train a new version",
            str(path),
        ) from error
