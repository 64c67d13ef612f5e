"""JSON Lines on the way in, and what became of them."""

from __future__ import annotations

import typer

from newfound_cli import render, tables
from newfound_cli.failures import ROWS_SHOWN
from newfound_cli.options import OnError


def report(
    ctx: typer.Context,
    done: tables.Record,
    source: str | None,
    then: str,
    on_error: OnError = OnError.FAIL,
) -> None:
    """Print how many lines were accepted, and leave with 3 if any was rejected.

    source: the file, `-` for standard input, None for a single event made from options.

    Raises:
        typer.Exit: Some lines were rejected.
    """
    rejected = done["rejected"]
    counts = {key: len(value) if key == "rejected" else value for key, value in done.items()}
    if not rejected:
        render.result(ctx, done, lambda: [tables.details(counts)], then=then)
        return
    path = source if source and source != "-" else ""
    place = f"{path}:" if path else "line "
    if source is None:
        message, hint = f"the event is refused: {rejected[0]['reason']}", "give it with other options"
    else:
        first = f"the first is {place}{rejected[0]['line']}"
        message = f"{len(rejected)} of the lines rejected, {done['accepted']} accepted; {first}"
        hint = "put them again once corrected"
        hint += "; --on-error skip stores the good ones" if on_error is OnError.FAIL else ""
    render.say(f"error: {message}; {hint}")
    for row in rejected[:ROWS_SHOWN] if source else ():
        render.say(f"  {place}{row['line']}: {row['reason']}")
    error = {"code": "bad-rows", "message": message, "hint": hint, "path": path}
    render.result(ctx, {**done, "error": error}, lambda: [tables.details(counts)])
    raise typer.Exit(3)
