"""Progress of long work, as plain data: the command line draws it, notebooks may ignore it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One report: `done` of `total` units of a `stage` (total None: unknown), with a short `note`."""

    stage: str
    done: int = 0
    total: int | None = None
    note: str = ""


ProgressCallback = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Ignore a report: the default callback."""
