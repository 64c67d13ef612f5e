"""`simulate`: play exploration in a synthetic world, or in one that is fitted on the project's data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from newfound.errors import UsageError
from newfound.progress import ProgressCallback
from newfound.simulation.presets import synthetic_world
from newfound.simulation.project_world import project_world
from newfound.simulation.simulate import NAMES, PRESETS, WEIGHTS, Plan
from newfound.simulation.simulate import simulate as play
from newfound.simulation.world import World
from newfound.store.layout import Layout

FITTED = "project"


def plan(
    days: float,
    requests_per_hour: float,
    num_results: int,
    seeds: Iterable[int],
    full_every: float,
    weights: Sequence[float] | None,
    policies: Sequence[str] | None,
) -> Plan:
    """Say what to play: the usual weights and every other policy, if none are named. Raises UsageError."""
    return Plan(
        days=days,
        requests_per_hour=requests_per_hour,
        k=num_results,
        seeds=tuple(seeds),
        full_every_days=full_every,
        weights=tuple(WEIGHTS if weights is None else weights),
        others=tuple(NAMES if policies is None else policies),
    )


def simulate(
    layout: Layout,
    world: str,
    users: int,
    plan: Plan,
    output: str | Path | None,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Play the plan in a preset world of so many users, or in FITTED; raise UsageError, TooLittleDataError."""
    if world not in (*PRESETS, FITTED):
        raise UsageError(f"there is no world {world!r}", f"choose one of {', '.join((*PRESETS, FITTED))}")
    if not 100 <= users <= 100_000:
        raise UsageError(f"{users} users cannot be simulated", "choose 100 to 100000")

    def make(seed: int) -> World:
        if world == FITTED:
            return project_world(layout, plan.days, seed)
        return synthetic_world(world, plan.days, users, seed)

    return play(plan, make, None if output is None else Path(output), progress)
