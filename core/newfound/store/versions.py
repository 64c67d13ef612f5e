"""Solution versions on disk: named before training starts, built beside, published whole, never changed.

    versions/.v3.building/   while training runs, or after it was killed (`--resume` goes on there)
    versions/v3/             ACTIVE, or CREATE FAILED with its reason
    versions/.v3.deleted/    while it is being removed, or after that was killed

`version.json` inside records everything needed to repeat the run and the sha256 of every other file.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from newfound.errors import DamagedError, NewfoundError, NotFoundError, UsageError
from newfound.store.files import (
    make_directory,
    publish,
    publish_directory,
    read_json,
    sha256_file,
    write_json,
)
from newfound.store.layout import Layout, check_name
from newfound.store.locks import is_held

FULL, UPDATE = "FULL", "UPDATE"
IN_PROGRESS, ACTIVE, FAILED = "CREATE IN_PROGRESS", "ACTIVE", "CREATE FAILED"
DOCUMENT = "version.json"
UPDATE_INTERRUPTED = "the UPDATE was interrupted; run it again"
INTERRUPTED_FOR_GOOD = "training was interrupted and a later one began"

_PUBLISHED = re.compile(r"v([1-9][0-9]*)")
_BUILDING = re.compile(r"\.v([1-9][0-9]*)\.building")
_DELETED = re.compile(r"\.v[1-9][0-9]*\.deleted")
_REFERENCE = re.compile(r"([^@]*)(?:@v([1-9][0-9]*))?")


@dataclass(frozen=True, slots=True)
class Version:
    """One version: its solution and number, its folder and its version.json."""

    solution: str
    number: int
    folder: Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """The name that commands take, `SOLUTION@vN`."""
        return f"{self.solution}@v{self.number}"

    @property
    def serving(self) -> Path:
        """The folder of the serving bundle."""
        return self.folder / "serving"

    @property
    def status(self) -> str:
        """Personalize's status string."""
        return str(self.record["status"])


def training_command(solution: str, *options: str) -> str:
    """Spell the command that trains a solution.

    >>> training_command("default", "--resume"), training_command("buyers", "--mode", "update")
    ('newfound solution train --resume', 'newfound solution train buyers --mode update')
    """
    name = () if solution == "default" else (solution,)
    return " ".join(("newfound solution train", *name, *options))


def _how_to_resume(solution: str) -> str:
    return f"`{training_command(solution, '--resume')}` goes on from its last checkpoint"


