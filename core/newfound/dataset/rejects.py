"""The report about refused rows: the first of them, counts per reason, and all of them in a file if asked for."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from newfound.dataset.batch import RefusedCell
from newfound.errors import RowError

MAX_SHOWN_ROWS = 20
_COLUMNS = ("file", "row", "column", "value", "reason")


@dataclass(slots=True)
class Rejects:
    """Collects refused cells; `output` receives all of them as CSV."""

    output: BinaryIO | None = None
    n_rows: int = 0
    first: list[dict[str, object]] = field(default_factory=list)
    _reasons: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._write([_COLUMNS])

    def add(self, path: str, cells: list[RefusedCell], n_rows: int) -> None:
        """Take in the refused cells of `n_rows` rows."""
        rows = [(path, cell.row, cell.column, cell.value, cell.reason) for cell in cells]
        self.n_rows += n_rows
        self._reasons.update(cell.reason for cell in cells)
        self.first += [
            dict(zip(_COLUMNS, row, strict=True)) for row in rows[: MAX_SHOWN_ROWS - len(self.first)]
        ]
        self._write(rows)

    def _write(self, rows: Iterable[Iterable[object]]) -> None:
        if self.output:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows)
            self.output.write(text.getvalue().encode())

    def summary(self) -> str:
        """Count the refused rows and say why, the most frequent reason first."""
        reasons = ", ".join(f"{count:,} x {reason}" for reason, count in self._reasons.most_common())
        return f"{self.n_rows:,} bad {'row' if self.n_rows == 1 else 'rows'}: {reasons}"

    def error(self) -> RowError:
        """Return the error that refuses the whole import."""
        first = self.first[0]
        where = f"{first['file']}:{first['row']}" + (f":{first['column']}" if first["column"] else "")
        return RowError(
            f"{self.summary()}; the first is {where}: {first['value']!r}",
            "correct the rows, or skip them with --on-error skip; --rejects FILE lists them all",
            str(first["file"]),
            self.first,
        )
