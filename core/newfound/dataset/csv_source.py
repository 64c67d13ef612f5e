"""Read CSV files in bounded memory, strictly: comma-separated, UTF-8, a header row, quotes as in RFC 4180.

A row's number counts records from 1, the header being row 1; blank lines are skipped, but counted.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from newfound.dataset.batch import Batch, RefusedCell
from newfound.dataset.blocks import MAX_RECORD_BYTES, read_blocks
from newfound.dataset.csv_records import Records, find_records
from newfound.errors import InputRefusedError

if TYPE_CHECKING:
    import polars as pl

_MAX_SHOWN = 100


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A CSV file, plain or gzipped."""

    path: str

    def columns(self) -> list[str]:
        """Return the names in the header."""
        header, _ = self._header_and_rest()
        return header

    def batches(self) -> Iterator[Batch]:
        """Yield about a million rows at a time, all columns as text, an empty field as null or empty text."""
        header, blocks = self._header_and_rest()
        row = 2
        rest = b""
        for block in blocks:
            text = rest + block
            records = self._complete_records(text, row)
            size = text.rfind(b"\n") + 1 if records is None else records.size
            if size:
                rows, batch = self._parse(text[:size], records, header, row)
                yield batch
                row += rows
            rest = text[size:]
            if len(rest) > MAX_RECORD_BYTES:
                break
        if rest:
            raise self._refused(row, "a quoted field is not closed", "close it with a quote")

    def _header_and_rest(self) -> tuple[list[str], Iterator[bytes]]:
        blocks = read_blocks(self.path)
        first = b""
        while b"\n" not in first and (block := next(blocks, b"")):
            first += block
        line, _, rest = first.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
        try:
            header = next(csv.reader([line.decode()], strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise self._refused(
                1, f"no CSV header: {error}", "write the header in UTF-8 on one line"
            ) from None
        if "" in header or not header:
            raise self._refused(1, "a column without a name", "give every column a name")
        repeated = next((name for name in header if header.count(name) > 1), None)
        if repeated is not None:
            raise self._refused(1, f"column {repeated} is there twice", "rename or remove one of them")
        return header, chain([rest], blocks)

    def _complete_records(self, text: bytes, row: int) -> Records | None:
        """Find the records if there is a quote, which may hide newlines; None if there is none."""
        if b'"' not in text:
            return None
        records = find_records(text)
        if records.stray_quote is not None:
            row += int(np.searchsorted(records.ends, records.stray_quote, "right"))
            raise self._refused(
                row,
                "a stray quote",
                'quote the whole field and write a quote inside it as ""; a backslash is no escape',
            )
        return records

    def _parse(self, text: bytes, records: Records | None, header: list[str], row: int) -> tuple[int, Batch]:
        """Parse complete records and return how many there were."""
        import polars as pl

        if b"\0" in text:
            raise self._refused(
                row + text.count(b"\n", 0, text.find(b"\0")), "a zero byte", "give a text file"
            )
        if records is None and len(header) > 1:
            n_rows = text.count(b"\n")
            # Short rows lower the number of commas, and polars refuses long ones: what passes both is regular.
            if text.count(b",") == n_rows * (len(header) - 1):
                try:
                    return n_rows, Batch(np.arange(row, row + n_rows), _fields(text, header))
                except pl.exceptions.PolarsError:
                    pass
        return self._parse_carefully(text, records or find_records(text), header, row)

    def _parse_carefully(
        self, text: bytes, records: Records, header: list[str], row: int
    ) -> tuple[int, Batch]:
        """Parse the records that have as many fields as the header, and report the others."""
        try:
            text.decode()
        except UnicodeDecodeError as error:
            row += int(np.searchsorted(records.ends, error.start, "right"))
            raise self._refused(row, "invalid UTF-8", "convert the file to UTF-8") from None
        starts, ends = records.starts, records.ends
        regular = records.commas == len(header) - 1
        blank = np.zeros(len(ends), bool)
        for index in np.flatnonzero(ends - starts <= 2):
            blank[index] = not text[starts[index] : ends[index]].strip(b"\r\n")
        broken = tuple(
            RefusedCell(
                row + int(index),
                "",
                text[starts[index] : ends[index]].decode(errors="replace").rstrip("\r\n")[:_MAX_SHOWN],
                f"not {len(header)} fields as the header has",
            )
            for index in np.flatnonzero(~regular & ~blank)
        )
        regular &= ~blank
        if not regular.all():
            kept = zip(starts[regular], ends[regular], strict=True)
            text = b"".join(text[start:end] for start, end in kept)
        return len(ends), Batch(row + np.flatnonzero(regular), _fields(text, header), broken)

    def _refused(self, row: int, what: str, hint: str) -> InputRefusedError:
        return InputRefusedError(f"{self.path}:{row}: {what}", hint, self.path)


def _fields(text: bytes, header: list[str]) -> pl.DataFrame:
    import polars as pl

    return pl.read_csv(text, has_header=False, schema=dict.fromkeys(header, pl.String))
