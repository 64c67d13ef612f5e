"""JSON Lines on the way in, and what became of them."""

from __future__ import annotations

import typer

from newfound_cli import render, tables
from newfound_cli.failures import ROWS_SHOWN


def report(ctx: typer.Context, done: tables.Record, then: str) -> None:
    """Print how many lines were accepted, and leave with 3 if any was rejected.

    Raises:
        typer.Exit: Some lines were rejected.
    """
    rejected = done["rejected"]
    counts = {key: len(value) if key == "rejected" else value for key, value in done.items()}
    if not rejected:
        render.result(ctx, done, lambda: [tables.details(counts)], then=then)
        return
    message = f"{len(rejected)} of the lines rejected, {done['accepted']} accepted"
    hint = "put them again once corrected; --on-error skip stores the good ones"
    render.say(f"error: {message}; {hint}")
    for row in rejected[:ROWS_SHOWN]:
        render.say(f"  line {row['line']}: {row['reason']}")
    error = {"code": "bad-rows", "message": message, "hint": hint, "path": ""}
    render.result(ctx, {**done, "error": error}, lambda: [tables.details(counts)])
    raise typer.Exit(3)
