from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from newfound.errors import BusyError, DamagedError
from newfound.store.compact import compact
from newfound.store.data_files import FileGoneError
from newfound.store.layout import Layout
from newfound.store.locks import lock
from newfound.store.tables import Table

from .conftest import rows


def test_rows_get_unique_contiguous_offsets_in_the_first_column(table: Table) -> None:
    commits = [table.append(rows(*range(count)), 1) for count in (3, 1, 2)]
    assert [commit.first_offset for commit in commits] == [0, 3, 4]
    assert [commit.rows for commit in commits] == [3, 1, 2]
    read = table.read()
    assert read.column_names[0] == "EVENT_OFFSET"
    assert read["EVENT_OFFSET"].to_pylist() == [0, 1, 2, 3, 4, 5]
    assert table.snapshot().next_offset == 6


def test_a_table_without_offsets_keeps_its_columns(layout: Layout) -> None:
    table = Table(layout, "interactions")
    table.append(rows(1, 2), 1)
    assert table.read().column_names == ["USER_ID", "USER_HASH"]
    assert table.snapshot().next_offset == 0


def test_only_the_wanted_files_and_columns_are_read(table: Table) -> None:
    table.append(rows(1), 1, source="bulk")
    table.append(rows(2), 1, source="put")
    assert table.read(["USER_ID"], lambda file: file.source == "put").to_struct_array().to_pylist() == [
        {"USER_ID": "u2"}
    ]
    assert table.scan(lambda file: file.max_offset == 0).collect()["USER_ID"].to_list() == ["u1"]


def test_an_earlier_snapshot_keeps_its_rows(table: Table) -> None:
    table.append(rows(1), 1)
    before = table.snapshot()
    with table.writing(1) as writer:
        writer.add(rows(2))
        writer.commit(keep=lambda file: False)
    assert table.read(["USER_HASH"])["USER_HASH"].to_pylist() == [2]
    assert table.read(["USER_HASH"], snapshot=before)["USER_HASH"].to_pylist() == [1]
    assert table.snapshot(1) == before


def test_a_reader_overtaken_by_compaction_reads_the_next_snapshot(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.append(rows(1), 1)
    table.append(rows(2), 1)
    stale = table.snapshot()
    compact(table.layout)
    compact(table.layout, now=4e9)
    looks = [stale, table.snapshot()]
    monkeypatch.setattr(Table, "snapshot", lambda self: looks.pop(0))
    assert table.read(["USER_HASH"])["USER_HASH"].to_pylist() == [1, 2]
    assert looks == []
    looks[:] = [stale, stale]
    with pytest.raises(FileGoneError):
        table.scan()
    with pytest.raises(FileGoneError):
        table.read(snapshot=stale)


def test_a_missing_file_is_damage(table: Table) -> None:
    table.append(rows(1), 1)
    [file] = table.snapshot().files
    file.path.unlink()
    with pytest.raises(DamagedError, match=f"{file.rel}: the file is missing"):
        table.read()


def test_readers_need_no_lock_and_writers_wait_for_it_no_longer_than_asked(table: Table) -> None:
    table.append(rows(1), 1)
    with lock(table.layout.lock("events"), 0, "hold"):
        assert table.read().num_rows == 1
        with pytest.raises(BusyError, match="to write events"):
            table.append(rows(2), 0.05)


def test_tables_do_not_wait_for_each_other(layout: Layout) -> None:
    with Table(layout, "events").writing(0):
        Table(layout, "recommendations").append(rows(1), 0)


def test_a_project_can_be_moved_and_copied(table: Table, tmp_path: Path) -> None:
    table.append(rows(1, 2), 1)
    shutil.copytree(table.layout.root, tmp_path / "copy")
    shutil.move(table.layout.root, tmp_path / "moved")
    for name in ("copy", "moved"):
        other = Table(Layout(tmp_path / name), "events")
        other.append(rows(3), 1)
        assert other.read(["USER_HASH"])["USER_HASH"].to_pylist() == [1, 2, 3]
    assert not [
        path
        for path in (tmp_path / "moved").rglob("*")
        if path.is_file() and str(tmp_path).encode() in path.read_bytes()
    ]
