"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from newfound_cli import context


class DatasetType(StrEnum):
    """The datasets of a project."""

    INTERACTIONS = "interactions"
    ITEMS = "items"
    USERS = "users"


class OnError(StrEnum):
    """What one bad row or line does to the others."""

    FAIL = "fail"
    SKIP = "skip"


NewName = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, - and _; at most 63.")]
Type = Annotated[DatasetType, typer.Argument(metavar="TYPE", help="interactions, items or users.")]
Refusal = Annotated[OnError, typer.Option(help="fail: one bad row refuses all; skip: leave bad rows out.")]
Lines = Annotated[str, typer.Argument(metavar="FILE|-", help="JSON Lines; - is standard input.")]
SolutionName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name of the solution.", autocompletion=context.names("solutions")),
]
Version = Annotated[
    str,
    typer.Argument(
        metavar="NAME[@vN]",
        help="A solution, or one of its versions.",
        autocompletion=context.references(),
    ),
]
CampaignName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name of the campaign.", autocompletion=context.names("campaigns")),
]
FilterName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the filter.", autocompletion=context.names("filters"))
]
