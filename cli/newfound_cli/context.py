"""What commands share: the global options, the project, parsing of pairs and lines, completion of names."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

import typer

from newfound.errors import InputRefusedError, NewfoundError, NotFoundError, UsageError
from newfound_cli.text import clean

if TYPE_CHECKING:
    from newfound.project import Project


@dataclass(frozen=True, slots=True)
class Settings:
    """The global options of one run; `lock_timeout` in seconds."""

    project: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    lock_timeout: float = 60.0


def settings(ctx: typer.Context) -> Settings:
    """Return the global options of this run."""
    found: Settings = ctx.find_root().obj
    return found


def facade() -> ModuleType:
    """Import `newfound.project` at the moment of need."""
    from newfound import project

    return project


def open_project(ctx: typer.Context) -> Project:
    """Open the project of `-C`, of NEWFOUND_PROJECT, or of the nearest parent directory.

    Raises:
        NotFoundError: There is none.
    """
    wanted = settings(ctx)
    project: Project = facade().Project.open(wanted.project)
    project.lock_timeout = wanted.lock_timeout
    return project


def use_one_thread() -> None:
    """Keep numpy from starting threads, which a command that asks for little only waits for; call it first."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pairs(values: list[str] | None, option: str) -> dict[str, str]:
    """Parse repeated `KEY=VALUE` options.

    Raises:
        UsageError: One has no `=` or no key, or a key comes twice.
    """
    result: dict[str, str] = {}
    for text in values or []:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"{option} {text}: not KEY=VALUE", f"write {option} KEY=VALUE")
        if key in result:
            raise UsageError(f"{option} {key}: given twice", "give each key once")
        result[key] = value
    return result


def id_list(text: str | None) -> list[str] | None:
    """Split `a,b,c`; None stays None."""
    return None if text is None else text.split(",")


@contextmanager
def open_lines(source: str) -> Iterator[BinaryIO]:
    """Open a file of JSON Lines, or standard input for `-`.

    Raises:
        NotFoundError: There is no such file.
        InputRefusedError: It is a directory.
    """
    if source == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(source).open("rb")  # noqa: SIM115 - closed below; only opening may raise these errors
    except FileNotFoundError:
        raise NotFoundError(
            "no such file", "give a JSON Lines file, or - for standard input", source
        ) from None
    except IsADirectoryError:
        raise InputRefusedError("a directory, not a file", "give a JSON Lines file", source) from None
    with stream:
        yield stream


Complete = Callable[[typer.Context, str], list[str]]


def names(method: str) -> Complete:
    """Complete the names that a list method of the project returns."""
    return _completing(lambda project: [row["name"] for row in getattr(project, method)()])


def references() -> Complete:
    """Complete the names of solutions and of their ACTIVE versions."""

    def listed(project: Project) -> Iterator[str]:
        for solution in project.solutions():
            yield solution["name"]
            for version in project.versions(solution["name"]):
                if version["status"] == "ACTIVE":
                    yield version["solutionVersion"]

    return _completing(listed)


def _completing(listed: Callable[[Project], Iterable[str]]) -> Complete:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            found = list(listed(facade().Project.open(ctx.find_root().params.get("project"))))
        except NewfoundError:
            return []
        return [name for name in found if name.startswith(incomplete) and clean(name) == name]

    return complete