def parse_reference(reference: str) -> tuple[str, int | None]:
    """Split `SOLUTION[@vN]` into name and number; raise UsageError for anything else."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UsageError(f"{reference!r} is no solution version", "write SOLUTION@vN, for example default@v3")
    return check_name(match[1], "solution"), int(match[2]) if match[2] else None


def list_versions(layout: Layout, solution: str) -> list[Version]:
    """List the versions of a solution by number, those being built included."""
    folder = layout.solution(solution) / "versions"
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := _PUBLISHED.fullmatch(path.name):
            found.append(Version(solution, int(match[1]), path, _record(path)))
        elif match := _BUILDING.fullmatch(path.name):
            found.extend(_unfinished(layout, solution, int(match[1]), path))
    return sorted(found, key=lambda version: version.number)


def _unfinished(layout: Layout, solution: str, number: int, path: Path) -> Iterator[Version]:
    try:
        record = _record(path)
    except (FileNotFoundError, DamagedError):
        return  # killed before its document was whole, or just published: nothing to show
    if is_held(layout.lock(f"solution-{solution}")):
        record = record | {"status": IN_PROGRESS}  # also while a finished version is being published
    else:
        reason = f"training was interrupted; {_how_to_resume(solution)}"
        reason = reason if record["trainingMode"] == FULL else UPDATE_INTERRUPTED
        record = record | {"status": FAILED, "failureReason": reason}
    yield Version(solution, number, path, record)


def _record(folder: Path) -> dict[str, Any]:
    try:
        return read_json(folder / DOCUMENT)
    except FileNotFoundError:
        if _BUILDING.fullmatch(folder.name):
            raise
        path = folder / DOCUMENT
        raise DamagedError(f"{path} is missing", "restore it, or train a new version", str(path)) from None


def find_version(layout: Layout, reference: str) -> Version:
    """Find `SOLUTION@vN`, or the newest ACTIVE version of `SOLUTION`; raise NotFoundError."""
    solution, number = parse_reference(reference)
    if not layout.solution(solution).is_dir():
        raise NotFoundError(
            f"there is no solution {solution!r}", "`newfound solution list` shows those there are"
        )
    if number is not None:
        path = layout.version(solution, number)
        # In this order, so that a version which is published in between is found.
        for version in _unfinished(layout, solution, number, path.with_name(f".v{number}.building")):
            return version
        if path.is_dir():
            return Version(solution, number, path, _record(path))
        raise NotFoundError(
            f"there is no version {reference}", f"`newfound solution versions {solution}` lists them"
        )
    newest = newest_active(layout, solution)
    if newest is None:
        raise NotFoundError(
            f"solution {solution!r} has no ACTIVE version",
            f"run `newfound solution train {solution} --mode full`",
        )
    return newest


def newest_active(layout: Layout, solution: str) -> Version | None:
    """Find the newest ACTIVE version: by the data of its FULL, then by its own data, not by number.

    A version says which others were there and older when it was published. If these are all but those that failed
    since, no more is read.
    """
    others = set(_published(layout, solution))
    for number in sorted(others, reverse=True):
        path = layout.version(solution, number)
        version = Version(solution, number, path, _record(path))
        others.remove(number)
        if version.status == ACTIVE:
            if others.issubset(version.record.get("outdated", ())):
                return version
            break
    active = [version for version in list_versions(layout, solution) if version.status == ACTIVE]
    return max(active, key=_age_of_data, default=None)


def _published(layout: Layout, solution: str) -> list[int]:
    folder = layout.solution(solution) / "versions"
    names = folder.iterdir() if folder.is_dir() else ()
    return [int(match[1]) for path in names if (match := _PUBLISHED.fullmatch(path.name))]


def _outdated(layout: Layout, version: Version) -> Iterator[int]:
    """Find the published versions that are older, or that failed; one that cannot be read is neither."""
    for number in sorted(_published(layout, version.solution)):
        path = layout.version(version.solution, number)
        with suppress(DamagedError):
            other = Version(version.solution, number, path, _record(path))
            if other.status != ACTIVE or _age_of_data(other) < _age_of_data(version):
                yield number


def newest_parent(layout: Layout, solution: str) -> Version | None:
    """Find the newest version that descends from the newest ACTIVE FULL: the parent of the next UPDATE."""
    active = [version for version in list_versions(layout, solution) if version.status == ACTIVE]
    full = max((v for v in active if v.record["trainingMode"] == FULL), key=_age_of_data, default=None)
    family = [v for v in active if full is not None and v.record["full"] == full.name]
    return max(family, key=_age_of_data, default=None)


def _age_of_data(version: Version) -> tuple[int, int, int]:
    return version.record["fullEventOffset"], version.record["eventOffset"], version.number


def start_version(layout: Layout, solution: str, record: dict[str, Any]) -> Version:
    """Name the next version and show it as CREATE IN_PROGRESS; the solution's lock must be held."""
    folder = layout.solution(solution) / "versions"
    make_directory(folder)
    numbers = [
        int(m[1])
        for p in folder.iterdir()
        if (m := _PUBLISHED.fullmatch(p.name) or _BUILDING.fullmatch(p.name))
    ]
    counter = layout.solution(solution) / "last-version.json"
    last = read_json(counter)["number"] if counter.exists() else 0
    number = max([last, *numbers]) + 1
    write_json(counter, {"number": number})
    building = folder / f".v{number}.building"
    make_directory(building)
    version = Version(
        solution, number, building, record | {"status": IN_PROGRESS, "creationDateTime": time.time()}
    )
    write_json(building / DOCUMENT, version.record)
    return version


