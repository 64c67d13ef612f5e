"""Schemas inferred from files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from newfound.dataset import blocks
from newfound.dataset.inference import infer_schema
from newfound.errors import SchemaError
from newfound.schema.builtin import builtin
from newfound.schema.document import Field

WriteFile = Callable[[str, bytes], str]


def test_all_rows_of_all_files_count(write_file: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 200)
    rows = b"".join(b"%d,brand %d\n" % (k, k % 60) for k in range(300))
    paths = [
        write_file("a.csv", b"ITEM_ID,BRAND\n" + rows),
        write_file("b.csv", b"ITEM_ID,YEAR\n1,1999\n2,1999.5\n"),
    ]
    document, notes = infer_schema(paths, "items")
    brand, year = Field("BRAND", "string", nullable=True), Field("YEAR", "double", nullable=True)
    assert document.fields == (*builtin("items").fields, brand, year)
    assert notes == ["BRAND is a string", "YEAR is a double"]


def test_values_of_several_types_are_text(write_file: WriteFile) -> None:
    path = write_file(
        "a.jsonl", b'{"ITEM_ID": "1", "X": 5, "Y": null}\n{"ITEM_ID": "2", "X": "five", "Y": true}\n'
    )
    document, _ = infer_schema([path], "items")
    assert [(field.name, field.type) for field in document.fields[-2:]] == [("X", "string"), ("Y", "boolean")]


def test_a_column_without_values_is_a_string(write_file: WriteFile) -> None:
    document, _ = infer_schema([write_file("a.jsonl", b'{"ITEM_ID": "1", "X": null}\n')], "items")
    assert document.fields[-1] == Field("X", "string", nullable=True)


def test_a_column_that_no_field_can_hold_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"ITEM_ID": ["1"], "SEEN": [datetime(2024, 1, 1)]}).write_parquet(path)
    with pytest.raises(SchemaError, match=f"{path}: column SEEN holds values of type"):
        infer_schema([path], "items")
