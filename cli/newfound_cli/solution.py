"""`newfound solution`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from newfound_cli import context, render, tables
from newfound_cli.groups import example, make_app
from newfound_cli.options import NewName, SolutionName, Version
from newfound_cli.train import train

MEASURE = "normalized_discounted_cumulative_gain_at_10"

app = make_app(help="Create, train and inspect models.")
app.command(
    epilog=example(
        "newfound solution train", "newfound solution train --mode update", "newfound solution train --tune 8"
    )
)(train)


@app.command(epilog=example("newfound solution create buyers --event-type purchase"))
def create(
    ctx: typer.Context,
    name: NewName,
    recipe: Annotated[
        str, typer.Option(metavar="RECIPE", help="user-personalization, hrnn-metadata or popularity-count.")
    ] = "user-personalization",
    event_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="Train on this event type only.")
    ] = None,
    event_value_threshold: Annotated[
        float | None, typer.Option(metavar="X", help="Train on events of at least this value only.")
    ] = None,
    hyperparameter: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Amazon Personalize's names and ranges; repeatable."),
    ] = None,
) -> None:
    """Create a solution: a recipe and its settings."""
    made = context.open_project(ctx).create_solution(
        name,
        recipe=recipe,
        event_type=event_type,
        event_value_threshold=event_value_threshold,
        hyperparameters=context.pairs(hyperparameter, "--hyperparameter"),
    )
    render.record(ctx, made, then=f"newfound solution train {made['name']}")


@app.command("list", epilog=example("newfound solution list"))
def list_(ctx: typer.Context) -> None:
    """List the solutions."""
    found = context.open_project(ctx).solutions()
    columns = ("name", "recipe", "solutionVersion", "status", "versions", "creationDateTime")
    render.records(ctx, "solutions", found, *columns)


@app.command(
    epilog=example(
        "newfound solution describe default@v3", "newfound solution describe default@v3 --item 1868"
    )
)
def describe(
    ctx: typer.Context,
    name: Version = "default",
    item: Annotated[
        str | None, typer.Option(metavar="ID", help="What the version knows of this item.")
    ] = None,
) -> None:
    """Show a solution, or one of its versions, also while it trains, or the story of an item."""
    render.record(ctx, context.open_project(ctx).solution(name, item))


@app.command(epilog=example("newfound solution versions default"))
def versions(ctx: typer.Context, name: SolutionName = "default") -> None:
    """List the versions of a solution."""
    found = context.open_project(ctx).versions(name)
    columns = (
        "solutionVersion",
        "status",
        "trainingMode",
        "parent",
        "newEvents",
        "seconds",
        "creationDateTime",
    )
    render.records(ctx, "solutionVersions", found, *columns)


@app.command(epilog=example("newfound solution metrics default@v3"))
def metrics(ctx: typer.Context, name: Version = "default") -> None:
    """Show offline metrics beside popularity and sequential rules, with 95 % intervals, and what they say."""
    found = context.open_project(ctx).metrics(name)
    render.result(ctx, found, lambda: _metric_blocks(found))


def _metric_blocks(found: tables.Record) -> Iterator[render.Block]:
    yield found["solutionVersion"]
    yield _metric_table(found)
    parts = {
        "all": found,
        **found["slices"],
        "leave one out": found["leaveOneOut"],
        "in time": found["inTime"],
    }
    rows = [
        {
            "NDCG@10 of": name,
            "value": part["metrics"][MEASURE],
            "interval": part["intervals"][MEASURE],
            **{baseline: values[MEASURE] for baseline, values in part["baselines"].items()},
            "chance": part["chance"],
            "users": part["users"],
        }
        for name, part in parts.items()
        if part is not None
    ]
    yield ""
    yield tables.listing(rows, *{key: None for row in rows for key in row})
    yield ""
    yield from (f"{finding['verdict']}: {finding['text']}" for finding in found["findings"])


def _metric_table(found: tables.Record) -> tables.Table:
    rows = [
        {
            "metric": key,
            "value": value,
            "interval": found["intervals"][key],
            **{baseline: values[key] for baseline, values in found["baselines"].items()},
        }
        for key, value in found["metrics"].items()
    ]
    return tables.listing(rows, "metric", "value", "interval", *found["baselines"])


@app.command(epilog=example("newfound solution delete buyers"))
def delete(ctx: typer.Context, name: Version) -> None:
    """Delete a solution that no campaign serves, or one of its versions."""
    render.deleted(ctx, name, context.open_project(ctx).delete_solution(name))