def resumable_version(layout: Layout, solution: str) -> Version | None:
    """Find the newest FULL training that was killed; the solution's lock must be held."""
    killed = [v for v in _killed(layout, solution) if v.record["trainingMode"] == FULL and v.status != FAILED]
    return max(killed, key=lambda version: version.number, default=None)


def interrupted_full(layout: Layout, solution: str) -> Version | None:
    """Find what `--resume` would go on with, without the lock: nothing while a training holds it."""
    how = _how_to_resume(solution)
    killed = [v for v in list_versions(layout, solution) if how in v.record.get("failureReason", "")]
    return max(killed, key=lambda version: version.number, default=None)


def close_interrupted(layout: Layout, solution: str, *, resumable: bool) -> None:
    """Turn killed trainings into CREATE FAILED versions, those that `--resume` could finish only if `resumable`.

    The solution's lock must be held.
    """
    for version in _killed(layout, solution):
        if resumable or version.record["trainingMode"] != FULL:
            fail_version(layout, version, version.record.get("failureReason", INTERRUPTED_FOR_GOOD))


def _killed(layout: Layout, solution: str) -> list[Version]:
    """List the trainings that were killed, and sweep what has no document (any more)."""
    folder = layout.solution(solution) / "versions"
    found = []
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        match = _BUILDING.fullmatch(path.name)
        if match and (path / DOCUMENT).exists():
            found.append(Version(solution, int(match[1]), path, read_json(path / DOCUMENT)))
        elif match or _DELETED.fullmatch(path.name):
            shutil.rmtree(path)
    return found


def publish_version(
    layout: Layout, version: Version, record: dict[str, Any], shared_with: Version | None = None
) -> Version:
    """Hash every file of the finished folder and make it visible as ACTIVE.

    A file that is one with the same file of `shared_with`, by hard link, has the hash that is recorded there.
    """
    known = shared_with.record["files"] if shared_with else {}
    sums = {}
    for path in sorted(version.folder.rglob("*")):
        name = str(path.relative_to(version.folder))
        if path.is_file() and name != DOCUMENT:
            linked = shared_with and name in known and path.samefile(shared_with.folder / name)
            sums[name] = known[name] if linked else sha256_file(path)
    finished = replace(version, record=version.record | record | {"status": ACTIVE, "files": sums})
    return _finish(layout, version, finished.record | {"outdated": list(_outdated(layout, finished))})


def fail_version(layout: Layout, version: Version, reason: str) -> Version:
    """Keep a failed version visible as CREATE FAILED, with its reason and nothing else."""
    for path in version.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    return _finish(layout, version, {"status": FAILED, "failureReason": reason, "files": {}})


@contextmanager
def failing_visibly(layout: Layout, version: Version) -> Iterator[None]:
    """Show an error of the body as CREATE FAILED; an interruption keeps the checkpoint of a FULL, and says so."""
    try:
        yield
    except NewfoundError as error:
        fail_version(layout, version, error.message)
        raise
    except Exception as error:
        fail_version(layout, version, f"internal error: {type(error).__name__}: {error}")
        raise
    except BaseException as interruption:
        if version.record["trainingMode"] == FULL:
            interruption.add_note(_how_to_resume(version.solution))
        raise


def _finish(layout: Layout, version: Version, record: dict[str, Any]) -> Version:
    complete = version.record | record | {"lastUpdatedDateTime": time.time()}
    write_json(version.folder / DOCUMENT, complete)
    final = layout.version(version.solution, version.number)
    publish_directory(version.folder, final)
    return Version(version.solution, version.number, final, complete)


def delete_version(version: Version) -> None:
    """Remove a version at once: it is out of sight before its first file goes, so no half is taken for whole."""
    _delete(version.folder, version.number)


def delete_all_versions(layout: Layout, solution: str) -> None:
    """Remove every published version of a solution, each at once and damaged ones too."""
    for path in list((layout.solution(solution) / "versions").glob("v*")):
        if match := _PUBLISHED.fullmatch(path.name):
            _delete(path, int(match[1]))


def _delete(folder: Path, number: int) -> None:
    hidden = folder.with_name(f".v{number}.deleted")
    publish(folder, hidden)
    shutil.rmtree(hidden)
