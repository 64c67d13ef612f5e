"""`newfound solution train`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from newfound_cli import context, progress, render
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
            parent=parent,
            progress=report,
        )
    verb = "create" if done["solutionVersion"].endswith("@v1") else "update"
    render.record(ctx, done, then=f"newfound campaign {verb} --solution {done['solutionVersion']}")
