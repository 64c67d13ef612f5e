"""Find the records of CSV text and whether its quotes are in order, without parsing a field.

Source: RFC 4180. A field that begins with a quote ends with one, and a quote inside it is doubled; a backslash means
nothing. polars alone would take short rows, stray quotes and unfinished quoted fields for data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_QUOTE, _COMMA, _NEWLINE, _RETURN = b'",\n\r'


@dataclass(frozen=True, slots=True)
class Records:
    """The complete records of text that begins at a record.

    `ends` (int64, `(n,)`): just past each record's newline. `commas` (int64, `(n,)`): separators in each record.
    `stray_quote`: the offset of the first quote that breaks the rules, None if all keep them.
    """

    ends: NDArray[np.int64]
    commas: NDArray[np.int64]
    stray_quote: int | None = None

    @property
    def starts(self) -> NDArray[np.int64]:
        """Return the offset at which each record begins."""
        return np.concatenate(([0], self.ends))[:-1]

    @property
    def size(self) -> int:
        """Return the number of bytes in the complete records."""
        return int(self.ends[-1]) if len(self.ends) else 0

    def index_at(self, offset: int) -> int:
        """Return the index of the record that holds the byte at `offset`."""
        return int(np.searchsorted(self.ends, offset, "right"))


def find_records(text: bytes) -> Records:
    """Cut text into records; one that its end cuts short is left out."""
    data = np.frombuffer(text, np.uint8)
    breaks = np.flatnonzero((data == _COMMA) | (data == _NEWLINE))
    stray = None
    if b'"' in text:
        quotes = np.flatnonzero(data == _QUOTE)
        breaks = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
        stray = _stray_quote(data, quotes)
    newlines = np.flatnonzero(data[breaks] == _NEWLINE)
    return Records(breaks[newlines] + 1, np.diff(newlines, prepend=-1) - 1, stray)


def _stray_quote(data: NDArray[np.uint8], quotes: NDArray[np.int64]) -> int | None:
    # A doubled quote counts as one that closes the field and one that opens it again.
    opening, closing = quotes[::2], quotes[1::2]
    opens = (opening == 0) | np.isin(data[opening - 1], (_COMMA, _NEWLINE, _QUOTE))
    last = len(data) - 1
    after, next_after = data[np.minimum(closing + 1, last)], data[np.minimum(closing + 2, last)]
    closes = np.isin(after, (_COMMA, _NEWLINE, _QUOTE)) | ((after == _RETURN) & (next_after == _NEWLINE))
    # What follows these is yet to be read.
    closes |= closing >= last - (data[last] == _RETURN)
    strays = [*opening[~opens][:1], *closing[~closes][:1]]
    return int(min(strays)) if strays else None
