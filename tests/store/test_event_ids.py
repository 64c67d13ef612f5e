from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newfound.errors import DamagedError
from newfound.store import event_ids
from newfound.store.arrow import LONG, STRING, arrow_table
from newfound.store.event_ids import EventIds, catch_up, event_keys, read_index
from newfound.store.files import write_json
from newfound.store.layout import Layout
from newfound.store.tables import Table

IDS = st.lists(st.lists(st.none() | st.text("abcdef", min_size=1, max_size=2), max_size=8), max_size=12)


def put(table: Table, *names: str | None) -> None:
    hashes = [0] * len(names)
    table.append(arrow_table({"USER_HASH": (LONG, hashes), "EVENT_ID": (STRING, names)}), 1)


@pytest.fixture(autouse=True)
def write_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_ids, "_UNWRITTEN_FILES", 0)


def index_of(table: Table) -> EventIds:
    return catch_up(table.layout.event_ids, table.snapshot())


def unseen(table: Table, *names: str) -> list[bool]:
    return index_of(table).unseen(event_keys(names)).tolist()


def test_stored_ids_are_seen_and_others_are_not(table: Table) -> None:
    put(table, "a", None, "b")
    put(table, "c")
    assert unseen(table, "a", "x", "c", "b", "y") == [False, True, False, False, True]


def test_of_equal_new_ids_only_the_first_is_unseen(table: Table) -> None:
    assert unseen(table, "a", "b", "a", "a", "c") == [True, True, False, False, True]
    assert unseen(table) == []


def test_keys_are_128_bits_of_blake2b() -> None:
    keys = event_keys(["a"])
    assert keys.shape == (2, 1)
    assert keys.T.astype("<u8").tobytes().hex() == "27c35e6e9373877f29e562464e46497e"
    assert event_keys([]).shape == (2, 0)


def test_ids_that_share_64_bits_are_told_apart(tmp_path: Path) -> None:
    keys = np.array([[5, 5, 5, 9], [1, 2, 3, 1]], np.uint64)
    index = EventIds(1, (event_ids.Segment(tmp_path, keys),))
    asked = np.array([[5, 5, 5, 9, 9], [2, 4, 3, 1, 2]], np.uint64)
    assert index.unseen(asked).tolist() == [False, True, False, False, True]


@settings(max_examples=30, deadline=None)
@given(batches=IDS)
def test_the_index_is_a_set_however_it_grew(
    batches: list[list[str | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = Table(Layout(tmp_path_factory.mktemp("project")), "events")
    seen: set[str] = set()
    for batch in batches:
        put(table, *batch)
        seen |= {name for name in batch if name}
        names = sorted(seen | {"zz"})
        assert unseen(table, *names) == [name == "zz" for name in names]
    assert sum(segment.size for segment in index_of(table).segments) == sum(
        name is not None for batch in batches for name in batch
    )


def test_segments_stay_few_and_nothing_else_lies_beside_them(table: Table) -> None:
    for number in range(100):
        put(table, str(number))
        index = index_of(table)
    assert len(index.segments) <= 7
    names = {segment.path.name for segment in index.segments} | {"index.json"}
    assert {path.name for path in table.layout.event_ids.iterdir()} == names


def test_few_new_ids_are_looked_up_and_not_written(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_ids, "_UNWRITTEN_FILES", 8)
    for number in range(8):
        put(table, str(number))
    assert unseen(table, "0", "7", "8") == [False, False, True]
    assert not table.layout.event_ids.exists()
    put(table, "8")
    assert unseen(table, "0", "7", "8") == [False] * 3
    assert index_of(table).covered == 9
    put(table, *map(str, range(513)))
    assert index_of(table).covered == 522


def test_a_sealed_but_senseless_index_is_damage(table: Table) -> None:
    put(table, "a")
    write_json(table.layout.event_ids / "index.json", {"nextOffset": 1})
    with pytest.raises(DamagedError, match=r"index\.json"):
        index_of(table)


def test_only_new_files_are_read_to_catch_up(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    put(table, "a")
    index_of(table)
    put(table, "b")
    reads: list[int] = []
    original = event_ids.read_arrow
    monkeypatch.setattr(
        event_ids,
        "read_arrow",
        lambda files, *rest: reads.append(files[0].min_offset) or original(files, *rest),
    )
    assert unseen(table, "a", "b") == [False, False]
    assert reads == [1]


def test_a_deleted_index_is_rebuilt(table: Table) -> None:
    put(table, "a", "b")
    index_of(table)
    for path in table.layout.event_ids.iterdir():
        path.unlink()
    assert unseen(table, "a", "b", "c") == [False, False, True]


def test_an_index_ahead_of_a_restored_table_is_rebuilt(table: Table, tmp_path: Path) -> None:
    put(table, "a")
    put(table, "b")
    index = index_of(table)
    older = table.snapshot(1)
    assert index.covered == 2
    assert catch_up(table.layout.event_ids, older).unseen(event_keys(["a", "b"])).tolist() == [False, True]


def test_damage_to_the_index_is_named(table: Table) -> None:
    put(table, *map(str, range(50)))
    index_of(table)
    for path in table.layout.event_ids.iterdir():
        intact = path.read_bytes()
        for changed in (intact[:-1], intact + b"x", b"", bytes([intact[0] ^ 1]) + intact[1:]):
            path.write_bytes(changed)
            with pytest.raises(DamagedError, match=path.name):
                index_of(table)
        path.write_bytes(intact)


def test_large_segments_are_hashed_on_demand_only(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    put(table, "a", "b")
    [segment] = index_of(table).segments
    monkeypatch.setattr(event_ids, "_HASHED_BYTES", 0)
    intact = segment.path.read_bytes()
    segment.path.write_bytes(intact[:-1] + bytes([intact[-1] ^ 1]))
    read_index(table.layout.event_ids)
    with pytest.raises(DamagedError, match=segment.path.name):
        read_index(table.layout.event_ids, deep=True)


def test_a_missing_segment_is_named(table: Table) -> None:
    put(table, "a")
    [segment] = index_of(table).segments
    segment.path.unlink()
    with pytest.raises(DamagedError, match=segment.path.name):
        index_of(table)
