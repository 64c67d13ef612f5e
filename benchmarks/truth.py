"""Off-policy evaluation against the truth: does the interval of `newfound evaluate` hold what a policy really earns?

A simulated site trains, answers everybody a few times at weight 0.5 and takes in the clicks; its own log is then asked
what other weights, and the version after an UPDATE, would have earned. What they truly earn is known: the simulated
chance of a click, averaged over many fresh draws of their lists. A seed is a world of its own with several logs.
Prints one JSON document: for each target and estimator the share of intervals that hold the truth, the mean error
relative to the truth, and the mean width; a refusal ("the log cannot answer") is counted, not hidden.

    python benchmarks/truth.py --seeds 10 --logs 10
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from seeds import CORES, Report, default_work, play_seeds

from newfound import columns as c
from newfound.errors import QualityGateError
from newfound.project import Project
from newfound.simulation.figures import mean_interval
from newfound.simulation.presets import synthetic_world
from newfound.simulation.traffic import coins
from newfound.simulation.world import LOOKING, Codes, World

LOGGED_WEIGHT = 0.5
WEIGHTS = {"weight 0.4": 0.4, "weight 0.3": 0.3}
ESTIMATORS = ("snips", "ips", "dr")
DRAWS = 12


def make_site(world: World, folder: Path, hyperparameters: Mapping[str, str]) -> Project:
    """Make a project of a world's past, trained once, with a campaign that explores a good deal."""
    users, items, times = world.history
    rows = {
        c.USER_ID: np.array(world.user_ids)[users],
        c.ITEM_ID: np.array(world.item_ids)[items],
        c.TIMESTAMP: times,
        c.EVENT_TYPE: "click",
    }
    pl.DataFrame(rows).write_parquet(folder / "interactions.parquet")
    known = world.records[: world.known(world.start)]
    pl.DataFrame(known).select(c.ITEM_ID, "GENRES", c.CREATION_TIMESTAMP).write_csv(folder / "items.csv")
    Project.init(folder / "project")
    project = Project.open(folder / "project")
    project.import_dataset("interactions", [folder / "interactions.parquet"])
    project.import_dataset("items", [folder / "items.csv"])
    project.create_solution("default", hyperparameters=dict(hyperparameters))
    project.train()
    project.create_campaign("default", exploration_weight=LOGGED_WEIGHT)
    return project


