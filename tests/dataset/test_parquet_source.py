"""Users' Parquet files, whole and damaged. Rows count from 1."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from newfound.dataset import parquet_source
from newfound.dataset.parquet_source import ParquetSource
from newfound.errors import InputRefusedError, NotFoundError

WriteFile = Callable[[str, bytes], str]


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def test_rows_come_typed_and_in_order(write_file: WriteFile) -> None:
    frame = pl.DataFrame({"A": ["007", None], "B": [1, 2], "C": [1.5, None]})
    path = write_file("a.parquet", parquet(frame))
    batches = [batch for batch in ParquetSource(path).batches() if batch.frame.height]
    assert ParquetSource(path).columns() == ["A", "B", "C"]
    assert pl.concat([batch.frame for batch in batches]).equals(frame)
    assert [row for batch in batches for row in batch.rows.tolist()] == [1, 2]


def test_characters_of_patterns_in_a_name_are_ordinary(write_file: WriteFile) -> None:
    write_file("x1.parquet", parquet(pl.DataFrame({"A": ["wrong"]})))
    path = write_file("x[1].parquet", parquet(pl.DataFrame({"A": ["right"]})))
    assert [value for batch in ParquetSource(path).batches() for value in batch.frame["A"]] == ["right"]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"USER_ID,ITEM_ID\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_refused(write_file: WriteFile, content: bytes) -> None:
    path = write_file("a.parquet", content)
    with pytest.raises(InputRefusedError, match="damaged or no Parquet") as caught:
        ParquetSource(path).columns()
    assert caught.value.path == path


def test_a_nul_character_is_refused(write_file: WriteFile) -> None:
    path = write_file("a.parquet", parquet(pl.DataFrame({"A": [1], "B": ["x\0"]})))
    with pytest.raises(InputRefusedError, match="a NUL character in column B"):
        list(ParquetSource(path).batches())


def test_a_damaged_file_is_refused_or_read_but_never_ends_the_process(write_file: WriteFile) -> None:
    whole = parquet(pl.DataFrame({"A": [f"id {k}" for k in range(200)]}))
    chance = random.Random(0)
    refused = 0
    for cut in (len(whole) - 1, len(whole) // 2):
        with pytest.raises(InputRefusedError):
            list(ParquetSource(write_file("cut.parquet", whole[:cut])).batches())
    for _ in range(6):
        damaged = bytearray(whole)
        damaged[-chance.randrange(9, 120)] ^= 1 << chance.randrange(8)
        try:
            list(ParquetSource(write_file("flipped.parquet", bytes(damaged))).batches())
        except InputRefusedError:
            refused += 1
    assert refused


def test_the_death_of_the_reader_refuses_the_file(
    write_file: WriteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    child.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(parquet_source, "_CHILD", child)
    with pytest.raises(InputRefusedError, match="the reader died"):
        ParquetSource(write_file("a.parquet", b"PAR1")).columns()


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        ParquetSource(str(tmp_path / "none.parquet")).columns()


def test_a_file_is_checked_once_and_again_when_it_is_another(write_file: WriteFile) -> None:
    path = write_file("a.parquet", parquet(pl.DataFrame({"A": ["x"]})))
    source = ParquetSource(path)
    checked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        run = parquet_source.subprocess.run
        patch.setattr(
            parquet_source.subprocess, "run", lambda *args, **kw: checked.append(path) or run(*args, **kw)
        )
        assert source.columns() == ["A"]
        assert [batch.frame.height for batch in source.batches()] == [1]
        assert len(checked) == 1
        write_file("a.parquet", b"PAR1 no more")
        with pytest.raises(InputRefusedError):
            list(source.batches())
    assert len(checked) == 2
