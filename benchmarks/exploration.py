"""Exploration in a closed loop: newfound's weights beside other policies, in worlds that change fast, slowly or not.

Prints one JSON document a world, and a table of it to the error stream: means over seeds with Student's 95 %
intervals; lifts are paired, seed by seed on the same visitors and coins. Each seed's result is kept in the --work
folder, so an interrupted campaign goes on where it stood.

    python benchmarks/exploration.py churn news shop static --seeds 10 --first-seed 100 --jobs 2
    python benchmarks/exploration.py churn --launch-claim --seeds 10 --first-seed 100
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from seeds import CORES, Report, default_work, play_seeds

from newfound.progress import silent
from newfound.simulation.figures import mean_interval
from newfound.simulation.loop import run
from newfound.simulation.memory import Memory
from newfound.simulation.players import Model, MostClicked
from newfound.simulation.policies import weighted
from newfound.simulation.presets import synthetic_world
from newfound.simulation.simulate import NAMES, Guest, Plan, simulate
from newfound.simulation.traffic import Audience, draw_traffic

DAYS = {"churn": 10.0, "news": 10.0, "shop": 10.0, "static": 14.0}
WEIGHTS = (0.1, 0.3, 1.0)
OURS = "weight 0.3"
SHARES = ("shareOfOracle", "foundIn24Hours", "foundIn72Hours", "exploredOnWorseHalf", "coverage", "clickRate")
LIFTS = ("liftOverGreedy", "liftOverIgnoringNew", "firstEightHours", "firstDay", "lastHalf")
COLUMNS = (*LIFTS, *SHARES)
GUESTS: dict[str, Guest] = {
    "popularity of the last hour": lambda audience, k, _: MostClicked(audience, k, half_life_hours=1)
}


def play_seed(settings: Mapping[str, Any], guests: Mapping[str, Guest], seed: int) -> Report:
    """Play all policies on one seed and return what `newfound simulate` reports."""
    plan = Plan(
        days=settings["days"],
        requests_per_hour=settings["requestsPerHour"],
        k=settings["k"],
        seeds=(seed,),
        full_every_days=settings["fullEveryDays"],
        weights=tuple(settings["weights"]),
        others=tuple(settings["policies"]),
    )
    return simulate(
        plan,
        lambda one: synthetic_world(settings["world"], settings["days"], settings["users"], one),
        None,
        silent,
        guests,
    )


def play_own(settings: Mapping[str, Any], seed: int) -> Report:
    """Play newfound's policies and the yardsticks: what a process of its own is asked for."""
    return play_seed(settings, GUESTS, seed)


def over_seeds(reports: Sequence[Report]) -> dict[str, Any]:
    """Means over seeds with intervals, by policy; `ahead`: clicks of OURS over those of each other policy, minus 1."""
    by_name = {
        row["policy"]: [_row(report, row["policy"]) for report in reports] for row in reports[0]["policies"]
    }
    table = {
        name: {key: interval([_value(row[key]) for row in rows]) for key in COLUMNS}
        for name, rows in by_name.items()
    }
    clicks = {name: np.array([row["clicks"] for row in rows], float) for name, rows in by_name.items()}
    ahead = {
        name: interval((clicks[OURS] / np.maximum(theirs, 1) - 1).tolist())
        for name, theirs in clicks.items()
        if OURS in clicks and name != OURS
    }
    return {"policies": table, "ahead": ahead}


def _row(report: Report, name: str) -> dict[str, Any]:
    return next(row for row in report["policies"] if row["policy"] == name)


def _value(cell: Mapping[str, float] | float | None) -> float | None:
    return cell["value"] if isinstance(cell, Mapping) else cell


def interval(values: Sequence[float | None]) -> dict[str, float | None] | None:
    """Mean and 95 % interval over the seeds that could tell; None if none could, and no interval from a single one."""
    told = [value for value in values if value is not None]
    if len(told) == 1:
        return {"value": told[0], "low": None, "high": None}
    return dict(mean_interval(np.array(told))) if told else None


