from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from newfound.store.arrow import LONG, STRING, arrow_table
from newfound.store.compact import compact
from newfound.store.files import TEMPORARY_MARK
from newfound.store.layout import Layout
from newfound.store.tables import Table
from newfound.store.verify import verify

from .conftest import rows

TOMORROW = time.time() + 2 * 86_400


def files_on_disk(table: Table) -> int:
    return len(list(table.log.folder.glob("*.parquet")))


def test_small_files_become_one_and_every_row_stays(table: Table) -> None:
    for user in (3, 1, 2):
        table.append(rows(user), 1)
    assert compact(table.layout)["filesMerged"] == 3
    assert table.read(["USER_HASH"])["USER_HASH"].to_pylist() == [1, 2, 3]
    assert table.read(["EVENT_OFFSET"])["EVENT_OFFSET"].to_pylist() == [1, 2, 0]
    assert compact(table.layout) == {"filesMerged": 0, "filesRemoved": 0, "bytesFreed": 0}


def test_replaced_files_stay_for_a_day(table: Table) -> None:
    table.append(rows(1), 1)
    table.append(rows(2), 1)
    compact(table.layout)
    freed = sum(file.size for file in table.snapshot(2).files)
    assert compact(table.layout, now=time.time() + 86_000)["filesRemoved"] == 0
    assert compact(table.layout, now=TOMORROW) == {"filesMerged": 0, "filesRemoved": 2, "bytesFreed": freed}
    assert files_on_disk(table) == 1
    assert verify(table.layout, deep=True)["rows"] == 2


def test_an_old_file_that_was_replaced_just_now_stays(table: Table) -> None:
    table.append(rows(1), 1)
    table.append(rows(2), 1)
    for path in table.log.folder.glob("*.parquet"):
        os.utime(path, (0, 0))
    compact(table.layout)
    assert files_on_disk(table) == 3


def test_files_of_pinned_versions_stay(table: Table) -> None:
    for user in range(3):
        table.append(rows(user), 1)
    compact(table.layout)
    compact(table.layout, pinned={"events": [2]}, now=TOMORROW)
    pinned = table.snapshot(2)
    assert table.read(["USER_HASH"], snapshot=pinned)["USER_HASH"].to_pylist() == [0, 1]
    assert files_on_disk(table) == 3


def test_debris_is_removed_after_a_day_and_not_before(table: Table) -> None:
    table.append(rows(1), 1)
    debris = [
        table.log.folder / f"put-{'0' * 16}-{'0' * 64}.parquet",
        table.log.entry_path(9).with_suffix(".json.torn"),
        table.layout.root / f"newfound.json{TEMPORARY_MARK}0",
    ]
    for path in debris:
        path.write_bytes(b"x")
    assert compact(table.layout)["filesRemoved"] == 0
    assert compact(table.layout, now=TOMORROW) == {"filesMerged": 0, "filesRemoved": 3, "bytesFreed": 3}
    assert not any(path.exists() for path in debris)
    assert verify(table.layout)["debris"] == 0


def test_responses_are_forgotten_by_when_they_were_logged_and_younger_ones_keep_their_offsets(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table(layout, "recommendations")
    # The times that were asked for say nothing of it.
    for logged, times in ((100, [10, 900]), (200, [30, 40]), (300, [15, 35])):
        monkeypatch.setattr("time.time_ns", lambda logged=logged: logged * 10**9)
        names = [str(moment) for moment in times]
        table.append(arrow_table({"TIMESTAMP": (LONG, times), "RECOMMENDATION_ID": (STRING, names)}), 1)
    compact(layout)  # which moves all into one file
    compact(layout, responses_before=200)
    read = table.read()
    assert sorted(zip(read["RESPONSE_OFFSET"].to_pylist(), read["TIMESTAMP"].to_pylist(), strict=True)) == [
        (2, 30),
        (3, 40),
        (4, 15),
        (5, 35),
    ]
    assert table.snapshot().next_offset == 6
    assert verify(layout, deep=True)["rows"] == 4


def test_an_empty_project_needs_no_compaction(layout: Layout) -> None:
    assert compact(layout) == {"filesMerged": 0, "filesRemoved": 0, "bytesFreed": 0}
    assert sorted(path.name for path in layout.root.iterdir()) == ["locks", "newfound.json"]


@pytest.mark.parametrize("name", ["interactions", "items", "users", "recommendations"])
def test_every_table_is_compacted(name: str, layout: Layout, tmp_path: Path) -> None:
    table = Table(layout, name)
    table.append(rows(1), 1)
    table.append(rows(2), 1)
    assert compact(layout)["filesMerged"] == 2
