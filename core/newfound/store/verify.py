"""`verify`: read every byte that a commit names, and name each file that is not as it was written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from newfound.errors import DamagedError
from newfound.store.acknowledged import acknowledged_path
from newfound.store.content_checks import check_contents, check_event_ids
from newfound.store.data_files import DataFile, check_data_file
from newfound.store.event_ids import INDEX, read_index
from newfound.store.files import damaged, read_json, sha256_file
from newfound.store.layout import TABLES, Layout
from newfound.store.project_file import read_project_file
from newfound.store.tables import Table

_DOCUMENTS = ("schemas/*.json", "campaigns/*.json", "filters/*.json", "solutions/*/*.json")


@dataclass(slots=True)
class _Report:
    """The files looked at so far, and what was wrong with them."""

    layout: Layout
    seen: set[Path] = field(default_factory=set)
    problems: dict[str, DamagedError] = field(default_factory=dict)
    hashes: dict[tuple[int, int], str] = field(default_factory=dict)
    rows: int = 0

    @contextmanager
    def checking(self, path: Path) -> Iterator[None]:
        """Note a file, and the damage that the body finds in it."""
        self.seen.add(path)
        try:
            self.layout.require_inside(path)
            yield
        except FileNotFoundError:
            self.problems[str(path)] = damaged(path, "the file is missing")
        except DamagedError as problem:
            self.problems[problem.path] = problem


def verify(layout: Layout, deep: bool = False) -> dict[str, int]:
    """Check every file of a project and count them; raise DamagedError naming all that are damaged.

    Files that no commit names are debris of interrupted commands: counted, not checked. `deep` also parses
    the tables and compares them with what their logs and indexes say. Takes no lock and writes nothing.
    """
    report = _Report(layout)
    with report.checking(layout.project_file):
        read_project_file(layout)
    for pattern in _DOCUMENTS:
        for path in layout.root.glob(pattern):
            with report.checking(path):
                read_json(path)
    for folder in layout.solutions.glob("*/versions/v*"):
        _check_version(report, folder)
    for name in TABLES:
        _check_table(report, Table(layout, name), deep)
    _check_event_ids(report, deep)
    if report.problems:
        raise DamagedError(
            "; ".join(problem.message for problem in report.problems.values()),
            "restore them from a copy of the project",
            next(iter(report.problems)),
        )
    sizes = [path.stat().st_size for path in report.seen if path.exists()]
    return {
        "files": len(sizes),
        "bytes": sum(sizes),
        "rows": report.rows,
        "debris": sum(path not in report.seen for path in _all_files(layout)),
    }


def _check_version(report: _Report, folder: Path) -> None:
    with report.checking(folder.parents[1] / "solution.json"):
        read_json(folder.parents[1] / "solution.json")
    listed: dict[str, str] = {}
    with report.checking(folder / "version.json"):
        listed = read_json(folder / "version.json")["files"]
    for name, expected in listed.items():
        with report.checking(folder / name):
            status = (folder / name).lstat()
            # Versions share large arrays by hard links: one reading is enough.
            inode = (status.st_dev, status.st_ino)
            if inode not in report.hashes:
                report.hashes[inode] = sha256_file(folder / name)
            if report.hashes[inode] != expected:
                raise damaged(folder / name)


def _check_table(report: _Report, table: Table, deep: bool) -> None:
    path = acknowledged_path(table.log)
    with report.checking(path):
        current = table.snapshot()
        if current.version < 0:
            report.seen.discard(path)
            return
        replayed = current
        named: set[DataFile] = set()
        for replayed in table.log.history(current.version):
            report.seen.add(table.log.entry_path(replayed.version))
            named.update(replayed.files)
        if replayed != current:
            raise damaged(path)
        if table.log.entry_path(current.version + 2).exists() and table.snapshot() == current:
            raise damaged(path, "older than the log of the table")
        # Compaction removes files of earlier versions.
        for file in {*current.files, *(file for file in named if file.path.exists())}:
            with report.checking(file.path):
                check_data_file(file)
        report.rows += sum(file.rows for file in current.files)
        if deep:
            check_contents(table, current)


def _check_event_ids(report: _Report, deep: bool) -> None:
    folder = report.layout.event_ids
    with report.checking(folder / INDEX):
        if not folder.exists():
            report.seen.discard(folder / INDEX)
            return
        try:
            index = read_index(folder, deep=True)
        except DamagedError:
            # A put replaced segments between the look at the index and the look at them.
            index = read_index(folder, deep=True)
        report.seen.update(segment.path for segment in index.segments)
        if deep:
            check_event_ids(folder, index, Table(report.layout, "events").snapshot())


def _all_files(layout: Layout) -> Iterator[Path]:
    for folder, _, names in os.walk(layout.root):
        if Path(folder) != layout.root / "locks":
            yield from (Path(folder, name) for name in names)
