"""`newfound evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from newfound.errors import UsageError
from newfound_cli import context, progress, render, tables
from newfound_cli.groups import example, make_app

app = make_app()


class Estimator(StrEnum):
    """The estimators of off-policy evaluation."""

    SNIPS = "snips"
    IPS = "ips"
    DR = "dr"
    REPLAY = "replay"


@app.command(
    epilog=example(
        "newfound evaluate --exploration-weight 0.1",
        "newfound evaluate --version default@v2 --estimator dr",
        "newfound evaluate --log shown.csv",
        "newfound evaluate --log random.parquet --target-log thompson.parquet --map CLICK=REWARD",
    )
)
def evaluate(
    ctx: typer.Context,
    campaign: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Whose log to learn from.", autocompletion=context.names("campaigns")
        ),
    ] = "default",
    exploration_weight: Annotated[
        float | None, typer.Option(metavar="W", help="What would this weight have earned?")
    ] = None,
    exploration_item_age_cutoff: Annotated[
        float | None,
        typer.Option("--exploration-item-age-cutoff", metavar="DAYS", help="And this age cut-off?"),
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", "--solution", metavar="NAME@vN", help="And this version?")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Or this campaign, as it is now?",
            autocompletion=context.names("campaigns"),
        ),
    ] = None,
    event_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="What is a success [default: all that trains].")
    ] = None,
    count_silent: Annotated[
        bool, typer.Option("--count-silent", help="Lists that no event names were shown too, unclicked.")
    ] = False,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A log from elsewhere: ITEM_ID, PROPENSITY, REWARD[, POSITION, TARGET_PROPENSITY, CONTEXT, RESPONSE].",
        ),
    ] = None,
    target_log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --log: what the target showed.")
    ] = None,
    map: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=FIELD", help="With --log: rename a column; repeatable."),
    ] = None,
    estimator: Annotated[Estimator, typer.Option(help="All are shown; this one is the answer.")] = (
        Estimator.SNIPS
    ),
    clip: Annotated[float, typer.Option(metavar="W", help="The greatest weight of one place.")] = 100.0,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the noise and the intervals.")] = 0,
) -> None:
    """Estimate from the log what another policy would have earned.

    Exit code 7 and the reason if the log cannot answer: an effective sample size below 100, no propensities, or places
    that the log never tried.
    """
    shared: dict[str, Any] = {"estimator": estimator.value, "clip": clip, "seed": seed}
    policy: dict[str, Any] = {
        "exploration_weight": exploration_weight,
        "exploration_item_age_cutoff": exploration_item_age_cutoff,
        "version": version,
        "target": target,
        "event_type": event_type,
    }
    if log is None:
        if target_log is not None or map:
            raise UsageError("--target-log and --map belong to --log", "give --log FILE too")
        with progress.shown(ctx) as report:
            found = context.open_project(ctx).evaluate(
                campaign=campaign, **policy, count_silent=count_silent, **shared, progress=report
            )
    else:
        if any(value is not None for value in policy.values()) or count_silent:
            raise UsageError(
                "--log brings its own target", "use TARGET_PROPENSITY or --target-log, and no other target"
            )
        mapping = context.pairs(map, "--map")
        found = context.facade().evaluate_log(log, target_log=target_log, mapping=mapping, **shared)
    render.result(ctx, found, lambda: _blocks(found))


def _blocks(found: tables.Record) -> Iterator[render.Block]:
    rows = [{"estimate": "as logged", **found["logged"]}]
    rows += [{"estimate": name, **row} for name, row in found["estimators"].items() if row is not None]
    yield "reward of a shown place"
    yield tables.listing(rows, "estimate", "value", "interval", "effectiveSampleSize", "refusal")
    low, high = found["difference"]["interval"]
    verdict = "better" if low > 0 else "worse" if high < 0 else "no clear difference"
    change = f"{found['difference']['value']:+.4g} [{low:.4g}, {high:.4g}]"
    yield f"{found['estimator']} against the log: {change}, {verdict}"
    keys = ("responses", "recomputed", "leftOut")
    yield tables.details(found["overlap"] | {key: found[key] for key in keys if key in found})
    yield tables.listing(
        found["slots"], "context", "position", "value", "logged", "shown", "effectiveSampleSize"
    )
