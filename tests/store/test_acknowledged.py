from __future__ import annotations

import random
from pathlib import Path

import pytest

from newfound.errors import DamagedError
from newfound.store.acknowledged import acknowledged_path, render_acknowledgement
from newfound.store.files import seal_json, unseal_json
from newfound.store.tables import Table

from .conftest import rows


def users(table: Table) -> list[int]:
    return sorted(table.read(["USER_HASH"])["USER_HASH"].to_pylist())


def test_a_table_that_was_never_written_is_empty_and_reading_it_writes_nothing(table: Table) -> None:
    assert table.snapshot().version == -1
    assert table.read().num_rows == 0
    assert sorted(path.name for path in table.layout.root.iterdir()) == ["locks", "newfound.json"]


def test_what_was_acknowledged_comes_back(table: Table) -> None:
    table.append(rows(1, 2), 1)
    snapshot = table.snapshot()
    data = render_acknowledgement(table.log, snapshot)
    assert data == acknowledged_path(table.log).read_bytes()
    assert (snapshot.version, snapshot.next_offset, users(table)) == (1, 2, [1, 2])


def torn(table: Table, content: bytes) -> Path:
    """Plant the log entry of a commit that lost power before it was acknowledged."""
    path = table.log.entry_path(table.snapshot().version + 1)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_a_torn_last_entry_is_invisible_and_set_aside_by_the_next_writer(kept: float, table: Table) -> None:
    table.append(rows(1), 1)
    with table.writing(1) as writer:  # an entry that names a file which is not there
        writer.add(rows(2))
        writer.commit()
    whole = table.log.entry_path(2).read_bytes()
    table.log.entry_path(2).unlink()
    with_two = table.snapshot()
    acknowledged_path(table.log).write_bytes(render_acknowledgement(table.log, table.snapshot(1)))
    [missing] = set(with_two.files) - set(table.snapshot().files)
    missing.path.unlink()

    entry = torn(table, whole[: int(kept * len(whole))])
    assert users(table) == [1]
    assert entry.exists()  # readers write nothing
    table.append(rows(3), 1)
    assert users(table) == [1, 3]
    assert entry.with_suffix(".json.torn").read_bytes() == whole[: int(kept * len(whole))]
    assert table.log.replay(2) == table.snapshot()


def test_a_truncated_entry_that_was_acknowledged_is_damage_and_not_set_aside(table: Table) -> None:
    table.append(rows(1), 1)
    table.append(rows(2), 1)
    entry = table.log.entry_path(2)
    entry.write_bytes(entry.read_bytes()[:-10])
    with pytest.raises(DamagedError, match=entry.name):
        table.log.replay(2)
    table.append(rows(3), 1)
    assert entry.exists()


def test_a_lost_acknowledgement_is_damage(table: Table) -> None:
    table.append(rows(1), 1)
    acknowledged_path(table.log).unlink()
    for use in (table.snapshot, table.read, lambda: table.append(rows(2), 1)):
        with pytest.raises(DamagedError, match=r"_acknowledged\.json: the file is missing"):
            use()


def test_an_interrupted_first_commit_leaves_an_empty_table(table: Table) -> None:
    table.append(rows(1), 1)
    for path in (acknowledged_path(table.log), table.log.entry_path(1)):
        path.unlink()
    assert table.snapshot().version == -1
    table.append(rows(2), 1)
    assert users(table) == [2]
    assert table.log.replay(1) == table.snapshot()


def test_an_acknowledgement_much_older_than_the_log_is_damage(table: Table) -> None:
    table.append(rows(1), 1)
    old = acknowledged_path(table.log).read_bytes()
    table.append(rows(2), 1)
    table.append(rows(3), 1)
    acknowledged_path(table.log).write_bytes(old)
    with pytest.raises(DamagedError, match="older than the log"):
        table.append(rows(4), 1)


def test_changed_bytes_of_an_acknowledgement_are_damage(table: Table) -> None:
    table.append(rows(1), 1)
    path = acknowledged_path(table.log)
    intact = path.read_bytes()
    for place in random.Random(0).sample(range(len(intact)), 100):
        path.write_bytes(intact[:place] + bytes([intact[place] ^ 4]) + intact[place + 1 :])
        with pytest.raises(DamagedError, match=r"_acknowledged\.json"):
            table.snapshot()


@pytest.mark.parametrize("forged", [{}, {"files": [{"path": "../../etc/passwd"}]}, {"files": None}])
def test_a_sealed_but_senseless_acknowledgement_is_damage(forged: dict[str, object], table: Table) -> None:
    table.append(rows(1), 1)
    path = acknowledged_path(table.log)
    value = unseal_json(path.read_bytes())
    assert value is not None
    path.write_bytes(seal_json(value | forged if forged else {}))
    with pytest.raises(DamagedError, match=r"_acknowledged\.json"):
        table.snapshot()


def test_a_link_in_the_place_of_the_table_is_refused_by_readers_and_writers(
    table: Table, tmp_path: Path
) -> None:
    table.append(rows(1), 1)
    table.log.folder.rename(tmp_path / "elsewhere")
    table.log.folder.symlink_to(tmp_path / "elsewhere")
    for use in (table.snapshot, lambda: table.append(rows(2), 1)):
        with pytest.raises(DamagedError, match="symbolic link"):
            use()
