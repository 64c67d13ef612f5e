"""Conversion of typed text, without pydantic.

typer converts through pydantic, whose import and validators would take half the time of a short command. The types
that the commands use need none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any, get_args, get_origin

import typer
from typer.core import TyperArgument, TyperOption


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
            if isinstance(value, float) and not isfinite(value):
                raise ValueError
        except ValueError:
            members = ", ".join(self.kind) if issubclass(self.kind, StrEnum) else ""
            what = f"one of {members}" if members else f"a valid {self.kind.__name__}"
            raise ValueError(f"{text!r} is not {what}") from None
        if self.least is not None and value < self.least:
            raise ValueError(f"{text} is less than {self.least}")
        if self.most is not None and value > self.most:
            raise ValueError(f"{text} is more than {self.most}")
        return value


def install() -> None:
    """Make typer's options and arguments convert with our converter."""
    for kind in (TyperOption, TyperArgument):
        kind.get_runtime_param = _converter  # type: ignore[method-assign,assignment]  # replaced on purpose


def _converter(param: TyperOption | TyperArgument) -> Converter:
    kind: Any = param.type_descriptor.annotation
    limits = param.type_descriptor.parameter_info
    return Converter(get_args(kind)[0] if get_origin(kind) is list else kind, limits.min, limits.max)
