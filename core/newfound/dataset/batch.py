"""What every reader of users' files yields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class RefusedCell:
    """A value, or with an empty column a whole row, that cannot be taken in."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file: `frame` as text or typed columns, `rows` (int64, `(n,)`) the number of each in the file.

    Text holds no NUL character.

    `broken` are rows that are not in the frame because they could not be cut into fields.
    """

    rows: NDArray[np.int64]
    frame: pl.DataFrame
    broken: tuple[RefusedCell, ...] = ()


class Source(Protocol):
    """A file that can be read more than once, in bounded memory."""

    @property
    def path(self) -> str:
        """Return the path or URL as the user gave it."""

    def columns(self) -> list[str]:
        """Return the names of the columns."""

    def batches(self) -> Iterator[Batch]:
        """Read the file from its beginning."""
