"""`newfound status`."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from newfound_cli import context, render, tables
from newfound_cli.groups import example, make_app

app = make_app()

_DATASET = ("dataset", "rows", "users", "items", "firstTimestamp", "lastTimestamp")
_SOLUTION = ("name", "recipe", "solutionVersion", "trainingMode", "newEvents", "creationDateTime")
_CAMPAIGN = ("name", "servingVersion", "explorationWeight", "explorationItemAgeCutoff", "followLatest")


@app.command(epilog=example("newfound -C shop status"))
def status(ctx: typer.Context) -> None:
    """Show what the project holds, what is stale, and the next command to run."""
    found = context.open_project(ctx).status()
    render.result(ctx, found, lambda: _blocks(found))


def _blocks(found: tables.Record) -> Iterator[render.Block]:
    yield f"project {found['project']}"
    for key, columns in (("datasets", _DATASET), ("solutions", _SOLUTION), ("campaigns", _CAMPAIGN)):
        yield ""
        yield tables.listing(found[key], *columns) if found[key] else f"no {key} yet"
    yield ""
    yield from found["stale"]
    if found["next"]:
        yield f"next: {found['next']}"
