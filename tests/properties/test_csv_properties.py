"""CSV text: whatever a CSV writer writes is read back, and no text of any kind does worse than be refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newfound.dataset import blocks
from newfound.dataset.csv_source import CsvSource
from newfound.errors import InputRefusedError

FIELD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6) | st.text(
    '",\n\r x', max_size=6
)


def read(content: bytes, block_bytes: int = blocks.BLOCK_BYTES) -> tuple[list[tuple[str, ...]], list[int]]:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", block_bytes)
        path = Path(folder, "a.csv")
        path.write_bytes(content)
        batches = list(CsvSource(str(path)).batches())
    rows = [tuple(cell or "" for cell in row) for batch in batches for row in batch.frame.iter_rows()]
    return rows, [int(row) for batch in batches for row in batch.rows]


@settings(deadline=None)
@given(
    st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=5),
    # With newlines alone Python's writer would leave a carriage return at the end of a line unquoted.
    st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_ALL, "\n")]),
    st.integers(1, 40),
)
def test_what_a_csv_writer_writes_is_read_back(
    rows: list[tuple[str, ...]], dialect: tuple[int, str], block_bytes: int
) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=dialect[0], lineterminator=dialect[1]).writerows([("A", "B", "C"), *rows])
    assert read(text.getvalue().encode(), block_bytes) == (rows, list(range(2, 2 + len(rows))))


def lines(text: str) -> list[str]:
    """Split at newlines alone: str.splitlines knows a dozen other ends."""
    return [line + "\n" for line in text.split("\n")]


@settings(deadline=None)
@given(st.text('AB",\n\r\\', max_size=25).map(str.encode) | st.binary(max_size=25))
@example(b'"a\rb",c\n')
@example(b"a,b\r")
@example(b",\r\r")
@example(b'"a\r\r\n",b\r\r')
@example(b'"a",b\r')
def test_text_of_any_kind_is_refused_or_read_as_a_strict_csv_reader_does(content: bytes) -> None:
    try:
        rows, _ = read(b"A,B\n" + content)
        expected = list(csv.reader(lines(content.decode()), strict=True))
    except (InputRefusedError, csv.Error):
        return
    assert rows == [tuple(row) for row in expected if len(row) == 2]
