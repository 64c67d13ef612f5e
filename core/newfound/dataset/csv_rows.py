"""Parse complete CSV records with polars, after making sure that it cannot misread them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from newfound.dataset.batch import Batch, RefusedCell
from newfound.dataset.csv_records import Records, find_records
from newfound.errors import InputRefusedError

if TYPE_CHECKING:
    import polars as pl

_MAX_SHOWN = 100


def refusal(path: str, row: int, what: str, hint: str) -> InputRefusedError:
    """Return the error that refuses a CSV file because of a row."""
    return InputRefusedError(f"{path}:{row}: {what}", hint, path)


def parse_rows(
    path: str, text: bytes, records: Records | None, header: list[str], row: int
) -> tuple[int, Batch]:
    """Parse text that begins and ends with a record, and return also how many records there were.

    `records` is needed where the text has a quote; `row` is the number of the first record. Blank lines are dropped,
    records of another number of fields than the header reported.
    """
    if b"\0" in text:
        row += text.count(b"\n", 0, text.find(b"\0"))
        raise refusal(path, row, "a zero byte", "give a text file")
    if b"\r\r\n" in text:
        text, records = _with_plain_ends(text, records or find_records(text))
    if records is None and (frame := _regular_rows(text, header)) is not None:
        return frame.height, Batch(np.arange(row, row + frame.height), frame)
    records = records or find_records(text)
    try:
        text.decode()
    except UnicodeDecodeError as error:
        row += records.index_at(error.start)
        raise refusal(path, row, "invalid UTF-8", "convert the file to UTF-8") from None
    return len(records.ends), _irregular_rows(text, records, header, row)


def _with_plain_ends(text: bytes, records: Records) -> tuple[bytes, Records]:
    """End records by newlines alone: text that was converted for Windows twice has two returns before each."""
    bounds = zip(records.starts.tolist(), records.ends.tolist(), strict=True)
    text = b"".join(text[start:end].rstrip(b"\r\n") + b"\n" for start, end in bounds)
    return text, find_records(text)


def _regular_rows(text: bytes, header: list[str]) -> pl.DataFrame | None:
    """Parse text without quotes, or return None if anything about it is unusual."""
    import polars as pl

    data = np.frombuffer(text, np.uint8)
    commas, newlines = np.count_nonzero(data == ord(",")), np.count_nonzero(data == ord("\n"))
    # Short records lower the number of commas, and polars refuses long ones: what passes both is regular.
    if len(header) == 1 or commas != newlines * (len(header) - 1):
        return None
    try:
        return _frame(text, header)
    except pl.exceptions.PolarsError:
        return None


def _irregular_rows(text: bytes, records: Records, header: list[str], row: int) -> Batch:
    starts, ends = records.starts, records.ends
    first_bytes = np.frombuffer(text, np.uint8)[starts]
    blank = (ends - starts == 1) | ((ends - starts == 2) & (first_bytes == ord("\r")))
    regular = (records.commas == len(header) - 1) & ~blank
    reason = f"not {len(header)} fields as the header has"
    broken = tuple(
        RefusedCell(row + index, "", text[starts[index] : ends[index]].decode().rstrip()[:_MAX_SHOWN], reason)
        for index in np.flatnonzero(~regular & ~blank).tolist()
    )
    if not regular.all():
        kept = zip(starts[regular], ends[regular], strict=True)
        text = b"".join(text[start:end] for start, end in kept)
    return Batch(row + np.flatnonzero(regular), _frame(text, header), broken)


def _frame(text: bytes, header: list[str]) -> pl.DataFrame:
    import polars as pl

    return pl.read_csv(text, has_header=False, schema=dict.fromkeys(header, pl.String))
