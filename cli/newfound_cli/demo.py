"""`newfound demo`: the story of new films finding their audience."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from newfound.errors import AlreadyExistsError
from newfound_cli import demo_views as views
from newfound_cli import demo_world as worlds
from newfound_cli import render
from newfound_cli.context import settings
from newfound_cli.demo_stage import Stage
from newfound_cli.groups import example, make_app
from newfound_cli.tables import Table
from newfound_cli.text import heading

app = make_app()

AUDIENCE = 1000
SHOWN = 10
CAMPAIGNS = {"exploit": 0, "explore": 1}


@app.command(epilog=example("newfound demo", "newfound demo my-first-project"))
def demo(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory.")] = Path("demo"),
) -> None:
    """Walk through import, training, exploration and UPDATE on sample data.

    It takes about a minute and prints each command that it runs. Afterwards DIR is an ordinary project.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        hint = "remove it, or name a new one: newfound demo DIR"
        raise AlreadyExistsError("the directory of the demo is not empty", hint, str(directory))
    stage = Stage(ctx, directory)
    world = _prepare(stage)
    before = _recommend(stage, world)
    answers = _show_and_learn(stage, world)
    after = _recommend(stage, world)
    effect = _compare(stage, world, answers)
    stage.say("", f"The project is yours: newfound -C {directory} status")
    if settings(ctx).json:
        lists = {"before": before, "after": after, "effect": effect}
        render.document(ctx, {"project": str(directory), "commands": stage.typed, **lists})


def _prepare(stage: Stage) -> worlds.World:
    sample = stage.directory / "sample"
    stage.say("1,931 films, of which 191 arrived just now and nobody has seen them. Who would like them?")
    stage.type("init", stage.directory)
    world = worlds.write_sample(sample)
    stage.say(f"The sample data, moved in time so that it ends an hour ago, is in {sample}.")
    for name in worlds.FILES:
        done = stage.type("dataset", "import", name, sample / f"{name}.csv")
        stage.say(f"{done['rowsImported']:,} {name} in {done['seconds']:.1f} s")
    done = stage.type("solution", "train", "--mode", "full", "--max-minutes", "1")
    counts = f"{done['users']:,} users, {done['items']:,} films"
    stage.say(f"{done['solutionVersion']}: {counts}, {done['seconds']:.0f} s")
    measured = stage.type("solution", "metrics")
    key = "normalized_discounted_cumulative_gain_at_10"
    ours, popular = (measured[kind][key] for kind in ("metrics", "baseline"))
    stage.say(f"NDCG at 10 on withheld ratings: {ours:.3f}; recommending what is popular: {popular:.3f}")
    stage.say("", "Two campaigns serve this version: one never explores, one explores as much as it can.")
    for name, weight in CAMPAIGNS.items():
        stage.type("campaign", "create", name, "--exploration-weight", str(weight))
    return world


def _recommend(stage: Stage, world: worlds.World) -> dict[str, list[str]]:
    lists = {}
    for name in CAMPAIGNS:
        answer = stage.type("recommend", "--user", "1", "--campaign", name, "-k", str(SHOWN))
        lists[name] = [item["itemId"] for item in answer["itemList"]]
    stage.say(
        views.side_by_side(world, lists, [f"{name}, weight {weight}" for name, weight in CAMPAIGNS.items()])
    )
    return lists


def _show_and_learn(stage: Stage, world: worlds.World) -> worlds.Answers:
    stage.say(
        "",
        f"* is a new film. {AUDIENCE:,} people now open the exploring page. Half of the new films are good:",
        "who likes the genre clicks them. Nobody clicks the other half. Only trying tells which is which.",
    )
    people, events = (stage.directory / "sample" / name for name in ("people.jsonl", "events.jsonl"))
    worlds.write_lines(people, ({"userId": user} for user in list(world.tastes)[:AUDIENCE]))
    answers = _pages(stage, "pages.jsonl")
    happened = list(worlds.feedback(world, answers))
    worlds.write_lines(events, happened)
    stage.type("events", "put", events)
    clicks = sum("itemId" in event for event in happened)
    stage.say(f"{clicks} clicks on new films, {len(happened) - clicks} pages without a click")
    done = stage.type("solution", "train", "--mode", "update")
    stage.say(f"{done['solutionVersion']}: {done['newEvents']:,} events learned in {done['seconds']:.1f} s")
    for name in CAMPAIGNS:
        stage.type("campaign", "update", name)
    return answers


def _pages(stage: Stage, name: str, *options: str) -> worlds.Answers:
    people, output = (stage.directory / "sample" / file for file in ("people.jsonl", name))
    shown = ("--campaign", "explore", "-k", str(SHOWN), *options)
    stage.type("recommend", "--input", people, "--output", output, *shown)
    return [orjson.loads(line) for line in output.read_bytes().splitlines()]


def _compare(stage: Stage, world: worlds.World, before: worlds.Answers) -> dict[str, list[int]]:
    stage.say("", "The same people again: what has exploration learned?")
    after = _pages(stage, "pages-after.jsonl", "--no-log")
    stage.say(views.movement(world, before, after), "")
    effect = views.effect(world, before, after)
    rows = [[heading(what), *(f"{count:,}" for count in counts)] for what, counts in effect.items()]
    stage.say(Table([f"on {AUDIENCE:,} pages", "before", "after"], rows, frozenset({1, 2})))
    return effect
