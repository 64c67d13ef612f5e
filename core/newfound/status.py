"""What a project holds, what is stale, and what to run next."""

from __future__ import annotations

from typing import Any

from newfound.campaigns import describe_campaigns, list_campaigns, serving_version
from newfound.dataset.describe import summarize
from newfound.errors import NotFoundError
from newfound.solutions import Solution, list_solutions
from newfound.store.layout import Layout
from newfound.store.project_file import read_project_file
from newfound.store.tables import Table
from newfound.store.versions import newest_active, newest_parent

TRAIN = "newfound solution train --mode full"
UPDATE = "newfound solution train --mode update"


def status(layout: Layout) -> dict[str, Any]:
    """Summarise the project with the keys of `status --json`."""
    datasets = [summarize(layout, name) for name in ("interactions", "items", "users", "events")]
    solutions = [_solution(layout, solution) for solution in list_solutions(layout)]
    campaigns = describe_campaigns(layout)
    stale, following = _stale(layout, solutions)
    return {
        "project": str(layout.root),
        "name": read_project_file(layout).name,
        "datasets": datasets,
        "solutions": solutions,
        "campaigns": campaigns,
        "stale": stale,
        "next": _next(datasets, solutions, campaigns, following),
    }


def _solution(layout: Layout, solution: Solution) -> dict[str, Any]:
    newest = newest_active(layout, solution.name)
    parent = newest_parent(layout, solution.name)
    arrived = Table(layout, "events").snapshot().next_offset
    return {
        "name": solution.name,
        "recipe": solution.recipe,
        "solutionVersion": newest.name if newest else None,
        "trainingMode": newest.record["trainingMode"] if newest else None,
        "creationDateTime": newest.record["creationDateTime"] if newest else None,
        "newEvents": arrived - (parent.record["eventOffset"] if parent else 0),
    }


def _named(command: str, solution: str) -> str:
    return command if solution == "default" else command.replace("train", f"train {solution}")


def _stale(layout: Layout, solutions: list[dict[str, Any]]) -> tuple[list[str], str | None]:
    """Sentences on what has fallen behind, and the first command that would mend it."""
    sentences, commands = [], []
    for solution in solutions:
        if solution["solutionVersion"] and solution["newEvents"]:
            command = _named(UPDATE, solution["name"])
            sentences.append(
                f"{solution['newEvents']:,} events since {solution['solutionVersion']}; run `{command}`"
            )
            commands.append(command)
    for campaign in list_campaigns(layout):
        try:
            serving = serving_version(layout, campaign)
            newest = newest_active(layout, serving.solution)
        except NotFoundError as error:
            sentences.append(f"campaign {campaign.name} cannot answer: {error.message}")
            continue
        if newest is not None and newest.name != serving.name:
            command = f"newfound campaign update {campaign.name}".removesuffix(" default")
            sentences.append(
                f"campaign {campaign.name} serves {serving.name}, {newest.name} is newer; run `{command}`"
            )
            commands.append(command)
    return sentences, commands[0] if commands else None


def _next(
    datasets: list[dict[str, Any]],
    solutions: list[dict[str, Any]],
    campaigns: list[dict[str, Any]],
    following: str | None,
) -> str:
    if not any(dataset["rows"] for dataset in datasets if dataset["dataset"] in ("interactions", "events")):
        return "newfound dataset import interactions FILE"
    if not any(solution["solutionVersion"] for solution in solutions):
        return TRAIN
    if following is not None:
        return following
    if not campaigns:
        return "newfound campaign create"
    return "newfound recommend --user USER"
