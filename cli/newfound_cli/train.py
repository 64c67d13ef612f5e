"""`newfound solution train`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from newfound_cli import context, progress, render, tables
from newfound_cli.options import SolutionName


class Mode(StrEnum):
    """How to train."""

    FULL = "full"
    UPDATE = "update"


def train(
    ctx: typer.Context,
    name: SolutionName = "default",
    mode: Annotated[
        Mode, typer.Option(help="full trains anew; update learns from what is new, in seconds.")
    ] = Mode.FULL,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Same data, seed and machine: same bytes.")
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    max_minutes: Annotated[float | None, typer.Option(metavar="M", help="Bound a FULL training.")] = None,
    tune: Annotated[
        int,
        typer.Option(
            min=0,
            max=40,
            metavar="N",
            help="Try N settings on a split in time first, and train with the best.",
        ),
    ] = 0,
    in_time: Annotated[
        bool, typer.Option("--in-time", help="Judge a second model, of the past alone, on what came after.")
    ] = False,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Do not begin from the last FULL's weights.")
    ] = False,
    parent: Annotated[
        str | None,
        typer.Option(metavar="NAME@vN", help="What to update [default: the newest of the newest FULL]."),
    ] = None,
) -> None:
    """Train and publish a new immutable version."""
    if mode is Mode.UPDATE:
        context.use_one_thread()
    project = context.open_project(ctx)
    with progress.shown(ctx) as report:
        done = project.train(
            name,
            mode=mode.value,
            seed=seed,
            resume=resume,
            max_minutes=max_minutes,
            tune=tune,
            in_time=in_time,
            from_scratch=from_scratch,
            parent=parent,
            progress=report,
        )
    verb = "create" if done["solutionVersion"].endswith("@v1") else "update"
    # Not the version itself: that would end --follow-latest.
    then = f"newfound campaign {verb} --solution {done['solutionVersion'].partition('@')[0]}"
    render.result(ctx, done, lambda: _blocks(done), then)


def _blocks(done: tables.Record) -> Iterator[render.Block]:
    if done.get("trials"):
        rows = [{**trial, **trial["hyperparameters"]} for trial in done["trials"]]
        searched = done["trials"][0]["hyperparameters"]
        yield tables.listing(rows, "trial", *searched, "ndcg", "interval", "seconds", "best")
    yield tables.details({key: value for key, value in done.items() if key != "trials"})
