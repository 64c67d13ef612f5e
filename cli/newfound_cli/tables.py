"""Tables for a person."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    terminal = sys.stdout.isatty()
    plain = not terminal or no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    # Not a terminal: never cut or wrap, a script or a file reads this.
    width = shutil.get_terminal_size().columns if terminal else 1_000_000
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
    Console(file=out, width=width, force_terminal=not plain, color_system=system, highlight=False).print(grid)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())
