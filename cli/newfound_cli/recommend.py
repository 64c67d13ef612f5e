"""`newfound recommend`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from newfound.errors import UsageError
from newfound_cli import context, progress, render, tables
from newfound_cli.groups import example, make_app

app = make_app()

_EXPLANATION = (
    "relevance",
    "uncertainty",
    "explorationBonus",
    "impressionDiscount",
    "ageDays",
    "impressions",
    "clicks",
    "verdict",
    "reason",
)


@app.command(
    epilog=example(
        "newfound recommend --user 1 -k 10",
        "newfound recommend --user 1 --rank-items 5,8,13",
        """newfound recommend --user 1 --filter 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'""",
        "newfound recommend --input users.jsonl --output out.jsonl",
        "newfound recommend --input users.jsonl --output out.parquet",
    )
)
def recommend(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Option(metavar="ID", help="Items for this user.")] = None,
    rank_items: Annotated[str | None, typer.Option(metavar="A,B,C", help="Re-rank these for --user.")] = None,
    input: Annotated[
        Path | None, typer.Option(metavar="FILE", help='Many users: lines {"userId": "1"}.')
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Answers to --input: JSON Lines, or .parquet.")
    ] = None,
    campaign: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The campaign that answers.", autocompletion=context.names("campaigns")
        ),
    ] = "default",
    num_results: Annotated[
        int | None,
        typer.Option(
            "--num-results",
            "-k",
            min=1,
            max=500,
            metavar="N",
            help="How many will be shown [default: 25, or all that are ranked].",
        ),
    ] = None,
    filter: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|EXPRESSION",
            help="Which items may come.",
            autocompletion=context.names("filters"),
        ),
    ] = None,
    filter_value: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Value of $KEY in the filter; repeatable.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why each item is where it is.")] = False,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Fix the noise of exploration.")] = None,
    no_log: Annotated[bool, typer.Option("--no-log", help="Keep no record: no recommendationId.")] = False,
    at: Annotated[
        str | None, typer.Option(metavar="T", help="Time of request: Unix seconds, or ISO 8601 with offset.")
    ] = None,
) -> None:
    """Recommend items, or re-rank given ones.

    The response is logged as an impression list; give its recommendationId to `newfound events put`.
    """
    _check_who(user, input, output)
    if input is not None and (explain or rank_items is not None):
        raise UsageError("--explain and --rank-items belong to --user", 'give "itemList" in the lines')
    context.use_one_thread()
    project = context.open_project(ctx)
    shared: dict[str, Any] = {
        "campaign": campaign,
        "num_results": num_results,
        "filter": filter,
        "filter_values": context.pairs(filter_value, "--filter-value"),
        "seed": seed,
        "log": not no_log,
        "at": at,
    }
    if input and output:
        with progress.shown(ctx) as report:
            summary = project.recommend_batch(input, output, **shared, progress=report)
        render.record(ctx, summary)
    elif user is not None:
        ranked = context.id_list(rank_items)
        answer = project.recommend(user, rank_items=ranked, explain=explain, **shared)
        render.result(ctx, answer, lambda: _blocks(answer))


def _check_who(user: str | None, source: Path | None, output: Path | None) -> None:
    """Raise UsageError unless there is a user, or a file of users and one for the answers."""
    hint = "give --user, or --input with --output"
    if user is not None and source is not None:
        raise UsageError("--user and --input: one user or many?", hint)
    if user is not None and output is not None:
        raise UsageError("--output holds the answers to --input, not that to --user", hint)
    if source is None and output is not None:
        raise UsageError("--output without --input: nobody to recommend for", hint)
    if source is not None and output is None:
        raise UsageError("--input without --output: nowhere to write the answers", hint)
    if user is None and source is None:
        raise UsageError("nobody to recommend for", hint)
    if str(source) == "-":
        raise UsageError("--input -: the lines are read more than once", "give a file")
    if str(output) == "-":
        raise UsageError("--output -: the answers replace a file as a whole", "give a file")


def _blocks(answer: tables.Record) -> Iterator[render.Block]:
    logged_as = answer["recommendationId"] or "not logged"
    yield f"{answer['campaign']} | {answer['solutionVersion']} | {logged_as}"
    rows = [
        {"rank": rank, "item": item["itemId"], **item, "mark": mark(item)}
        for rank, item in enumerate(answer["itemList"], 1)
    ]
    yield tables.listing(rows, "rank", "item", "title", "score", "propensity", "mark", *_EXPLANATION)


def mark(item: tables.Record) -> str:
    """Mark a young item as new, and one that exploration put into the list as explored."""
    words = ("new" if item.get("young") else "", "explored" if item.get("explored") else "")
    return ", ".join(filter(None, words))
