"""Write docs/cli.md, the reference of all commands, from their own help: `python docs/make_cli.py > docs/cli.md`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from typer.core import TyperGroup
from typer.main import get_command

from newfound_cli.app import root

if TYPE_CHECKING:
    from typer._click.core import Command, Context

WIDTH = 100
HEAD = """\
# Command reference

Made from the commands' own help by `python docs/make_cli.py > docs/cli.md`; a test keeps it current.
Exit codes and what a scheduled job should do about them are in [cron.md](cron.md).
"""


def contexts(command: Command, name: str, parent: Context | None = None) -> Iterator[Context]:
    """Yield a context for a command and for each command below it, depth first, nothing parsed."""
    context = command.make_context(name, [], parent=parent, resilient_parsing=True, terminal_width=WIDTH)
    yield context
    if isinstance(command, TyperGroup):
        for below in command.list_commands(context):
            child = command.get_command(context, below)
            assert child is not None, below
            yield from contexts(child, below, context)


def everything() -> list[Context]:
    """Return the contexts of `newfound` and of all its commands."""
    return list(contexts(get_command(root), "newfound"))


def page() -> str:
    """Return the whole of docs/cli.md."""
    index, sections = [], []
    for context in everything():
        path = context.command_path
        anchor = re.sub(r"[^a-z -]", "", path).replace(" ", "-")
        if not isinstance(context.command, TyperGroup):
            index.append(f"- [`{path}`](#{anchor}): {(context.command.help or '').splitlines()[0]}")
        help_text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
        sections.append(f"## {path}\n\n```text\n{help_text}\n```\n")
    return "\n".join([HEAD, *index, "", *sections])


if __name__ == "__main__":
    sys.stdout.write(page())
