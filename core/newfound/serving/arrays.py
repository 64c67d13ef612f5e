"""Named numpy arrays in a folder, one `.npy` each, memory-mapped when read."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.errors import DamagedError
from newfound.store.files import new_file, open_regular

Array = NDArray[Any]

_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..{'descr': '([<|][biuf]\d)', 'fortran_order': False, 'shape': \((\d+(?:, \d+)*),?\), } *\n",
    re.DOTALL,
)
"""The headers that `save_arrays` lets numpy write: no other is read, so nothing is evaluated."""

SMALL_BYTES = 1 << 16
"""Files up to this size are read: mapping one and faulting its pages in takes longer."""


def save_arrays(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Write each array to `folder/NAME.npy`; the folder is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        flat = np.ascontiguousarray(array)
        header = np.lib.format.header_data_from_array_1_0(flat)
        with new_file(folder / f"{name}.npy") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.write(flat.reshape(-1).view(np.uint8).data)


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
    """Map one array, or read it where that is cheaper; as a plain array, which numpy handles faster than a memmap."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            buffer = file.read() if size <= SMALL_BYTES else mmap(file.fileno(), 0, access=ACCESS_READ)
            header = _HEADER.match(buffer)
            if header is None:
                raise ValueError("the header is not one that newfound writes")
            dtype, shape = np.dtype(header[1].decode()), tuple(map(int, header[2].decode().split(",")))
            if header.end() + dtype.itemsize * math.prod(shape) != size:
                raise ValueError(f"{size} bytes do not hold {dtype} {shape}")
            return np.ndarray(shape, dtype, buffer, header.end())
    except (ValueError, FileNotFoundError) as error:
        raise DamagedError(
            f"{path.name} is not a readable array: {error}",
            "run `newfound verify` to see what else is damaged, then train a new version",
            str(path),
        ) from error
