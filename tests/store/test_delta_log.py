from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from newfound.errors import DamagedError
from newfound.store.delta_log import Snapshot
from newfound.store.tables import Table

from .conftest import rows


def actions(table: Table, version: int) -> list[dict[str, dict[str, object]]]:
    return [json.loads(line) for line in table.log.entry_path(version).read_text().splitlines()]


def test_other_engines_read_the_same_rows(table: Table) -> None:
    for user in range(40):  # more than are left unmerged
        table.append(rows(user), 1)
    expected = sorted(table.read()["USER_HASH"].to_pylist())
    assert expected == list(range(40))
    assert pl.scan_delta(str(table.log.folder)).collect()["USER_HASH"].sort().to_list() == expected
    other = DeltaTable(table.log.folder)
    assert other.version() == table.snapshot().version == 40
    assert [field.name for field in other.schema().fields] == ["EVENT_OFFSET", "USER_ID", "USER_HASH"]
    assert other.metadata().configuration == {"delta.enableExpiredLogCleanup": "false"}


def test_other_engines_travel_in_time(table: Table) -> None:
    for user in range(40):
        table.append(rows(user), 1)
    for version in (1, 20, 33, 40):
        other = DeltaTable(table.log.folder, version=version)
        assert {Path(uri).name for uri in other.file_uris()} == {
            file.rel for file in table.snapshot(version).files
        }


def test_the_first_version_has_no_rows_and_the_second_the_first_rows(table: Table) -> None:
    table.append(rows(1), 1)
    assert [next(iter(action)) for action in actions(table, 0)] == ["commitInfo", "protocol", "metaData"]
    assert [next(iter(action)) for action in actions(table, 1)] == ["commitInfo", "add"]


def test_rows_are_counted_that_entries_brought_and_not_those_they_moved(table: Table) -> None:
    for user in range(40):
        table.append(rows(user), 1)
    assert [table.log.rows_added(since, 40) for since in (-1, 30, 39, 40)] == [40, 10, 1, 0]


def test_an_entry_that_is_no_more_is_damage_that_is_named(table: Table) -> None:
    for user in range(3):
        table.append(rows(user), 1)
    table.log.entry_path(3).write_text('{"add": 1}\n')
    table.log.entry_path(2).unlink()
    for since, name in ((2, r"3\.json"), (1, r"2\.json: the file is missing")):
        with pytest.raises(DamagedError, match=name):
            table.log.rows_added(since, 3)


def test_merged_files_say_that_no_row_changed(table: Table) -> None:
    for user in range(33):
        table.append(rows(user), 1)
    kinds = [
        (kind, action["dataChange"])
        for entry in actions(table, 33)
        for kind, action in entry.items()
        if kind != "commitInfo"
    ]
    assert kinds.count(("remove", False)) == 32
    assert kinds.count(("add", False)) == kinds.count(("add", True)) == 1


def test_replaced_files_say_that_rows_changed(table: Table) -> None:
    table.append(rows(1), 1)
    with table.writing(1) as writer:
        writer.commit(keep=lambda file: False)
    assert [action["remove"]["dataChange"] for action in actions(table, 2) if "remove" in action] == [True]


def test_a_replayed_log_gives_the_state_that_was_acknowledged(table: Table) -> None:
    states = [Snapshot()]
    for user in range(35):
        table.append(rows(user), 1)
        states.append(table.snapshot())
    assert list(table.log.history(35)) == [table.snapshot(0), *states[1:]]
    assert table.snapshot(7) == states[7]


def replays_to(table: Table, current: Snapshot) -> bool:
    try:
        return table.log.replay(current.version) == current
    except DamagedError:
        return False


def test_every_flipped_byte_of_an_entry_breaks_the_chain_or_the_acknowledgement(table: Table) -> None:
    for user in range(2):
        table.append(rows(user), 1)
    current = table.snapshot()
    for version in (1, 2):
        path = table.log.entry_path(version)
        intact = path.read_bytes()
        for place in range(len(intact)):
            changed = bytearray(intact)
            changed[place] ^= 0x01
            path.write_bytes(changed)
            assert not replays_to(table, current)
        path.write_bytes(intact)


def test_a_missing_or_swapped_entry_is_named(table: Table) -> None:
    for user in range(3):
        table.append(rows(user), 1)
    first, second = table.log.entry_path(1), table.log.entry_path(2)
    first_bytes, second_bytes = first.read_bytes(), second.read_bytes()
    first.write_bytes(second_bytes)
    second.write_bytes(first_bytes)
    with pytest.raises(DamagedError, match=first.name):
        table.log.replay(3)
    first.unlink()
    with pytest.raises(DamagedError, match=f"{first.name}: the file is missing"):
        table.log.replay(3)


def test_an_entry_that_names_a_file_elsewhere_is_damage(table: Table) -> None:
    table.append(rows(1), 1)
    entry = table.log.entry_path(1)
    entry.write_text(entry.read_text().replace('"path":"part-', '"path":"../../part-'))
    with pytest.raises(DamagedError, match=entry.name):
        table.log.replay(1)
