"""The one way to standard output, and notes on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

import typer

from newfound_cli.context import settings
from newfound_cli.tables import Record, Table, details, draw, listing
from newfound_cli.text import clean, dump_json, heading

Block = str | Table


def result(ctx: typer.Context, value: Record, human: Callable[[], Iterable[Block]], then: str = "") -> None:
    """Print what a command found: one JSON document, or blocks for a person and a hint what to run `then`."""
    wanted = settings(ctx)
    _say_all("warning", value.get("warnings", ()))
    _say_all("note", () if wanted.quiet else value.get("notes", ()))
    if wanted.json:
        write(dump_json(value, indent=sys.stdout.isatty()) + "\n")
        return
    for block in human():
        write(draw(block, no_color=wanted.no_color) if isinstance(block, Table) else clean(block) + "\n")
    if then and not wanted.quiet:
        say(f"next: {then}")


def record(ctx: typer.Context, value: Record, then: str = "") -> None:
    """Print one record."""
    result(ctx, value, lambda: [details(value)], then)


def records(ctx: typer.Context, name: str, values: Sequence[Record], *keys: str) -> None:
    """Print a list of records; the JSON document is an object with the list under `name`."""
    result(ctx, {name: values}, lambda: [listing(values, *keys) if values else f"no {heading(name)} yet"])


def deleted(ctx: typer.Context, name: str, value: Record) -> None:
    """Print that `name` is gone."""
    result(ctx, value, lambda: [f"deleted {name}"])


def document(ctx: typer.Context, value: Record, notes: Iterable[str] = ()) -> None:
    """Print what is a JSON document also for a person, so that it can be redirected to a file."""
    _say_all("note", () if settings(ctx).quiet else notes)
    write(dump_json(value, indent=not settings(ctx).json) + "\n")


def say(line: str) -> None:
    """Print one clean line on standard error; a closed standard error is no reason to fail."""
    try:
        sys.stderr.write(clean(line) + "\n")
        sys.stderr.flush()
    except OSError:
        return


def _say_all(kind: str, lines: Iterable[str]) -> None:
    for line in lines:
        say(f"{kind}: {line}")


def write(text: str) -> None:
    """Send clean text to standard output at once, so that a closed pipe or a full disk shows here."""
    sys.stdout.write(text)
    sys.stdout.flush()
