"""`newfound verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from newfound_cli import context, render
from newfound_cli.groups import example, make_app

app = make_app()


@app.command(epilog=example("newfound verify --deep"))
def verify(
    ctx: typer.Context,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read and hash every byte, not only sizes and logs.")
    ] = False,
) -> None:
    """Check that every file of the project is what was written.

    A damaged file is named and the exit code is 6. Files that no commit names are debris: counted, harmless.
    """
    render.record(ctx, context.open_project(ctx).verify(deep=deep))
