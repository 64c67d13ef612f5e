from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from newfound.errors import DamagedError
from newfound.store.data_files import (
    DataFile,
    FileGoneError,
    check_data_file,
    is_data_file_name,
    read_arrow,
    read_verified,
    scan_polars,
    write_data_file,
    write_frame,
)

from .conftest import rows

TABLE = rows(3, 1, 2)


@pytest.fixture
def file(tmp_path: Path) -> DataFile:
    return write_data_file(tmp_path, TABLE, "put", "USER_HASH")


def test_a_data_file_describes_its_rows(file: DataFile) -> None:
    assert (file.rows, file.size, file.source) == (3, file.path.stat().st_size, "put")
    assert (file.min_offset, file.max_offset) == (file.min_user_hash, file.max_user_hash) == (1, 3)
    assert is_data_file_name(file.rel)


def test_rows_come_back_in_the_order_they_were_written(file: DataFile) -> None:
    assert read_arrow([file, file], None, TABLE.schema)["USER_ID"].to_pylist() == ["u3", "u1", "u2"] * 2
    assert read_arrow([file], ["USER_HASH"], TABLE.schema).column_names == ["USER_HASH"]
    assert scan_polars([file, file], TABLE.schema).collect()["USER_HASH"].to_list() == [3, 1, 2] * 2


def test_a_frame_comes_back_as_the_same_rows_as_a_table(tmp_path: Path) -> None:
    from_frame = write_frame(tmp_path, pl.DataFrame(TABLE), "bulk", "USER_HASH")
    from_table = write_data_file(tmp_path, TABLE, "bulk", "USER_HASH")
    read = [read_arrow([file], None, TABLE.schema) for file in (from_frame, from_table)]
    assert read[0] == read[1]
    assert read_arrow([from_table, from_frame], ["USER_ID"], TABLE.schema)["USER_ID"].to_pylist() == [
        *("u3", "u1", "u2"),
        *("u3", "u1", "u2"),
    ]
    assert (from_frame.rows, from_frame.size) == (3, from_frame.path.stat().st_size)
    assert (from_frame.min_offset, from_frame.max_user_hash) == (1, 3)
    assert check_data_file(from_frame) is None


def test_no_files_have_the_columns_of_the_table_and_no_rows() -> None:
    assert read_arrow([], ["USER_HASH"], TABLE.schema)["USER_HASH"].to_numpy().size == 0
    assert scan_polars([], TABLE.schema).collect().columns == ["USER_ID", "USER_HASH"]


def test_every_flipped_byte_is_found_before_any_parser_sees_it(file: DataFile) -> None:
    intact = file.path.read_bytes()
    for place in range(len(intact)):
        changed = bytearray(intact)
        changed[place] ^= 0x10
        file.path.write_bytes(changed)
        with pytest.raises(DamagedError, match=file.rel):
            read_verified(file)
    with pytest.raises(DamagedError, match=file.rel):
        scan_polars([file], TABLE.schema)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 5000])
def test_truncated_and_foreign_content_is_found(content: bytes, file: DataFile) -> None:
    file.path.write_bytes(content)
    for check in (check_data_file, read_verified):
        with pytest.raises(DamagedError, match=file.rel):
            check(file)


def test_swapped_files_are_both_found(file: DataFile, tmp_path: Path) -> None:
    other = write_data_file(tmp_path, rows(7), "put", None)
    first, second = file.path.read_bytes(), other.path.read_bytes()
    file.path.write_bytes(second)
    other.path.write_bytes(first)
    for swapped in (file, other):
        with pytest.raises(DamagedError, match=swapped.rel):
            check_data_file(swapped)


def test_a_missing_file_is_named(file: DataFile) -> None:
    file.path.unlink()
    for check in (check_data_file, read_verified):
        with pytest.raises(FileGoneError, match=f"{file.rel}: the file is missing"):
            check(file)


@pytest.mark.parametrize("name", ["../secret", "put-0-0.parquet", "/etc/passwd", "a.parquet", ""])
def test_names_that_newfound_never_gives_are_recognised(name: str) -> None:
    assert not is_data_file_name(name)
