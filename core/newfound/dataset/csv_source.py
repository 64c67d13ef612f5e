"""Read CSV files in bounded memory, strictly: comma-separated, UTF-8, a header row, quotes as in RFC 4180.

A row's number counts records from 1, the header being row 1; blank lines are skipped, but counted.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from newfound.dataset.batch import Batch
from newfound.dataset.blocks import MAX_RECORD_BYTES, read_blocks
from newfound.dataset.csv_records import Records, find_records
from newfound.dataset.csv_rows import parse_rows, refusal

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A CSV file, plain or gzipped."""

    path: str

    def columns(self) -> list[str]:
        """Return the names in the header."""
        header, _ = self._header_and_rest()
        return header

    def batches(self) -> Iterator[Batch]:
        """Yield some hundred thousand rows at a time, all columns as text, an empty field as null or empty text."""
        header, blocks = self._header_and_rest()
        row = 2
        rest = b""
        for block in blocks:
            text = rest + block
            records = self._quoted_records(text, row)
            size = text.rfind(b"\n") + 1 if records is None else records.size
            if size:
                n_records, batch = parse_rows(self.path, text[:size], records, header, row)
                row += n_records
                yield batch
            rest = text[size:]
            if len(rest) > MAX_RECORD_BYTES:
                break
        if rest:
            raise refusal(self.path, row, "a row or quoted field without end", "close the quote")

    def _header_and_rest(self) -> tuple[list[str], Iterator[bytes]]:
        blocks = read_blocks(self.path)
        first = b""
        while b"\n" not in first and (block := next(blocks, b"")):
            first += block
        line, _, rest = first.removeprefix(_BYTE_ORDER_MARK).partition(b"\n")
        try:
            header = next(csv.reader([line.decode()], strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            hint = "write the header in UTF-8 on one line"
            reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else error
            raise refusal(self.path, 1, f"no CSV header: {reason}", hint) from None
        if "" in header or not header:
            raise refusal(self.path, 1, "a column without a name", "give every column a name")
        repeated = next((name for name in header if header.count(name) > 1), None)
        if repeated is not None:
            raise refusal(self.path, 1, f"column {repeated} is there twice", "rename or remove one of them")
        return header, chain([rest], blocks)

    def _quoted_records(self, text: bytes, row: int) -> Records | None:
        """Find the records if there is a quote, which may hide newlines; None if there is none."""
        if b'"' not in text:
            return None
        records = find_records(text)
        if records.stray_quote is not None:
            hint = 'quote the whole field and write a quote in it as ""; a backslash is no escape'
            raise refusal(self.path, row + records.index_at(records.stray_quote), "a stray quote", hint)
        return records
