"""`newfound campaign`."""

from __future__ import annotations

from typing import Annotated

import typer

from newfound_cli import context, render, tables
from newfound_cli.groups import example, make_app
from newfound_cli.options import CampaignName

app = make_app(help="Put a trained version into service and dial its exploration.")

LEARN = "put an event with the recommendationId of each list that was seen, then "
_COLUMNS = ("name", "servingVersion", "explorationWeight", "explorationItemAgeCutoff", "followLatest")

Solution = Annotated[
    str | None,
    typer.Option(
        metavar="SOLUTION[@vN]",
        help="What to serve; @vN pins it [default: the newest version].",
        autocompletion=context.references(),
    ),
]
Weight = Annotated[
    float | None, typer.Option(metavar="W", help="0 is pure relevance, 1 explores most [default: 0.3].")
]
Cutoff = Annotated[
    float | None,
    typer.Option(
        "--exploration-item-age-cutoff",
        "--exploration-item-age-cut-off",
        metavar="DAYS",
        help="Items this old are not explored [default: 30].",
    ),
]
Follow = Annotated[
    bool | None,
    typer.Option(
        "--follow-latest/--no-follow-latest",
        help="Serve each new version as it becomes ACTIVE, until --solution names one with @vN.",
        show_default=False,
    ),
]


@app.command(
    epilog=example("newfound campaign create", "newfound campaign create bold --exploration-weight 1")
)
def create(
    ctx: typer.Context,
    name: CampaignName = "default",
    solution: Solution = None,
    exploration_weight: Weight = None,
    exploration_item_age_cutoff: Cutoff = None,
    follow_latest: Follow = None,
) -> None:
    """Create a campaign, pinned to the newest version unless told otherwise."""
    made = context.open_project(ctx).create_campaign(
        name,
        solution=solution,
        exploration_weight=exploration_weight,
        exploration_item_age_cutoff=exploration_item_age_cutoff,
        follow_latest=follow_latest,
    )
    _show(ctx, made)


@app.command(epilog=example("newfound campaign update", "newfound campaign update --solution default@v1"))
def update(
    ctx: typer.Context,
    name: CampaignName = "default",
    solution: Solution = None,
    exploration_weight: Weight = None,
    exploration_item_age_cutoff: Cutoff = None,
    follow_latest: Follow = None,
) -> None:
    """Move to the newest version, or back to --solution NAME@vN; exploration options alone keep the version."""
    made = context.open_project(ctx).update_campaign(
        name,
        solution=solution,
        exploration_weight=exploration_weight,
        exploration_item_age_cutoff=exploration_item_age_cutoff,
        follow_latest=follow_latest,
    )
    _show(ctx, made)


def _show(ctx: typer.Context, made: tables.Record) -> None:
    option = "" if made["name"] == "default" else f" --campaign {made['name']}"
    then = f"newfound recommend --user USER_ID{option}"
    render.record(ctx, made, then=then)


@app.command("list", epilog=example("newfound campaign list"))
def list_(ctx: typer.Context) -> None:
    """List the campaigns."""
    found = context.open_project(ctx).campaigns()
    render.records(ctx, "campaigns", found, *_COLUMNS)


@app.command(epilog=example("newfound campaign describe default"))
def describe(ctx: typer.Context, name: CampaignName = "default") -> None:
    """Show one campaign."""
    render.record(ctx, context.open_project(ctx).campaign(name))


@app.command(epilog=example("newfound campaign report", "newfound campaign report bold --limit 500 --json"))
def report(
    ctx: typer.Context,
    name: CampaignName = "default",
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many items, most shown first.")] = 50,
) -> None:
    """Show how new items are doing: shown, clicked, learned quality, promoted or dropped.

    Quality is clicks per look, with an interval that holds 90 % of what is believed. Promoted: all of it above the
    usual quality of what was shown; dropped: all of it below.
    """
    found = context.open_project(ctx).campaign_report(name, limit)
    waits = found["explorationWeight"] is not None and not found["shownItems"]
    from newfound.store.versions import training_command

    train = training_command(found["solutionVersion"].partition("@")[0], "--mode", "update")
    render.result(ctx, found, lambda: _report(found), LEARN + train if waits else "")


def _report(found: tables.Record) -> list[render.Block]:
    counts = {key: value for key, value in found.items() if key != "items"}
    columns = ("itemId", "ageDays", "impressions", "clicks", "quality", "interval", "uncertainty", "verdict")
    return [tables.details(counts), tables.listing(found["items"], *columns)]


@app.command(epilog=example("newfound campaign delete bold"))
def delete(ctx: typer.Context, name: CampaignName) -> None:
    """Delete a campaign; its versions stay."""
    render.deleted(ctx, name, context.open_project(ctx).delete_campaign(name))
