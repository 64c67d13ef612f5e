"""What a project holds, what is stale, and what to run next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from newfound.campaigns import describe_campaigns
from newfound.dataset.describe import summarize
from newfound.errors import DamagedError
from newfound.serving.bundle import open_bundle
from newfound.solutions import Solution, list_solutions
from newfound.store.layout import Layout
from newfound.store.project_file import read_project_file
from newfound.store.tables import Table
from newfound.store.versions import (
    Version,
    find_version,
    interrupted_full,
    newest_active,
    newest_parent,
    training_command,
)

Behind = tuple[str, str]
"""A sentence on what has fallen behind, and the command that mends it."""


def status(layout: Layout) -> dict[str, Any]:
    """Summarise the project with the keys of `status --json`."""
    datasets = [summarize(layout, name) for name in ("interactions", "items", "users", "events")]
    solutions = [_solution(layout, solution) for solution in list_solutions(layout)]
    campaigns = describe_campaigns(layout)
    stale = [
        *(behind for solution in solutions for behind in _stale_solution(layout, solution)),
        *(behind for campaign in campaigns for behind in _stale_campaign(layout, campaign)),
    ]
    return {
        "project": str(layout.root),
        "name": read_project_file(layout).name,
        "datasets": datasets,
        "solutions": solutions,
        "campaigns": campaigns,
        "stale": [sentence for sentence, _ in stale],
        "next": _next(datasets, solutions, campaigns, [command for _, command in stale if command]),
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
        "newItems": _new_items(layout, parent) if parent else 0,
        "newInteractions": _new_interactions(layout, parent) if parent else 0,
    }


def _new_items(layout: Layout, parent: Version) -> int:
    """Count the items whose records an UPDATE of `parent` would take in; 0 where its bundle cannot be read."""
    try:
        since = open_bundle(parent.serving).meta.item_record_offset
    except DamagedError:  # whoever serves or updates it is told
        return 0
    if Table(layout, "items").snapshot().next_offset <= since:
        return 0
    from newfound.dataset.current import current_records

    return len(current_records(layout, "items", since=since))


def _new_interactions(layout: Layout, parent: Version) -> int:
    """Count the rows imported since the FULL version of `parent`, which only another FULL takes in."""
    tables = find_version(layout, parent.record["full"]).record.get("tables", {})
    table = Table(layout, "interactions")
    now = table.snapshot().version
    return table.log.rows_added(tables.get("interactions", now), now)


def _stale_solution(layout: Layout, solution: dict[str, Any]) -> Iterator[Behind]:
    name, since = solution["name"], solution["solutionVersion"]
    if killed := interrupted_full(layout, name):
        command = training_command(name, "--resume")
        yield f"training of {killed.name} was interrupted; run `{command}`", command
    if since is None:
        return
    if solution["newInteractions"]:
        command = training_command(name, "--mode", "full")
        what = _count(solution["newInteractions"], "imported interactions")
        yield f"{what} since {since}; run `{command}`", command
    fresh = {"events": solution["newEvents"], "items": solution["newItems"]}
    if any(fresh.values()):
        what = " and ".join(_count(n, kind) for kind, n in fresh.items() if n)
        command = training_command(name, "--mode", "update")
        yield f"{what} since {since}; run `{command}`", command


def _count(n: int, things: str) -> str:
    return f"{n:,} {things.removesuffix('s') if n == 1 else things}"


def _stale_campaign(layout: Layout, campaign: dict[str, Any]) -> Iterator[Behind]:
    name, serving = campaign["name"], campaign["servingVersion"]
    if serving is None:
        yield f"campaign {name} cannot answer: {campaign['solutionVersion']} is gone", ""
        return
    newest = newest_active(layout, campaign["solution"])
    if newest is not None and newest.name != serving:
        command = f"newfound campaign update {name}".removesuffix(" default")
        yield f"campaign {name} serves {serving}, {newest.name} is newer; run `{command}`", command


def _next(
    datasets: Sequence[dict[str, Any]],
    solutions: Sequence[dict[str, Any]],
    campaigns: Sequence[dict[str, Any]],
    mending: Sequence[str],
) -> str:
    if not any(dataset["rows"] for dataset in datasets if dataset["dataset"] in ("interactions", "events")):
        return "newfound dataset import interactions FILE"
    if mending:
        return mending[0]
    names = [solution["name"] for solution in solutions]
    name = "default" if "default" in names or not names else names[0]
    if not any(solution["solutionVersion"] for solution in solutions):
        return training_command(name, "--mode", "full")
    if not campaigns:
        return "newfound campaign create" + ("" if name == "default" else f" --solution {name}")
    return "newfound recommend --user USER"