def ask(project: Project, world: World, **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Ask for everybody as the world begins; returns the answers in the order of users."""
    asked, answered = project.root.parent / "asked.jsonl", project.root.parent / "answered.jsonl"
    asked.write_text("".join(json.dumps({"userId": user}) + "\n" for user in world.user_ids))
    project.recommend_batch(asked, answered, at=str(world.start), **options)
    return [json.loads(line)["output"] for line in answered.read_text().splitlines()]


def click_chances(world: World, lists: Codes) -> np.ndarray:
    """How likely each place (n_users, k) of everybody's list is looked at and clicked."""
    users = np.arange(len(lists))[:, None]
    looked = np.arange(1, lists.shape[1] + 1) ** -LOOKING
    return looked * world.chance(users, lists, world.start)


def codes_of(world: World, answers: Sequence[Mapping[str, Any]]) -> Codes:
    """Item codes (n_users, k) of answers."""
    place = {item: code for code, item in enumerate(world.item_ids)}
    return np.array([[place[item] for item in answer["recommendedItems"]] for answer in answers])


def show(project: Project, world: World, k: int, rounds: range) -> None:
    """Answer everybody once a round and report every list, with its clicks or without."""
    events = []
    for number in rounds:
        answers = ask(project, world, num_results=k, seed=number)
        lists = codes_of(world, answers)
        request = number * len(lists) + np.arange(len(lists))
        clicked = coins(request[:, None], lists, number) < click_chances(world, lists)
        for user, answer, own in zip(world.user_ids, answers, clicked, strict=True):
            seen = {"userId": user, "recommendationId": answer["recommendationId"], "sentAt": world.start}
            items = [item for item, click in zip(answer["recommendedItems"], own, strict=True) if click]
            events += [seen | {"itemId": item} for item in items] or [seen]
    project.put_events([json.dumps(event).encode() + b"\n" for event in events])


def earned(project: Project, world: World, k: int, campaign: str) -> float:
    """Clicks by place that a campaign truly gets, over DRAWS draws of its lists."""
    rates = [
        click_chances(
            world,
            codes_of(world, ask(project, world, campaign=campaign, num_results=k, seed=seed, log=False)),
        ).mean()
        for seed in range(10**6, 10**6 + DRAWS)
    ]
    return float(np.mean(rates))


def weights_earn(project: Project, world: World, k: int) -> dict[str, float]:
    """What each of WEIGHTS truly gets on the first version."""
    for name, weight in WEIGHTS.items():
        project.create_campaign(name.replace(" 0.", ""), exploration_weight=weight)
    return {name: earned(project, world, k, name.replace(" 0.", "")) for name in WEIGHTS}


def play_log(project: Project, world: World, k: int, rounds: range, truths: Mapping[str, float]) -> Report:
    """Log some rounds beside what an UPDATE on the first of them makes; returns estimates and truths by target.

    truths: what `weights_earn` says.
    """
    show(project, world, k, rounds[:1])
    newer = project.train(mode="update")["solutionVersion"]
    project.create_campaign("next", newer, LOGGED_WEIGHT)
    show(project, world, k, rounds[1:])
    targets: dict[str, dict[str, Any]] = {name: {"exploration_weight": w} for name, w in WEIGHTS.items()}
    targets["next version"] = {"version": newer}
    found: Report = {}
    for name, target in targets.items():
        truth = truths[name] if name in truths else earned(project, world, k, "next")
        try:
            estimators = project.evaluate(seed=rounds[0], **target)["estimators"]
            found[name] = {"truth": truth} | {one: estimators[one] for one in ESTIMATORS}
        except QualityGateError as refused:
            found[name] = {"truth": truth, "refusal": str(refused)}
    return found


def play_world(settings: Mapping[str, Any], seed: int) -> Report:
    """Make a world's project once and play logs, each in a copy of it."""
    world = synthetic_world(settings["world"], 1.0, settings["users"], seed)
    rounds, k = settings["rounds"], settings["k"]
    with tempfile.TemporaryDirectory() as folder:
        made = make_site(world, Path(folder), settings["hyperparameters"])
        truths = weights_earn(made, world, k)
        logs = []
        for log in range(settings["logs"]):
            copy = Path(shutil.copytree(made.root, Path(folder) / f"copy-{log}" / "project"))
            own = range(log * rounds, (log + 1) * rounds)
            logs.append(play_log(Project.open(copy), world, k, own, truths))
            shutil.rmtree(copy)
    return {"logs": logs}


def summarise(logs: Sequence[Report]) -> dict[str, Any]:
    """Coverage, bias and width of each target's estimators over all logs."""
    table: dict[str, Any] = {}
    for name in logs[0]:
        told = [log[name] for log in logs if "refusal" not in log[name]]
        table[name] = {"answered": len(told), "refused": len(logs) - len(told)}
        for one in ESTIMATORS:
            rows = [(log["truth"], log[one]["value"], *log[one]["interval"]) for log in told if log.get(one)]
            if len(rows) > 1:
                truth, value, low, high = np.array(rows).T
                table[name][one] = {
                    "held": float(np.mean((low <= truth) & (truth <= high))),
                    "error": mean_interval(value / truth - 1),
                    "width": float(np.mean((high - low) / truth)),
                }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--world", default="churn", choices=("churn", "news", "shop", "static"))
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=6, help="lists a person in a log")
    parser.add_argument("--logs", type=int, default=10, help="logs of a world")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=CORES, help="seeds to play at once, a core each")
    parser.add_argument("--work", type=Path, default=default_work(), help="keeps the results of seeds")
    options = parser.parse_args()
    settings = {
        "benchmark": "truth",
        "world": options.world,
        "users": options.users,
        "rounds": options.rounds,
        "logs": options.logs,
        "k": 10,
        "hyperparameters": {"hidden_dimension": "32"},
    }
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    worlds = play_seeds(partial(play_world, settings), seeds, settings, options.work, options.jobs)
    logs = [log for world in worlds for log in world["logs"]]
    json.dump({**settings, "seeds": list(seeds), "targets": summarise(logs)}, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
