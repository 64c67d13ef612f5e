"""Find duplicate rows in little memory, and count distinct ids.

Rows are told apart by a 64-bit hash. Of 10 million different rows two share one with probability 3e-6; the second
of them would then be left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from newfound.store.scratch import Scratch

if TYPE_CHECKING:
    import polars as pl

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

_PARTS = 256


class HashSet:
    """A set of 64-bit hashes that grows by whole arrays."""

    def __init__(self) -> None:
        self._sorted: Hashes = np.empty(0, np.uint64)

    def __len__(self) -> int:
        return len(self._sorted)

    def add(self, hashes: Hashes) -> None:
        """Add hashes `(n,)`."""
        merged = np.concatenate((self._sorted, np.sort(hashes)))
        # Timsort merges two sorted runs in linear time.
        merged.sort(kind="stable")
        first = np.ones(len(merged), np.bool_)
        first[1:] = merged[1:] != merged[:-1]
        self._sorted = merged[first]


class HashLog:
    """64-bit hashes in the order they came, in scratch space, 12 bytes each.

    They lie there in 256 parts by their first byte: equal ones share a part, and one part at a time fits into memory.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._size = 0
        self._batches: list[tuple[int, int, Places]] = []

    def add(self, hashes: Hashes) -> None:
        """Add hashes `(n,)`."""
        part = (hashes >> np.uint64(56)).astype(np.uint8)
        # A stable sort of bytes is a radix sort.
        order = np.argsort(part, kind="stable")
        bounds = np.append(0, np.cumsum(np.bincount(part, minlength=_PARTS)))
        start = self._scratch.append(hashes[order].tobytes() + order.astype(np.uint32).tobytes())
        self._batches.append((start, self._size, bounds))
        self._size += len(hashes)

    def repeats(self) -> Places:
        """Return the places, ascending, of all hashes that had come before."""
        found = [np.empty(0, np.int64)]
        for part in range(_PARTS):
            hashes = np.frombuffer(b"".join(self._read(part)), np.uint64)
            ordered = np.sort(hashes)
            if (ordered[1:] == ordered[:-1]).any():
                order = np.argsort(hashes, kind="stable")
                later = order[1:][hashes[order[1:]] == hashes[order[:-1]]]
                found.append(self._places(part)[later])
        return np.sort(np.concatenate(found))

    def _read(self, part: int) -> Iterable[bytes]:
        for start, _, bounds in self._batches:
            yield self._scratch.read(start + 8 * bounds[part], 8 * (bounds[part + 1] - bounds[part]))

    def _places(self, part: int) -> Places:
        places = []
        for start, first, bounds in self._batches:
            start += 8 * bounds[-1] + 4 * bounds[part]
            orders = self._scratch.read(start, 4 * (bounds[part + 1] - bounds[part]))
            places.append(first + np.frombuffer(orders, np.uint32).astype(np.int64))
        return np.concatenate(places)


class Duplicates(Protocol):
    """Remembers the rows of a table and of an import."""

    def fresh(self, frame: pl.DataFrame) -> NDArray[np.bool_]:
        """Remember rows, and return the mask of those that are not known to be duplicates yet."""

    def late(self) -> Places:
        """Return the places, ascending, of the duplicates among all rows that passed as fresh."""


class EqualRows:
    """Interactions: a duplicate is equal, in every column, to a stored row or to any row before it."""

    def __init__(self, scratch: Scratch, stored: Iterable[pl.DataFrame] = ()) -> None:
        # 8 bytes a stored row; an import that replaces all rows has none.
        self._stored = np.sort(np.concatenate([np.empty(0, np.uint64), *map(_row_hashes, stored)]))
        self._log = HashLog(scratch)

    def fresh(self, frame: pl.DataFrame) -> NDArray[np.bool_]:
        """Return the mask of rows that are not stored; a row equal to one of the import is found late."""
        hashes = _row_hashes(frame)
        fresh = np.ones(len(hashes), np.bool_)
        if self._stored.size:
            place = np.minimum(np.searchsorted(self._stored, hashes), self._stored.size - 1)
            fresh = self._stored[place] != hashes
        self._log.add(hashes[fresh])
        return fresh

    def late(self) -> Places:
        """Return the places of rows equal to one before them, counting the rows that passed as fresh."""
        return self._log.repeats()


def _row_hashes(frame: pl.DataFrame) -> Hashes:
    return frame.hash_rows().to_numpy()


class EqualRecords:
    """Items and users: a duplicate is equal, in every column, to the record of its id that it would replace."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._current: pl.DataFrame | None = None

    def fresh(self, frame: pl.DataFrame) -> NDArray[np.bool_]:
        """Remember rows, and return the mask of those that are no duplicates."""
        import polars as pl

        added = pl.DataFrame({"id": frame[self._key].hash(), "row": frame.hash_rows()})
        history = added if self._current is None else pl.concat([self._current, added])
        changed = history.select(pl.col("row").ne_missing(pl.col("row").shift().over("id"))).to_series()
        self._current = history.unique("id", keep="last", maintain_order=True)
        return changed.tail(frame.height).to_numpy()

    def late(self) -> Places:
        """Return nothing: all were found at once."""
        return np.empty(0, np.int64)
