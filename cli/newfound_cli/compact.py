"""`newfound compact`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from newfound_cli import context, render
from newfound_cli.groups import example, make_app

app = make_app()

SECONDS_PER_DAY = 86_400


@app.command(epilog=example("newfound compact", "newfound compact --older-than 90"))
def compact(
    ctx: typer.Context,
    older_than: Annotated[
        float | None, typer.Option(min=0, metavar="DAYS", help="Also forget responses logged before that.")
    ] = None,
) -> None:
    """Merge small files and remove what nothing refers to."""
    before = None if older_than is None else int(time.time() - older_than * SECONDS_PER_DAY)
    render.record(ctx, context.open_project(ctx).compact(before))
