"""`newfound simulate`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from newfound_cli import context, progress, render
from newfound_cli.groups import example, make_app
from newfound_cli.tables import Record, Table
from newfound_cli.text import show

app = make_app()


class World(StrEnum):
    """Where to play."""

    STATIC = "static"
    SHOP = "shop"
    CHURN = "churn"
    NEWS = "news"
    PROJECT = "project"


class Rival(StrEnum):
    """Policies besides the weights."""

    IGNORE_NEW = "ignore-new"
    POPULARITY = "popularity"
    EPSILON_GREEDY = "epsilon-greedy"
    THOMPSON = "thompson"
    UCB = "ucb"


@app.command(
    epilog=example(
        "newfound simulate --world churn --days 10 --output report.html",
        "newfound simulate --world project --weight 0.1 --weight 0.3 --policy ignore-new --seeds 5",
    )
)
def simulate(
    ctx: typer.Context,
    world: Annotated[
        World,
        typer.Option(
            help="How fast the catalogue changes: not at all, in weeks, days, hours; or as in the project."
        ),
    ] = World.CHURN,
    days: Annotated[float, typer.Option(metavar="DAYS", help="How long to play.")] = 10,
    requests_per_hour: Annotated[float, typer.Option(metavar="N", help="Mean traffic; more by day.")] = 300,
    num_results: Annotated[
        int, typer.Option("--num-results", "-k", metavar="N", help="Places in a list.")
    ] = 10,
    users: Annotated[int, typer.Option(metavar="N", help="People of a synthetic world.")] = 2_000,
    weight: Annotated[
        list[float] | None,
        typer.Option(
            metavar="W", help="Exploration weight to play, repeatable; 0 always plays [default: 0.1 0.3 1]."
        ),
    ] = None,
    policy: Annotated[
        list[Rival] | None, typer.Option(help="Other policy to play, repeatable [default: all].")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="First seed.")] = 0,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many seeds; intervals need several.")
    ] = 1,
    full_every: Annotated[
        float, typer.Option(metavar="DAYS", help="Days between two FULL trainings; 0: only the first.")
    ] = 5,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Also write a page with curves.")
    ] = None,
) -> None:
    """Play exploration weights in a closed loop: which one suits a site like this?

    Simulated visitors click or do not, UPDATE runs every hour, and every policy meets the same people. Nothing in
    the project changes; only --world project needs one.
    """
    play = context.open_project(ctx).simulate if world is World.PROJECT else context.facade().simulate
    with progress.shown(ctx) as report:
        found = play(
            world=world.value,
            days=days,
            requests_per_hour=requests_per_hour,
            num_results=num_results,
            users=users,
            weights=weight,
            policies=None if policy is None else [rival.value for rival in policy],
            seed=seed,
            seeds=seeds,
            full_every=full_every,
            output=output,
            progress=report,
        )
    render.result(ctx, found, lambda: _blocks(found))


def _blocks(found: Record) -> list[str | Table]:
    rows: list[Record] = found["policies"]
    return [
        f"world {found['world']}: {found['days']:g} days, {found['requestsPerHour']:g} requests an hour,"
        f" {found['items']:,} items and {found['newItems']:,} new ones, {len(found['seeds'])} seed(s)",
        _table(rows, CLICKS),
        _table(rows, DISCOVERY),
        _advice(found["bestWeight"], rows),
    ]


def _advice(best: float, rows: list[Record]) -> str:
    """Name the best weight; a command only if its lift over weight 0, or its lead over all others, is beyond chance."""
    lifts = [
        row["liftOverGreedy"]
        for row in rows
        if row["explorationWeight"] and best in (0, row["explorationWeight"])
    ]
    if all(lift and (lift["low"] > 0 if best else lift["high"] < 0) for lift in lifts):
        return f"weight {best:g} got the most clicks: newfound campaign update --exploration-weight {best:g}"
    return f"weight {best:g} got the most clicks, but that may be chance: play more --days or --seeds"


def _percent(value: Any) -> str:  # noqa: ANN401 - a share, a lift or None
    if value is None:
        return "-"
    if isinstance(value, dict):
        return f"{100 * value['value']:+.1f} % [{100 * value['low']:+.1f}, {100 * value['high']:+.1f}]"
    return f"{100 * value:.1f} %"


def _plain(value: Any) -> str:  # noqa: ANN401 - a number or None
    return show("", value)


CLICKS = (
    ("of the oracle's clicks", "shareOfOracle", _percent),
    ("against greedy", "liftOverGreedy", _percent),
    ("against ignoring new", "liftOverIgnoringNew", _percent),
    ("first 8 hours", "firstEightHours", _percent),
    ("first day", "firstDay", _percent),
    ("last half", "lastHalf", _percent),
    ("break-even hour", "breakEvenHour", _plain),
)
DISCOVERY = (
    ("click rate", "clickRate", _percent),
    ("good new found in 24 h", "foundIn24Hours", _percent),
    ("in 72 h", "foundIn72Hours", _percent),
    ("T50 hours", "t50Hours", _plain),
    ("new items shown", "newShare", _percent),
    ("explored", "exploredShare", _percent),
    ("on the worse half", "exploredOnWorseHalf", _percent),
    ("coverage", "coverage", _percent),
    ("regret per 1,000 requests", "regretPerThousandRequests", _plain),
)


def _table(rows: list[Record], columns: tuple[tuple[str, str, Any], ...]) -> Table:
    return Table(
        ["policy", *(title for title, _, _ in columns)],
        [[row["policy"], *(write(row[key]) for _, key, write in columns)] for row in rows],
        frozenset(range(1, len(columns) + 1)),
    )