def play_claim(settings: Mapping[str, Any], seed: int) -> Report:
    """Let a site that explores and one that does not learn for some days, then train FULL on each one's own log.

    Both serve the same visitors with an UPDATE an hour. The first trains user-personalization, judged with its default
    exploration in force and without; the other hrnn-metadata.
    """
    world = synthetic_world(settings["world"], settings["days"], settings["users"], seed)
    first = Memory(world, np.arange(world.n_old)).train(seed)
    traffic = draw_traffic(world, round(settings["days"] * 24), settings["requestsPerHour"], seed)

    def log_of(weight: float) -> Memory:
        audience = Audience(world, seed)
        player = Model(world, first, weighted(weight), settings["k"], seed)
        run(audience, player, traffic, 0, lambda: None)
        return player.memory

    explored = log_of(0.3).judge(seed, explores=True)
    exploited = log_of(0).judge(seed, explores=False)
    names = {"mrr": "mean_reciprocal_rank_at_25", "coverage": "coverage"}
    return {
        ours: {key: metrics[name] for key, name in names.items()}
        for ours, metrics in (
            ("user-personalization", explored["metrics"]),
            ("user-personalization at weight 0", explored["atWeightZero"]["metrics"]),
            ("hrnn-metadata", exploited["metrics"]),
        )
    }


def claim_over_seeds(reports: Sequence[Report]) -> dict[str, Any]:
    """Means over seeds, and paired differences to hrnn-metadata."""
    rows: dict[str, Any] = {}
    for name in reports[0]:
        for key in ("mrr", "coverage"):
            own = [report[name][key] for report in reports]
            base = [report["hrnn-metadata"][key] for report in reports]
            beyond = [mine - theirs for mine, theirs in zip(own, base, strict=True)]
            rows.setdefault(name, {})[key] = interval(own)
            rows[name][f"{key}Beyond"] = interval(beyond)
    return rows


def show_table(table: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay out figures with intervals, a row a policy, as Markdown."""
    columns = list(next(iter(table.values())))
    lines = [["policy", *columns], ["---"] * (len(columns) + 1)]
    lines += [[name, *(_cell(row[key]) for key in columns)] for name, row in table.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(found: Mapping[str, Any] | None) -> str:
    if found is None or found["low"] is None:
        return "-" if found is None else f"{found['value']:.3f}"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def add_site(parser: argparse.ArgumentParser) -> None:
    """Add the options that every benchmark of a simulated site has."""
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--requests-per-hour", type=float, default=300.0)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument(
        "--full-every", type=float, default=5.0, help="days between two FULL; 0: only the first"
    )
    parser.add_argument("--jobs", type=int, default=CORES, help="seeds to play at once, a core each")
    parser.add_argument("--work", type=Path, default=default_work(), help="keeps the results of seeds")


def site(options: argparse.Namespace, benchmark: str, world: str, days: float) -> dict[str, Any]:
    """Collect what the result of a seed depends on, besides the code."""
    return {
        "benchmark": benchmark,
        "world": world,
        "days": days,
        "users": options.users,
        "requestsPerHour": options.requests_per_hour,
        "k": 10,
        "fullEveryDays": options.full_every,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("world", nargs="+", choices=list(DAYS))
    parser.add_argument("--days", type=float, help="instead of 10, 14 in the static world, 5 for the claim")
    parser.add_argument("--policy", action="append", choices=NAMES, help="besides the weights; default: all")
    parser.add_argument("--launch-claim", action="store_true", help="compare FULLs on each one's own log")
    add_site(parser)
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    for world in options.world:
        started = time.monotonic()
        if options.launch_claim:
            settings = site(options, "launch-claim", world, options.days or 5.0)
            reports = play_seeds(partial(play_claim, settings), seeds, settings, options.work, options.jobs)
            found = {"policies": claim_over_seeds(reports)}
        else:
            settings = site(options, "exploration", world, options.days or DAYS[world]) | {
                "weights": WEIGHTS,
                "policies": options.policy or NAMES,
            }
            reports = play_seeds(partial(play_own, settings), seeds, settings, options.work, options.jobs)
            found = over_seeds(reports)
        print(show_table(found["policies"]), file=sys.stderr, flush=True)
        report = {**settings, "seeds": list(seeds), "seconds": round(time.monotonic() - started), **found}
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
