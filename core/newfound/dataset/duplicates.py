"""Find duplicate rows and count distinct ids in one pass: 8 bytes a row, whatever the rows hold.

Rows are told apart by a 64-bit hash. Of 10 million different rows two share one with probability 3e-6; the second
of them would then be left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl


class HashSet:
    """A set of 64-bit hashes that grows by whole arrays."""

    def __init__(self) -> None:
        self._sorted: NDArray[np.uint64] = np.empty(0, np.uint64)

    def __len__(self) -> int:
        return len(self._sorted)

    def add(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Add hashes `(n,)` and return the mask `(n,)` of those not in the set and not earlier in the array."""
        merged = np.concatenate((self._sorted, np.sort(hashes)))
        # Timsort merges two sorted runs in linear time.
        merged.sort(kind="stable")
        again = merged[1:] == merged[:-1]
        fresh = np.ones(len(hashes), bool)
        if again.any():
            repeated = np.flatnonzero(np.isin(hashes, merged[1:][again]))
            _, first = np.unique(hashes[repeated], return_index=True)
            fresh[repeated] = False
            fresh[repeated[first]] = ~np.isin(hashes[repeated[first]], self._sorted)
            merged = merged[np.concatenate(([True], ~again))]
        self._sorted = merged
        return fresh


class Duplicates(Protocol):
    """Remembers the rows of a table."""

    def fresh(self, frame: pl.DataFrame) -> NDArray[np.bool_]:
        """Remember rows, and return the mask of those that are no duplicates."""


class EqualRows:
    """Interactions: a duplicate is equal, in every column, to any row before it."""

    def __init__(self) -> None:
        self._seen = HashSet()

    def fresh(self, frame: pl.DataFrame) -> NDArray[np.bool_]:
        """Remember rows, and return the mask of those that are no duplicates."""
        return self._seen.add(frame.hash_rows().to_numpy())


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
