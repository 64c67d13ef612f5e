from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newfound.store.arrow import LONG, STRING, arrow_table
from newfound.store.layout import Layout
from newfound.store.tables import Table

from .conftest import rows


def test_a_commit_is_durable_before_it_returns_and_visible_only_then(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.append(rows(1), 1)
    folder = table.log.folder
    calls: list[str] = []
    seen: list[int] = []

    def name(target: int | str | Path) -> str:
        path = Path(f"/proc/self/fd/{target}").readlink() if isinstance(target, int) else Path(target)
        return "data file" if path.suffix == ".parquet" else path.name.partition(".tmp-")[0]

    for call in ("fsync", "replace", "link"):
        original = getattr(os, call)

        def record(*arguments: int | str, call: str = call, original: Callable[..., None] = original) -> None:
            calls.append(f"{call} {name(arguments[-1])}")
            seen.append(table.snapshot().version)
            original(*arguments)

        monkeypatch.setattr(os, call, record)
    table.append(rows(2), 1)
    entry = table.log.entry_path(2).name
    assert calls == [
        "fsync data file",
        f"fsync {folder.name}",
        "fsync _acknowledged.json",
        f"fsync {entry}",
        f"link {entry}",
        "fsync _delta_log",
        "replace _acknowledged.json",
        f"fsync {folder.name}",
    ]
    assert seen == [1] * 7 + [2]


def test_a_body_without_commit_takes_its_files_back(table: Table) -> None:
    with table.writing(1) as writer:
        writer.add(rows(1))

    def interrupted() -> None:
        with table.writing(1) as writer:
            writer.add(rows(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert table.snapshot().version == -1
    assert list(table.log.folder.iterdir()) == []


def test_nothing_to_change_makes_no_version(table: Table) -> None:
    with table.writing(1) as writer:
        assert writer.commit().version == -1
    table.append(rows(1), 1)
    with table.writing(1) as writer:
        assert writer.commit().version == 1
        writer.add(rows())
        assert writer.commit().version == 1


def test_an_empty_first_commit_gives_a_table_its_columns(table: Table) -> None:
    table.append(rows(), 1)
    assert table.read().column_names == ["EVENT_OFFSET", "USER_ID", "USER_HASH"]


def test_all_files_of_a_commit_appear_together(table: Table) -> None:
    with table.writing(1) as writer:
        for user in range(3):
            writer.add(rows(user), source="bulk")
            assert table.snapshot().version == -1
        commit = writer.commit()
    assert (commit.version, commit.first_offset, commit.rows) == (1, 0, 3)
    assert len(table.snapshot().files) == 3


@pytest.mark.parametrize("method", ["add_batches", "add_frames"])
def test_a_stream_is_cut_into_files_of_bounded_size(table: Table, method: str) -> None:
    with table.writing(1) as writer:
        sizes = (10, 10, 10, 0, 10, 10, 10, 10)
        batches = (pl.DataFrame({"USER_HASH": [size] * size}, {"USER_HASH": pl.Int64}) for size in sizes)
        assert getattr(writer, method)(batches, rows_per_file=25, source="bulk") == 70
        assert getattr(writer, method)(iter([]), rows_per_file=25) == 0
        writer.commit()
    assert [file.rows for file in table.snapshot().files] == [30, 30, 10]
    assert table.read(["EVENT_OFFSET"])["EVENT_OFFSET"].to_pylist() == list(range(70))


def test_a_failure_to_write_a_frame_reaches_the_caller(table: Table) -> None:
    frames = [pl.DataFrame({"A": [1]}), pl.DataFrame({"B": [1]})]
    with table.writing(1) as writer, pytest.raises(ValueError, match="differ in their columns"):
        writer.add_frames(frames, rows_per_file=1)
    assert list(table.log.folder.iterdir()) == []


def test_staged_rows_can_be_taken_back_before_the_commit(table: Table) -> None:
    frames = [pl.DataFrame({"USER_HASH": range(start, start + 3), "NAME": ["x"] * 3}) for start in (0, 3, 6)]
    with table.writing(1) as writer:
        writer.add_frames(frames, rows_per_file=3)
        writer.drop(np.array([1, 3, 4, 5]))
        assert writer.commit().rows == 5
    assert table.read()["USER_HASH"].to_pylist() == [0, 2, 6, 7, 8]
    assert [(file.rows, file.min_user_hash) for file in table.snapshot().files] == [(2, 0), (3, 6)]
    assert len(list(table.log.folder.glob("*.parquet"))) == 2


def test_a_replacement_keeps_what_it_is_told_to_keep(table: Table) -> None:
    table.append(rows(1), 1, source="bulk")
    table.append(rows(2), 1, source="put")
    with table.writing(1) as writer:
        writer.add(rows(3), source="bulk")
        writer.commit(keep=lambda file: file.source == "put")
    read = table.read()
    assert read["USER_HASH"].to_pylist() == [2, 3]
    assert read["EVENT_OFFSET"].to_pylist() == [1, 2]  # offsets are never used again


def test_columns_change_only_with_all_files(table: Table) -> None:
    table.append(rows(1), 1)
    other = arrow_table({"NAME": (STRING, ["x"])})
    with table.writing(1) as writer:
        writer.add(other)
        with pytest.raises(ValueError, match="differ"):
            writer.commit()
        with pytest.raises(ValueError, match="differ"):
            writer.add(rows(1))
    assert table.read(["USER_HASH"])["USER_HASH"].to_pylist() == [1]
    with table.writing(1) as writer:
        writer.add(arrow_table({"EVENT_OFFSET": (LONG, [0]), "NAME": (STRING, ["x"])}), keep_offsets=True)
        writer.commit(keep=lambda file: False)
    assert pl.DataFrame(table.read()).to_dicts() == [{"EVENT_OFFSET": 0, "NAME": "x"}]
    assert table.snapshot().next_offset == 1


def test_two_thousand_puts_would_leave_few_files(table: Table) -> None:
    most = 0
    for user in range(150):
        table.append(rows(user), 1)
        most = max(most, len(table.snapshot().files))
    assert most <= 33
    read = table.read()
    order = np.argsort(read["EVENT_OFFSET"].to_numpy())
    assert read["EVENT_OFFSET"].to_numpy()[order].tolist() == list(range(150))
    assert read["USER_HASH"].to_numpy()[order].tolist() == list(range(150))


def test_merging_keeps_sources_apart(table: Table) -> None:
    for user in range(80):
        table.append(rows(user), 1, source=("bulk", "put")[user % 2])
    for parity, source in enumerate(("bulk", "put")):
        read = table.read(["USER_HASH"], lambda file, source=source: file.source == source)  # type: ignore[misc]  # a default that binds the loop variable
        assert sorted(read["USER_HASH"].to_pylist()) == list(range(parity, 80, 2))


COMMANDS = st.lists(
    st.tuples(
        st.sampled_from(["append", "replace", "abandon", "merge"]), st.lists(st.integers(0, 9), max_size=3)
    ),
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(commands=COMMANDS)
def test_a_table_is_what_a_list_would_be(
    commands: list[tuple[str, list[int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = Table(Layout(tmp_path_factory.mktemp("project")), "events")
    expected: list[tuple[int, int]] = []
    next_offset = 0
    for kind, users in commands:
        with table.writing(1) as writer:
            if kind != "merge":
                writer.add(rows(*users))
            if kind == "abandon":
                continue
            if kind == "replace":
                expected = []
            if kind != "merge":
                expected += [(next_offset + k, user) for k, user in enumerate(users)]
                next_offset += len(users)
            writer.commit(keep=lambda file, kind=kind: kind != "replace")  # type: ignore[misc]  # a default that binds the loop variable
        read = table.read()
        found = (
            zip(*(read[name].to_pylist() for name in ("EVENT_OFFSET", "USER_HASH")), strict=True)
            if read.num_columns
            else ()
        )
        assert sorted(found) == expected
        assert table.snapshot().next_offset == next_offset
        if table.snapshot().version >= 0:
            assert table.log.replay(table.snapshot().version) == table.snapshot()
