"""Records and quotes of CSV text."""

from __future__ import annotations

import pytest

from newfound.dataset.csv_records import find_records


def test_records_end_at_newlines_and_count_their_separators() -> None:
    records = find_records(b"a,b,c\n\nd\n")
    assert records.starts.tolist() == [0, 6, 7]
    assert records.ends.tolist() == [6, 7, 9]
    assert records.commas.tolist() == [2, 0, 0]
    assert records.size == 9
    assert records.stray_quote is None


def test_quoted_newlines_and_separators_belong_to_their_field() -> None:
    records = find_records(b'a,"x\ny,z"\n"q",b\n')
    assert records.ends.tolist() == [10, 16]
    assert records.commas.tolist() == [1, 1]


def test_a_record_that_the_text_cuts_short_is_left_out() -> None:
    assert find_records(b'a\nb,"x\n').size == 2
    assert find_records(b"").size == find_records(b"abc").size == 0


@pytest.mark.parametrize(
    "text",
    [
        b'"a","b"\n',
        b'"a",""\n',
        b'"a""b"\n',
        b'"""a"""\n',
        b'a,"b"\r\n"c",d\r\n',
        b'"a"',
        b'a,"b"\r',
        b'"a\\"\n',
    ],
)
def test_quotes_in_order(text: bytes) -> None:
    assert find_records(text).stray_quote is None


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        (b'a"b\n', 1),
        (b'x\n"a"b\n', 4),
        (b'"a" ,b\n', 2),
        (b' "a",b\n', 1),
        (b'"a\\"b"\n', 3),
        (b'"a"\rb\n', 2),
        (b'"a","b"c\n"d\n', 6),
    ],
)
def test_the_first_stray_quote_is_found(text: bytes, offset: int) -> None:
    assert find_records(text).stray_quote == offset
