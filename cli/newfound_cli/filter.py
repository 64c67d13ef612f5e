"""`newfound filter`."""

from __future__ import annotations

from typing import Annotated

import typer

from newfound_cli import context, render
from newfound_cli.groups import example, make_app
from newfound_cli.options import FilterName, NewName

app = make_app(help="Keep named filters that include or exclude items.")

Expression = Annotated[
    str,
    typer.Argument(metavar="EXPRESSION", help="Amazon Personalize's filter language, of a user's events."),
]


@app.command(
    epilog=example(
        """newfound filter create unseen 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'"""
    )
)
def create(
    ctx: typer.Context,
    name: NewName,
    expression: Expression,
) -> None:
    """Check an expression and keep it under a name."""
    made = context.open_project(ctx).create_filter(name, expression)
    then = f"newfound recommend --user USER_ID --filter {made['name']}"
    render.record(ctx, made, then=then)


@app.command("list", epilog=example("newfound filter list"))
def list_(ctx: typer.Context) -> None:
    """List the filters."""
    found = context.open_project(ctx).filters()
    render.records(ctx, "filters", found, "name", "filterExpression")


@app.command(epilog=example("newfound filter describe unseen"))
def describe(ctx: typer.Context, name: FilterName) -> None:
    """Show one filter."""
    render.record(ctx, context.open_project(ctx).filter(name))


@app.command(
    epilog=example("""newfound filter check 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ($TYPES)'""")
)
def check(ctx: typer.Context, expression: Expression) -> None:
    """Check an expression without keeping it."""
    render.record(ctx, context.open_project(ctx).check_filter(expression))


@app.command(epilog=example("newfound filter delete unseen"))
def delete(ctx: typer.Context, name: FilterName) -> None:
    """Delete a filter."""
    render.deleted(ctx, name, context.open_project(ctx).delete_filter(name))
