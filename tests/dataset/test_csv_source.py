"""CSV files, good and bad. Rows count from 1, the header being row 1."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from newfound.dataset import blocks, csv_source
from newfound.dataset.batch import RefusedCell
from newfound.dataset.csv_source import CsvSource
from newfound.errors import InputRefusedError

WriteFile = Callable[[str, bytes], str]


def rows(path: str) -> list[tuple[int, ...]]:
    return [
        (int(row), *cells)
        for batch in CsvSource(path).batches()
        for row, cells in zip(batch.rows, batch.frame.iter_rows(), strict=True)
    ]


def broken(path: str) -> list[RefusedCell]:
    return [cell for batch in CsvSource(path).batches() for cell in batch.broken]


@pytest.mark.parametrize(
    "content",
    [
        b"A,B\n1,x\n2,y\n",
        b"A,B\r\n1,x\r\n2,y\r\n",
        b"\xef\xbb\xbfA,B\n1,x\n2,y",
        b'"A","B"\n"1","x"\n"2","y"\n',
        b'A,B\r\n1,"x"\r\n"2",y',
    ],
    ids=["plain", "CRLF", "BOM, no last newline", "all quoted", "some quoted, CRLF"],
)
def test_the_usual_dialects_read_alike(write_file: WriteFile, content: bytes) -> None:
    path = write_file("a.csv", content)
    assert CsvSource(path).columns() == ["A", "B"]
    assert rows(path) == [(2, "1", "x"), (3, "2", "y")]


def test_gzip_is_unpacked(write_file: WriteFile) -> None:
    path = write_file("a.csv.gz", gzip.compress(b"A,B\n1,x\n"))
    assert rows(path) == [(2, "1", "x")]


def test_text_stays_as_it_is(write_file: WriteFile) -> None:
    path = write_file("a.csv", 'A,B\n007," a ""b"", c\nd "\n1e5,ü|"\n'.replace('|"', "|").encode())
    assert rows(path) == [(2, "007", ' a "b", c\nd '), (3, "1e5", "ü|")]


def test_empty_fields_are_null_or_empty(write_file: WriteFile) -> None:
    assert rows(write_file("a.csv", b'A,B\n,""\n')) == [(2, None, "")]


def test_blank_lines_are_skipped_but_counted(write_file: WriteFile) -> None:
    path = write_file("a.csv", b"A,B\n\n1,x\n\r\n\n2,y\n\n")
    assert rows(path) == [(3, "1", "x"), (6, "2", "y")]
    assert broken(path) == []


def test_a_single_column_is_read(write_file: WriteFile) -> None:
    assert rows(write_file("a.csv", b'A\n1\n\n"2"\n')) == [(2, "1"), (4, "2")]


def test_a_header_alone_has_no_rows(write_file: WriteFile) -> None:
    for content in (b"A,B", b"A,B\n"):
        path = write_file("a.csv", content)
        assert CsvSource(path).columns() == ["A", "B"]
        assert rows(path) == []


def test_rows_with_too_few_or_too_many_fields_are_told_and_the_others_read(write_file: WriteFile) -> None:
    path = write_file("a.csv", b"A,B\n1\n2,x\n3,y,\n4,z\r\n")
    assert rows(path) == [(3, "2", "x"), (5, "4", "z")]
    reason = "not 2 fields as the header has"
    assert broken(path) == [RefusedCell(2, "", "1", reason), RefusedCell(4, "", "3,y,", reason)]


def test_short_and_long_rows_that_make_up_for_each_other_are_still_told(write_file: WriteFile) -> None:
    path = write_file("a.csv", b"A,B\n1\n2,x,\n")
    assert [cell.row for cell in broken(path)] == [2, 3]


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        (b"A,A\n1,2\n", 1, "column A is there twice"),
        (b"A,\n1,2\n", 1, "a column without a name"),
        (b"\n1,2\n", 1, "a column without a name"),
        (b'A,"B\n1,2\n', 1, "no CSV header"),
        (b"A,\xff\n1,2\n", 1, "no CSV header: not UTF-8"),
        (b'A,B\n1,x\n2,a"b\n', 3, "a stray quote"),
        (b'A,B\n1,"a\nb"\n2,"a\\"b"\n', 3, "a stray quote"),
        (b'A,B\n1,x\n2,"y\n3,z\n', 3, "a row or quoted field without end"),
        (b"A,B\n1,x\n2,\xff\n", 3, "invalid UTF-8"),
        (b'A,B\n"1",x\n2,\xc3\n', 3, "invalid UTF-8"),
        (b"A,B\n1,x\n2,a\0b\n", 3, "a zero byte"),
    ],
)
def test_a_malformed_file_is_refused_with_file_and_row(
    write_file: WriteFile, content: bytes, where: int, what: str
) -> None:
    path = write_file("a.csv", content)
    with pytest.raises(InputRefusedError) as caught:
        rows(path)
    assert caught.value.message.startswith(f"{path}:{where}: {what}")
    assert caught.value.hint
    assert caught.value.path == path


def test_a_truncated_or_damaged_gzip_is_refused(write_file: WriteFile) -> None:
    packed = gzip.compress(b"A,B\n" + b"".join(b"%d,%d\n" % (k, k * k) for k in range(5000)))
    flipped = bytearray(packed)
    flipped[len(packed) // 2] ^= 1
    for content in (packed[:-1], packed[: len(packed) // 2], bytes(flipped), b"A,B\n1,2\n"):
        with pytest.raises(InputRefusedError, match="damaged gzip file"):
            rows(write_file("a.csv.gz", content))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 11])
def test_the_size_of_blocks_makes_no_difference(
    write_file: WriteFile, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file("a.csv", b'A,B\r\n1,"x\r\n""y"""\r\n2\r\n\r\n3,"z"\r\n4,w\r\n')
    whole = rows(path), broken(path)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    assert whole[0] == [(2, "1", 'x\r\n"y"'), (5, "3", "z"), (6, "4", "w")]
    assert [cell.row for cell in whole[1]] == [3]
    assert (rows(path), broken(path)) == whole


def test_a_record_without_end_is_refused_before_it_fills_the_memory(
    write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    monkeypatch.setattr(csv_source, "MAX_RECORD_BYTES", 1000)
    path = write_file("a.csv", b'A,B\n1,"' + b"x\n" * 10_000)
    with pytest.raises(InputRefusedError, match=r"a\.csv:2: a row or quoted field without end"):
        rows(path)
