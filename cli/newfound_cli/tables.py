"""Tables for a person."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from unicodedata import category, east_asian_width

from newfound_cli.text import heading, show

Record = Mapping[str, Any]
_SAID = ("warnings", "notes")  # on standard error


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of clean text; columns in `numbers` stand to the right; without a header the first is bold."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()


def listing(records: Iterable[Record], *keys: str) -> Table:
    """Show records as a table of these keys; a key that no record has is left out."""
    records = list(records)
    present = [key for key in keys if any(key in record for record in records)] or list(keys)
    numbers = frozenset(
        index
        for index, key in enumerate(present)
        if all(isinstance(record.get(key), int | float | None) for record in records)
    )
    rows = [[show(key, record.get(key)) for key in present] for record in records]
    return Table([heading(key) for key in present], rows, numbers)


def details(record: Record) -> Table:
    """Show one record as lines of key and value."""
    rows = [[heading(key), show(key, value)] for key, value in record.items() if key not in _SAID]
    return Table((), rows)


def draw(table: Table, *, no_color: bool) -> str:
    """Lay a table out for standard output: coloured and folded to its width only if that is a terminal."""
    return _for_terminal(table, no_color) if sys.stdout.isatty() else _plain(table)


def _plain(table: Table) -> str:
    """Align columns without cutting or wrapping: a script or a file reads this, and rich takes long to import."""
    rows = [row for row in (table.header, *table.rows) if row]
    widths = [max(map(_cells, column)) for column in zip(*rows, strict=True)]
    return "".join("  ".join(_aligned(table, row, widths)).rstrip() + "\n" for row in rows)


def _aligned(table: Table, row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for index, (text, width) in enumerate(zip(row, widths, strict=True)):
        gap = " " * (width - _cells(text))
        yield gap + text if index in table.numbers else text + gap


def _cells(text: str) -> int:
    """Count the columns that text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if category(char) in ("Mn", "Me", "Cf") else 2 if east_asian_width(char) in "WF" else 1
        for char in text
    )


def _for_terminal(table: Table, no_color: bool) -> str:
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    plain = no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    grid = Grid(box=None, pad_edge=False, show_header=bool(table.header), header_style="bold")
    for index, name in enumerate(table.header or ["", ""]):
        grid.add_column(
            Text(name),
            justify="right" if index in table.numbers else "left",
            overflow="fold",
            style="" if table.header or index else "bold",
        )
    for row in table.rows:
        grid.add_row(*map(Text, row))
    out = io.StringIO()
    # rich's own NO_COLOR keeps bold; no colour system means no escape sequence at all.
    system: Literal["standard"] | None = None if plain else "standard"
    width = shutil.get_terminal_size().columns
    Console(file=out, width=width, force_terminal=not plain, color_system=system, highlight=False).print(grid)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())
