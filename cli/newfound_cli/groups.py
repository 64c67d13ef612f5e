"""Groups of commands: lazily imported, with mistakes that name the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command

from newfound.errors import UsageError
from newfound_cli.aws_names import NATIVE

if TYPE_CHECKING:
    from typer._click.core import Command, Context
    from typer._click.formatting import HelpFormatter


class Group(TyperGroup):
    """A group of commands."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Part the options from the command.

        Raises:
            UsageError: There is no command.
        """
        rest = super().parse_args(ctx, args)
        if not args and not ctx.resilient_parsing:
            raise UsageError("missing command", f"choose one of {', '.join(self.list_commands(ctx))}")
        return rest

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Find the command.

        Raises:
            UsageError: There is none of that name; the hint says what was probably meant.
        """
        name, names = args[0], self.list_commands(ctx)
        if name in names or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        if name in NATIVE:
            raise UsageError(f"`{name}` is an operation of Amazon Personalize", f"here: {NATIVE[name]}")
        close = self._homes(ctx, name) or get_close_matches(name, names)
        hint = f"did you mean {' or '.join(close)}?" if close else f"choose one of {', '.join(names)}"
        raise UsageError(f"no such command: {ctx.command_path} {name}", hint)

    def _homes(self, ctx: Context, name: str) -> list[str]:
        """Spell out the commands of that name in the groups below: `campaign report` for `report`."""
        groups = {word: self.get_command(ctx, word) for word in self.list_commands(ctx)}
        return [
            f"{word} {name}"
            for word, group in groups.items()
            if isinstance(group, Group) and name in group.list_commands(ctx)
        ]


class LazyGroup(Group):
    """The root group, which imports the module of a command only when the command is named."""

    modules: ClassVar[Mapping[str, str]] = {}

    def list_commands(self, ctx: Context) -> list[str]:
        """Name every command."""
        return list(self.modules)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """Import one command."""
        if cmd_name not in self.modules:
            return None
        return get_command(import_module(f"newfound_cli.{cmd_name}").app)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.modules.items()))


def make_app(**options: Any) -> typer.Typer:  # noqa: ANN401 - what typer.Typer takes
    """Make a command or group with plain help: importing rich would double the time of `--help`."""
    defaults = {
        "cls": Group,
        "rich_markup_mode": None,
        "add_completion": False,
        "pretty_exceptions_enable": False,
    }
    return typer.Typer(**(defaults | options))


def example(*lines: str) -> str:
    """Write the end of a command's help: commands to copy."""
    copied = "\n".join(f"  {line}" for line in lines)
    shared = "Also accepted here: -C, --json, -q, -v, --no-color, --lock-timeout."
    return f"\b\nExample:\n{copied}\n\n{shared}"
