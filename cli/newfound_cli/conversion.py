"""Conversion of typed text, without pydantic.

typer converts through pydantic, whose import and validators would take half the time of a short command. The types
that the commands use need none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, get_args, get_origin

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click.core import Command


@dataclass(frozen=True, slots=True)
class Converter:
    """Turns text into `kind`: str, int, float, bool, Path or an enumeration; numbers within bounds."""

    kind: type[Any]
    least: float | None
    most: float | None

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - what typer gives and takes
        """Convert the text, or each of the texts, of a parameter; None and defaults stay.

        Raises:
            typer.BadParameter: A text does not stand for a value.
        """
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        try:
            return [self._one(text) for text in value] if many else self._one(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from None

    def _one(self, text: Any) -> Any:  # noqa: ANN401 - text, or a default
        if isinstance(text, self.kind):
            return text
        try:
            value = self.kind(text)
        except ValueError:
            members = ", ".join(self.kind) if issubclass(self.kind, StrEnum) else ""
            what = f"one of {members}" if members else f"a valid {self.kind.__name__}"
            raise ValueError(f"{text!r} is not {what}") from None
        if self.least is not None and not value >= self.least:
            raise ValueError(f"{text} is less than {self.least}")
        if self.most is not None and not value <= self.most:
            raise ValueError(f"{text} is more than {self.most}")
        return value


def use_plain_conversion(command: Command) -> Command:
    """Give every parameter of a command, and of the commands below it, a converter of ours."""
    for param in command.params:
        described = getattr(param, "type_descriptor", None)
        if described is not None:
            kind = described.annotation
            kind = get_args(kind)[0] if get_origin(kind) is list else kind
            limits = described.parameter_info
            param._runtime_param = Converter(kind, limits.min, limits.max)
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            use_plain_conversion(below)
    return command
