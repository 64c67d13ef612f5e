from __future__ import annotations

from pathlib import Path

import pytest

from newfound.store import merging
from newfound.store.data_files import DataFile, write_data_file
from newfound.store.merging import WHEN_APPENDING, WHEN_COMPACTING, Tier, mergeable, merged

from .conftest import rows

MEGABYTE = 1 << 20


def files(*sizes: int, source: str = "put") -> list[DataFile]:
    return [DataFile(Path(f"{source}-{k}-{source}.parquet"), 1, size) for k, size in enumerate(sizes)]


def test_thirty_one_small_files_stay_and_thirty_two_are_merged() -> None:
    small = files(*[1000] * 32)
    assert mergeable(small[:31], WHEN_APPENDING) == []
    assert mergeable(small, WHEN_APPENDING) == [small]


def test_a_put_does_not_rewrite_what_was_merged_before() -> None:
    small, medium = files(*[1000] * 32), files(*[MEGABYTE] * 31)
    assert mergeable(medium + small, WHEN_APPENDING) == [small]
    assert mergeable(files(*[MEGABYTE] * 32), WHEN_APPENDING) == [files(*[MEGABYTE] * 32)]


def test_compaction_merges_any_two_small_files_and_leaves_large_ones() -> None:
    mixed = files(10, 5 * MEGABYTE, MEGABYTE)
    assert mergeable(mixed, WHEN_COMPACTING) == [[mixed[0], mixed[2]]]
    assert mergeable(mixed[:2], WHEN_COMPACTING) == []


def test_sources_are_merged_apart() -> None:
    put, bulk = files(1, 2), files(1, 2, source="bulk")
    assert mergeable([put[0], bulk[0], put[1], bulk[1]], WHEN_COMPACTING) == [put, bulk]


def test_a_group_fits_into_memory() -> None:
    many = files(*[3 * MEGABYTE] * 50)
    groups = mergeable(many, [Tier(2, 0, 4 * MEGABYTE)])
    assert [file for group in groups for file in group] == many
    assert max(sum(file.size for file in group) for group in groups) <= 67 * MEGABYTE


def test_merged_rows_are_in_order_of_user_and_offset_and_cut_into_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "_ROWS_PER_FILE", 4)
    schema = rows().schema
    group = [write_data_file(tmp_path, rows(*users), "put", None) for users in ((3, 1), (2, 3), (1, 0))]
    tables = list(merged(group, schema, None))
    assert [table["USER_HASH"].to_pylist() for table in tables] == [[0, 1, 1, 2], [3, 3]]
    by_name = list(merged(group, schema, "USER_HASH"))
    assert by_name[0].schema == schema


def test_rows_without_user_or_offset_keep_their_order(tmp_path: Path) -> None:
    names = rows(3, 1, 2).select(["USER_ID"])
    file = write_data_file(tmp_path, names, "bulk", None)
    [table] = merged([file, file], names.schema, None)
    assert table["USER_ID"].to_pylist() == ["u3", "u1", "u2"] * 2
