"""Progress of long work: a bar on a terminal, otherwise at most one line per stage or epoch."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from newfound.progress import Progress, ProgressCallback, silent
from newfound_cli.context import Settings, settings
from newfound_cli.render import say
from newfound_cli.text import clean


@contextmanager
def shown(ctx: typer.Context) -> Iterator[ProgressCallback]:
    """Give a callback that shows the reports it gets on standard error."""
    wanted = settings(ctx)
    if wanted.quiet:
        yield silent
    elif sys.stderr.isatty():
        with _bar(wanted) as draw:
            yield draw
    else:
        yield _Lines()


class _Lines:
    """Print the first report of each stage, and of each epoch that its note names."""

    def __init__(self) -> None:
        self._last = ("", "")

    def __call__(self, report: Progress) -> None:
        epoch = re.search(r"epoch \d+", report.note)
        current = (report.stage, epoch[0] if epoch else "")
        if current != self._last:
            self._last = current
            say(": ".join(part for part in (report.stage, report.note) if part))


@contextmanager
def _bar(wanted: Settings) -> Iterator[ProgressCallback]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True, no_color=wanted.no_color or None, markup=False, highlight=False)
    stage = TextColumn("{task.description}", markup=False)
    note = TextColumn("{task.fields[note]}", markup=False)
    with Bar(stage, BarColumn(), TimeElapsedColumn(), note, console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def draw(report: Progress) -> None:
            name = clean(report.stage)
            if name not in tasks:
                for finished in tasks.values():
                    bar.stop_task(finished)
                tasks[name] = bar.add_task(name, note="")
            bar.update(tasks[name], completed=report.done, total=report.total, note=clean(report.note))

        yield draw
