"""`newfound schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newfound_cli import context, render
from newfound_cli.groups import example, make_app
from newfound_cli.options import DatasetType

app = make_app(help="List, show, check and infer schema documents.")


@app.command("list", epilog=example("newfound schema list"))
def list_(ctx: typer.Context) -> None:
    """List the schema document of each dataset."""
    found = context.open_project(ctx).schemas()
    render.records(ctx, "schemas", found, "dataset", "source", "fields")


@app.command(epilog=example("newfound schema show items"))
def show(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="interactions, items or users.")]
) -> None:
    """Print the schema document of a dataset."""
    render.document(ctx, context.open_project(ctx).schema(name))


@app.command(epilog=example("newfound schema check items.json"))
def check(ctx: typer.Context, file: Annotated[Path, typer.Argument(help="A schema document.")]) -> None:
    """Check a schema document."""
    render.record(ctx, context.facade().check_schema(file))


@app.command(epilog=example("newfound schema infer items.csv --type items > items.json"))
def infer(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or JSON Lines.")],
    dataset: Annotated[DatasetType, typer.Option("--type", help="What the file holds.")],
) -> None:
    """Print the schema document that fits a file."""
    found = context.facade().infer_schema(file, dataset.value)
    render.document(ctx, found["document"], found["notes"])
