"""Fail every file operation of a command in turn, and look at what it leaves (after SQLite's test suite)."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path

import polars as pl
import pytest

from newfound.dataset.events import put_events
from newfound.errors import ResourceError
from newfound.store.compact import compact
from newfound.store.layout import Layout
from newfound.store.project_file import create_project_file
from newfound.store.tables import Table
from newfound.store.verify import verify

from .disk import FaultyDisk


def line(name: str) -> bytes:
    return b'{"userId": "u", "itemId": "%s", "eventId": "%s", "sentAt": 5}' % (name.encode(), name.encode())


def stored(layout: Layout) -> list[str]:
    if Table(layout, "events").snapshot().version < 0:
        return []
    return pl.DataFrame(Table(layout, "events").read()).sort("EVENT_OFFSET")["ITEM_ID"].to_list()


def first_put(layout: Layout) -> None:
    put_events(layout, [line("new"), line("newer")])


def next_put(layout: Layout) -> None:
    put_events(layout, [line("new"), line("newer")])


def merging_put(layout: Layout) -> None:
    put_events(layout, [line("new"), line("newer")])


def compaction(layout: Layout) -> None:
    compact(layout, now=4e9)


PUTS_BEFORE: dict[Callable[[Layout], None], int] = {first_put: 0, next_put: 2, merging_put: 32, compaction: 3}
STEP = {merging_put: 5}  # it reads 32 files: every fifth of its operations is failed


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    made: dict[int, Path] = {}

    def prepare(puts: int) -> Path:
        if puts not in made:
            made[puts] = tmp_path_factory.mktemp("prepared")
            create_project_file(Layout(made[puts]))
            for number in range(puts):
                put_events(Layout(made[puts]), [line(f"old{number}")])
        return made[puts]

    return prepare


@pytest.mark.parametrize("for_ever", [False, True])
@pytest.mark.parametrize("command", PUTS_BEFORE)
def test_after_any_fault_a_project_is_as_before_or_fully_after(
    command: Callable[[Layout], None], for_ever: bool, prepared: Callable[[int], Path], tmp_path: Path
) -> None:
    before = [f"old{number}" for number in range(PUTS_BEFORE[command])]
    after = before if command is compaction else [*before, "new", "newer"]
    codes = cycle([errno.ENOSPC, errno.EIO, errno.EACCES])
    for fail_at in count(step=STEP.get(command, 1)):
        layout = Layout(tmp_path / str(fail_at))
        shutil.copytree(prepared(PUTS_BEFORE[command]), layout.root)
        disk = FaultyDisk(fail_at, for_ever, next(codes))
        error: Exception | None = None
        with disk.mounted():
            try:
                command(layout)
            except ResourceError as caught:
                error = caught
        found = stored(layout)
        assert found in ((before, after) if error else (after,)), disk.operations[fail_at]
        assert verify(layout)["rows"] == len(found)
        put_events(layout, [line("new"), line("last")])
        assert set(stored(layout)) == {*found, "new", "last"}
        assert verify(layout, deep=True)
        shutil.rmtree(layout.root)
        if len(disk.operations) <= fail_at:
            break
    assert fail_at > 15


def test_a_full_disk_commits_nothing_even_for_readers_to_come(
    prepared: Callable[[int], Path], tmp_path: Path
) -> None:
    layout = Layout(tmp_path / "project")
    shutil.copytree(prepared(2), layout.root)
    counting = FaultyDisk()
    with counting.mounted():
        next_put(layout)
    writes = [k for k, operation in enumerate(counting.operations) if operation == "write"]
    for fail_at in writes:
        shutil.rmtree(layout.root)
        shutil.copytree(prepared(2), layout.root)
        with (
            FaultyDisk(fail_at, True, errno.ENOSPC).mounted(),
            pytest.raises(ResourceError, match="No space left"),
        ):
            next_put(layout)
        put_events(layout, [b'{"userId": "u", "itemId": "other"}'])
        assert stored(layout) == ["old0", "old1", "other"]
