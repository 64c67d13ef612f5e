"""Errors as a person and a script see them: one line, a JSON object, an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterable, Mapping

import typer

from newfound.errors import NewfoundError, ResourceError, RowError, UsageError
from newfound_cli.render import say, write
from newfound_cli.signals import Terminated
from newfound_cli.text import dump_json

ROWS_SHOWN = 20


class SigintError(NewfoundError):
    """SIGINT ended the command."""

    code = "interrupted"
    exit_code = 130


class SigtermError(SigintError):
    """SIGTERM ended the command."""

    exit_code = 143


def report(error: BaseException, *, json: bool, verbose: bool) -> int:
    """Print an error and return the exit code of the command."""
    if isinstance(error, BrokenPipeError):
        discard_output()  # `| head -1` has what it wanted
        return 0
    known = _as_newfound(error)
    say(_line(known))
    rows = known.rows[:ROWS_SHOWN] if isinstance(known, RowError) else []
    say_rows(rows)
    if known.exit_code == 1 and (verbose or os.environ.get("NEWFOUND_DEBUG")):
        for line in "".join(traceback.format_exception(error)).splitlines():
            say(line)
    if json:
        document = {"code": known.code, "message": known.message, "hint": known.hint, "path": known.path}
        with contextlib.suppress(OSError):
            write(dump_json({"error": document | ({"rows": rows} if rows else {})}) + "\n")
    return known.exit_code


def say_rows(rows: Iterable[Mapping[str, object]]) -> None:
    """Print refused cells, or whole rows, with their places, one a line."""
    for row in rows:
        column = f":{row['column']}" if row["column"] else ""
        say(f"  {row['file']}:{row['row']}{column}: {row['reason']}: {row['value']!r}")


def discard_output() -> None:
    """Send what is still in the buffer of standard output nowhere, so that leaving does not fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _line(error: NewfoundError) -> str:
    where = f" ({error.path})" if error.path and error.path not in error.message else ""
    return f"error: {error.message}{where}" + (f"; {error.hint}" if error.hint else "")


def _as_newfound(error: BaseException) -> NewfoundError:
    match error:
        case NewfoundError():
            return error
        case typer.TyperException():
            return UsageError(error.format_message().rstrip("."), "see the command with --help")
        case KeyboardInterrupt() | Terminated():
            kind = SigtermError if isinstance(error, Terminated) else SigintError
            then = "; ".join(getattr(error, "__notes__", ())) or "run the command again"
            return kind("interrupted", f"nothing is half done; {then}")
        case MemoryError():
            return ResourceError("out of memory", "close other programs or use a machine with more memory")
        case OSError():
            name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
            return ResourceError(
                (error.strerror or str(error)).lower(), "check the disk and permissions", name
            )
        case _:
            return NewfoundError(
                f"internal error, a bug in newfound: {type(error).__name__}: {error}",
                "run again with -v or NEWFOUND_DEBUG=1 for the traceback",
            )
