"""`simulate`: which exploration weight suits a site like this? All policies, the same visitors, the same coins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from newfound.dataset.output import replacing
from newfound.errors import UsageError
from newfound.progress import Progress, ProgressCallback
from newfound.serving.bundle import Bundle
from newfound.simulation import figures
from newfound.simulation.figures import NewItems
from newfound.simulation.loop import RunLog, run
from newfound.simulation.memory import Memory
from newfound.simulation.players import Model, MostClicked, Oracle, Player
from newfound.simulation.policies import (
    GREEDY,
    IGNORE_NEW,
    ORACLE,
    OTHERS,
    POPULARITY,
    Policy,
    weight_name,
    weighted,
)
from newfound.simulation.presets import PRESETS
from newfound.simulation.report import page
from newfound.simulation.traffic import Audience, draw_traffic
from newfound.simulation.world import World

Guest = Callable[[Audience, int, int], Player]
"""Makes a player from elsewhere: of the people it is to meet, the places of a list, and a seed."""
NO_GUESTS: Mapping[str, Guest] = MappingProxyType({})

NAMES = (IGNORE_NEW, POPULARITY, *(name for name in OTHERS if name != IGNORE_NEW))
"""Policies to choose from besides the weights; greedy and the oracle always play."""
WEIGHTS = (0.1, 0.3, 1.0)
EARLY = (("firstEightHours", 8), ("firstDay", 24))
MEANS = (
    "requests",
    "clicks",
    "clickRate",
    "shareOfOracle",
    "regretPerThousandRequests",
    "newShare",
    "exploredShare",
    "exploredOnWorseHalf",
    "coverage",
    "foundIn24Hours",
    "foundIn72Hours",
    "t50Hours",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play: days, mean requests an hour, places in a list, seeds, days between two FULL (0: only the first)."""

    days: float
    requests_per_hour: float
    k: int
    seeds: tuple[int, ...]
    full_every_days: float
    weights: tuple[float, ...]
    others: tuple[str, ...]

    def __post_init__(self) -> None:
        if not (
            1 / 24 <= self.days <= 365 and 0 < self.requests_per_hour <= 1e5 and self.full_every_days >= 0
        ):
            raise UsageError(
                "days, requests an hour or days between FULL trainings are out of range",
                "choose 1/24 to 365 days, more than 0 requests an hour, and 0 or more days between trainings",
            )
        if not (1 <= self.k <= 100 and self.seeds):
            raise UsageError(
                "lists of 1 to 100 places and at least one seed can be simulated", "change -k or --seeds"
            )
        for weight in self.weights:
            weighted(weight)  # raises if it is out of range, before hours of work
        unknown = sorted(set(self.others) - set(NAMES))
        if unknown:
            raise UsageError(f"there is no policy {unknown[0]!r}", f"choose one of {', '.join(NAMES)}")

    @property
    def n_hours(self) -> int:
        """Hours of a run."""
        return round(self.days * 24)

    @property
    def names(self) -> list[str]:
        """Every policy that plays, in the order of the report."""
        weights = [weight_name(weight) for weight in sorted({0.0, *self.weights})]
        return [*dict.fromkeys([ORACLE, *weights, *self.others])]


def simulate(
    plan: Plan,
    make_world: Callable[[int], World],
    output: Path | None,
    progress: ProgressCallback,
    guests: Mapping[str, Guest] = NO_GUESTS,
) -> dict[str, Any]:
    """Play every policy in the world of each seed; `make_world` draws or fits one. Writes `output`, an HTML page.

    `guests` play as well, under their names: the same visitors, coins, hours and figures as for the plan's policies.
    Raises UsageError, NotFoundError for an output that cannot be written.
    """
    started = time.monotonic()
    if output is not None:
        with replacing(output) as file:  # before hours of work
            file.write(b"<!doctype html><title>newfound simulate</title><p>not finished")
    logs: dict[str, list[RunLog]] = {name: [] for name in (*plan.names, *guests)}
    worlds, news = [], []
    for seed, world in _worlds(plan, make_world, progress):
        played = _play(plan, world, seed, guests, progress)
        for name, log in played.items():
            logs[name].append(log)
        worlds.append(world)
        news.append(figures.judge_new_items(world, played[ORACLE], plan.n_hours))
    report = _report(plan, worlds, news, logs)
    report["seconds"] = time.monotonic() - started
    if output is not None:
        with replacing(output) as file:
            file.write(page(report, _curves(plan, logs)).encode())
        report["output"] = str(output)
    return report


def _worlds(
    plan: Plan, make_world: Callable[[int], World], progress: ProgressCallback
) -> Iterator[tuple[int, World]]:
    for seed in plan.seeds:
        progress(Progress(f"world of seed {seed}", note="drawing users, items and their past"))
        yield seed, make_world(seed)


