"""`newfound compact`."""

from __future__ import annotations

import typer

from newfound_cli import context, render
from newfound_cli.groups import example, make_app

app = make_app()


@app.command(epilog=example("newfound compact"))
def compact(ctx: typer.Context) -> None:
    """Merge small files and remove what nothing refers to."""
    render.record(ctx, context.open_project(ctx).compact())
