"""What the demo does on stage: type a command, show the words around it."""

from __future__ import annotations

import io
import shlex
import textwrap
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import typer

from newfound_cli import render, tables
from newfound_cli.context import settings
from newfound_cli.text import clean


@dataclass(frozen=True, slots=True)
class Stage:
    """The terminal of the demo; with `--json` it is silent until the end."""

    ctx: typer.Context
    directory: Path
    typed: list[str] = field(default_factory=list)

    def say(self, *lines: str | tables.Table) -> None:
        """Print words and tables for a person."""
        wanted = settings(self.ctx)
        for line in () if wanted.json else lines:
            if isinstance(line, tables.Table):
                render.write(tables.draw(line, no_color=wanted.no_color))
            else:
                render.write(clean(line) + "\n")

    def type(self, *words: str | Path) -> dict[str, Any]:
        """Run one command in this process, as typed, and return its JSON.

        Raises:
            typer.Exit: The command failed, and has said why.
        """
        from newfound_cli.dispatch import run

        line = [str(word) for word in words]
        if line[0] != "init":
            line = ["-C", str(self.directory), *line]
        self.typed.append(shlex.join(["newfound", *line]))
        wrapped = textwrap.wrap(f"$ {self.typed[-1]}", 98, break_long_words=False, break_on_hyphens=False)
        self.say("", *(f"{part} \\" for part in wrapped[:-1]), wrapped[-1])
        wanted = settings(self.ctx)
        passed_on = ["-q"] * wanted.quiet + ["-v"] * wanted.verbose + ["--no-color"] * wanted.no_color
        with redirect_stdout(io.StringIO()) as out:
            code = run([*line, "--json", *passed_on])
        if code:
            render.write(out.getvalue() if wanted.json else "")
            raise typer.Exit(code)
        answer: dict[str, Any] = orjson.loads(out.getvalue())
        return answer