def _play(
    plan: Plan, world: World, seed: int, guests: Mapping[str, Guest], progress: ProgressCallback
) -> dict[str, RunLog]:
    """Play all policies on one seed's traffic; they share the first FULL."""
    progress(Progress(f"FULL training of seed {seed}", note="on what happened before the start"))
    first = Memory(world, np.arange(world.n_old)).train(seed)
    traffic = draw_traffic(world, plan.n_hours, plan.requests_per_hour, seed)
    names = (*plan.names, *guests)
    stage, total = f"simulation of seed {seed}", len(names) * plan.n_hours
    played: dict[str, RunLog] = {}
    done = 0
    for name in names:
        audience = Audience(world, seed)

        def tick(name: str = name) -> None:
            nonlocal done
            done += 1
            progress(Progress(stage, done, total, name))

        guest = guests.get(name)
        player = guest(audience, plan.k, seed) if guest else _player(name, plan, audience, first, seed)
        played[name] = run(audience, player, traffic, round(plan.full_every_days * 24), tick)
    return played


def _player(name: str, plan: Plan, audience: Audience, first: Bundle, seed: int) -> Player:
    if name == ORACLE:
        return Oracle(audience, plan.k)
    if name == POPULARITY:
        return MostClicked(audience, plan.k)
    ours: dict[str, Policy] = {weight_name(weight): weighted(weight) for weight in (0.0, *plan.weights)}
    return Model(audience.world, first, (ours | OTHERS)[name], plan.k, seed)


def _report(
    plan: Plan, worlds: Sequence[World], news: Sequence[NewItems], logs: dict[str, list[RunLog]]
) -> dict[str, Any]:
    world = worlds[0]
    finite = np.isfinite(world.half_life_days)
    policies = [_entry(plan, name, worlds, news, logs) for name in logs]
    ours = [entry for entry in policies if entry["explorationWeight"] is not None]
    return {
        "world": world.name,
        "halfLifeDays": world.half_life_days if finite else None,
        "users": len(world.user_ids),
        "items": world.n_old,
        "newItems": len(world.item_ids) - world.n_old,
        "days": plan.days,
        "requestsPerHour": plan.requests_per_hour,
        "numResults": plan.k,
        "fullEveryDays": plan.full_every_days,
        "seeds": list(plan.seeds),
        "bestWeight": max(ours, key=lambda entry: float(entry["clicks"]))["explorationWeight"],
        "policies": policies,
    }


def _entry(
    plan: Plan,
    name: str,
    worlds: Sequence[World],
    news: Sequence[NewItems],
    logs: dict[str, list[RunLog]],
) -> dict[str, Any]:
    """Figures of a policy: means over seeds, and lifts with intervals."""
    n_hours, n_users = plan.n_hours, len(worlds[0].user_ids)
    runs = [
        figures.summarise(world, log, oracle, new, n_hours)
        for world, log, oracle, new in zip(worlds, logs[name], logs[ORACLE], news, strict=True)
    ]
    weights = {weight_name(weight): weight for weight in (0.0, *plan.weights)}

    def against(base: str, *hours: float) -> dict[str, float] | None:
        span = (hours[0], hours[1]) if hours else (0.0, np.inf)
        return figures.lift(logs[name], logs[base], n_users, span) if base in logs and base != name else None

    clicks, greedy = (
        sum(figures.hourly(log, n_hours)["clicks"] for log in logs[which]) for which in (name, GREEDY)
    )
    return {
        "policy": name,
        "explorationWeight": weights.get(name),
        **{key: _mean([row[key] for row in runs]) for key in MEANS},
        "liftOverGreedy": against(GREEDY),
        "liftOverIgnoringNew": against(IGNORE_NEW),
        **{key: against(GREEDY, 0, hours) for key, hours in EARLY},
        "lastHalf": against(GREEDY, n_hours / 2, np.inf),
        "breakEvenHour": None
        if name == GREEDY
        else figures.break_even(np.asarray(clicks), np.asarray(greedy)),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    """Mean of what could be told; None if nothing could."""
    told = [value for value in values if value is not None]
    return float(np.mean(told)) if told else None


def _curves(plan: Plan, logs: dict[str, list[RunLog]]) -> dict[str, dict[str, np.ndarray]]:
    """Hourly sums over seeds, by policy."""
    curves = {}
    for name, runs in logs.items():
        parts = [figures.hourly(log, plan.n_hours) for log in runs]
        curves[name] = {key: np.sum([part[key] for part in parts], axis=0) for key in parts[0]}
    return curves


__all__ = ["NAMES", "PRESETS", "WEIGHTS", "Guest", "Plan", "simulate"]
