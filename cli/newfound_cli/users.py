"""`newfound users`."""

from __future__ import annotations

import typer

from newfound_cli import context, lines
from newfound_cli.groups import example, make_app
from newfound_cli.options import Lines, OnError, Refusal

app = make_app(help="Add or replace single users.")


@app.callback()
def _group() -> None:
    """Add or replace single users."""


@app.command(epilog=example("""echo '{"userId": "u1", "properties": {"age": 41}}' | newfound users put -"""))
def put(ctx: typer.Context, source: Lines = "-", on_error: Refusal = OnError.FAIL) -> None:
    """Add users, or replace the whole record of the same id."""
    project = context.open_project(ctx)
    with context.open_lines(source) as stream:
        done = project.put_users(stream, on_error=on_error.value)
    lines.report(ctx, done, source, "newfound solution train --mode full", on_error)
