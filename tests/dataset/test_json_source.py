"""JSON Lines files, good and bad. Rows count lines from 1."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from newfound.dataset import blocks, json_source
from newfound.dataset.batch import Batch
from newfound.dataset.json_source import JsonSource
from newfound.errors import InputRefusedError

WriteFile = Callable[[str, bytes], str]


def read(path: str) -> Batch:
    [batch] = (batch for batch in JsonSource(path).batches() if batch.frame.height or batch.broken)
    return batch


def test_objects_become_rows_with_every_key_of_the_file(write_file: WriteFile) -> None:
    path = write_file("a.jsonl", b'{"A": "007", "B": 1}\n\n{"A": null, "C": true}\n')
    batch = read(path)
    assert batch.rows.tolist() == [1, 3]
    assert batch.frame.to_dict(as_series=False) == {"A": ["007", None], "B": [1, None], "C": [None, True]}
    assert batch.frame.dtypes == [pl.String, pl.Int64, pl.Boolean]
    assert JsonSource(path).columns() == ["A", "B", "C"]


def test_a_column_of_several_types_keeps_each_value_as_it_is(write_file: WriteFile) -> None:
    values = ["x", 7, 7.5, 12345678901234567890123, ["a", "b"], {"k": 1}]
    lines = (
        b'{"A": "x"}\n{"A": 7}\n{"A": 7.5}\n{"A": 18446744073709551615}\n{"A": ["a", "b"]}\n{"A": {"k": 1}}\n'
    )
    batch = read(write_file("a.jsonl", lines))
    assert batch.frame["A"].to_list() == [*values[:3], 2**64 - 1, *values[4:]]


def test_integers_beyond_64_bits_do_not_overflow(write_file: WriteFile) -> None:
    assert read(write_file("a.jsonl", b'{"A": 18446744073709551615}\n')).frame["A"].to_list() == [2**64 - 1]


@pytest.mark.parametrize(
    "line",
    [b"[1]", b"5", b"{", b'{"A": NaN}', b"\xff", b'{"A": 1, "A": 2}', b'{"A": "x:y", "A": 2}', b"{} {}"],
)
def test_a_line_that_is_no_valid_object_is_told_and_the_others_read(
    write_file: WriteFile, line: bytes
) -> None:
    batch = read(write_file("a.ndjson", b'{"A": "a:b"}\r\n' + line + b'\n{"A": ":"}\n'))
    assert [(cell.row, cell.column) for cell in batch.broken] == [(2, "")]
    assert batch.frame["A"].to_list() == ["a:b", ":"]
    assert batch.rows.tolist() == [1, 3]


def test_a_nul_character_is_told(write_file: WriteFile) -> None:
    batch = read(write_file("a.jsonl", b'{"A": "x\\u0000"}\n{"A": "\\\\u0000"}\n'))
    assert [(cell.row, cell.reason) for cell in batch.broken] == [(1, "a NUL character")]
    assert batch.frame["A"].to_list() == ["\\u0000"]


def test_the_size_of_blocks_makes_no_difference(
    write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file("a.jsonl", b'\xef\xbb\xbf{"A": 1}\n\n{"A": 2}')
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 5)
    rows = [
        (int(row), a)
        for batch in JsonSource(path).batches()
        for row, a in zip(batch.rows, batch.frame.to_series() if batch.frame.width else [], strict=True)
    ]
    assert rows == [(1, 1), (3, 2)]


def test_a_line_without_end_is_refused(write_file: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_source, "MAX_RECORD_BYTES", 10)
    with pytest.raises(InputRefusedError, match=r"a\.jsonl:1: the line is too long"):
        read(write_file("a.jsonl", b'{"A": "xxxxxxxxxxxxxxxxx"}'))
