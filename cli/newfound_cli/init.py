"""`newfound init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newfound_cli import context, render
from newfound_cli.groups import example, make_app

app = make_app()


@app.command(epilog=example("newfound init shop"))
def init(
    ctx: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Where [default: -C, else here].", show_default=False),
    ] = None,
) -> None:
    """Make an empty project.

    Nothing changes if the directory is a project already.
    """
    settings = context.settings(ctx)
    made = context.facade().Project.init(directory or settings.project or Path())
    words = "made project" if made["created"] else "already a project:"
    render.result(
        ctx,
        made,
        lambda: [f"{words} {made['project']}"],
        then="newfound dataset import interactions FILE",
    )
