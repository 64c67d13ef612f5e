"""`newfound dataset`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from newfound_cli import context, progress, render, tables
from newfound_cli.failures import say_rows
from newfound_cli.groups import example, make_app
from newfound_cli.options import OnError, Refusal, Type

app = make_app(help="Import, inspect and export interactions, items and users.")


class Mode(StrEnum):
    """What an import does to earlier bulk rows."""

    FULL = "full"
    INCREMENTAL = "incremental"


@app.command(
    "import",
    epilog=example(
        "newfound dataset import interactions clicks.csv",
        "newfound dataset import items items.parquet --map MOVIE=ITEM_ID --dry-run",
    ),
)
def import_(
    ctx: typer.Context,
    dataset: Type,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="CSV, Parquet or JSON Lines, or a folder.")
    ],
    schema: Annotated[
        Path | None, typer.Option(help="Schema document [default: registered, built in, inferred].")
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="full replaces earlier bulk rows, incremental adds.")
    ] = Mode.FULL,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="COLUMN=FIELD", help="Rename a column; repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")] = False,
    on_error: Refusal = OnError.FAIL,
    rejects: Annotated[Path | None, typer.Option(help="Write every bad row to this file.")] = None,
) -> None:
    """Import bulk rows.

    One bad row refuses the whole import and nothing changes, unless --on-error skip.
    """
    project = context.open_project(ctx)
    with progress.shown(ctx) as report:
        done = project.import_dataset(
            dataset.value,
            paths,
            schema=schema,
            mode=mode.value,
            mapping=context.pairs(mapping, "--map"),
            dry_run=dry_run,
            on_error=on_error.value,
            rejects=rejects,
            progress=report,
        )
    say_rows(done.get("rejected", []))
    counts = {key: value for key, value in done.items() if key != "rejected"}
    render.result(ctx, done, lambda: [tables.details(counts)], then="" if dry_run else "newfound status")


@app.command("list", epilog=example("newfound dataset list"))
def list_(ctx: typer.Context) -> None:
    """List the datasets with their rows."""
    found = context.open_project(ctx).datasets()
    columns = ("dataset", "rows", "bulkRows", "streamedRows", "firstTimestamp", "lastTimestamp")
    render.records(ctx, "datasets", found, *columns)


@app.command(epilog=example("newfound dataset describe interactions"))
def describe(ctx: typer.Context, dataset: Type) -> None:
    """Show one dataset."""
    found = context.open_project(ctx).describe_dataset(dataset.value)
    counts = {key: value for key, value in found.items() if key != "schema"}
    fields = tables.listing(found["schema"]["fields"], "name", "type", "categorical", "textual")
    render.result(ctx, found, lambda: [tables.details(counts), "", fields])


@app.command(epilog=example("newfound dataset analyze"))
def analyze(ctx: typer.Context) -> None:
    """Report what in the data will harm training, and figures for each column."""
    found = context.open_project(ctx).analyze()
    render.result(
        ctx,
        found,
        lambda: [
            *(f"{insight['level']}: {insight['message']}" for insight in found["insights"]),
            "",
            tables.listing(found["columns"], "dataset", "column", "complete", "distinct", "min", "max"),
        ],
    )


@app.command(epilog=example("newfound dataset export interactions --output all.csv"))
def export(
    ctx: typer.Context,
    dataset: Type,
    output: Annotated[
        Path, typer.Option(help="File to write; its suffix chooses CSV, Parquet or JSON Lines.")
    ],
    impressions: Annotated[
        bool, typer.Option("--impressions", help="Also write impressions that nobody clicked.")
    ] = False,
) -> None:
    """Write every stored row, bulk and streamed, to a file."""
    render.record(ctx, context.open_project(ctx).export(dataset.value, output, impressions=impressions))
