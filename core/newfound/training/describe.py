"""What versions say of themselves: their training, their metrics, and the data that they stand on."""

from __future__ import annotations

from typing import Any

from newfound.errors import NotFoundError
from newfound.solutions import list_solutions, read_solution
from newfound.store.files import read_json
from newfound.store.layout import Layout
from newfound.store.versions import FULL, Version, find_version, list_versions, newest_active, parse_reference

REPORT = "report.json"


def describe_training(version: Version) -> dict[str, Any]:
    """Describe a version with the keys of `solution train --json`."""
    record = version.record
    keys = (
        "status",
        "trainingMode",
        "parent",
        "items",
        "newItems",
        "users",
        "interactions",
        "newEvents",
        "impressions",
        "seconds",
        "metrics",
        "warnings",
        "failureReason",
        "creationDateTime",
        "lastUpdatedDateTime",
    )
    described = {"solutionVersion": version.name, "recipe": record["recipe"]} | {
        key: record[key] for key in keys if key in record
    }
    if record["trainingMode"] == FULL and "training" in record:
        found = record["training"].get("warmStart") or {}
        described["warmStart"] = record.get("beginFrom") if found.get("used") else None
        described["trials"] = record.get("trials", [])
    return described


def describe_solution(layout: Layout, reference: str) -> dict[str, Any]:
    """Describe a solution, or one version of it (`default@v2`); raise NotFoundError."""
    name, number = parse_reference(reference)
    if number is not None:
        return describe_training(find_version(layout, reference))
    found = read_solution(layout, name)
    newest = newest_active(layout, name)
    return found.to_dict() | {"latestSolutionVersion": newest.name if newest else None}


def describe_versions(layout: Layout, name: str) -> list[dict[str, Any]]:
    """Describe the versions of a solution, the ones in progress or failed included; raise NotFoundError."""
    read_solution(layout, name)
    return [describe_training(version) for version in list_versions(layout, name)]


def describe_metrics(layout: Layout, reference: str) -> dict[str, Any]:
    """Describe the offline metrics of a version; for an UPDATE those of its FULL. Raises NotFoundError."""
    from newfound.evaluation.findings import findings
    from newfound.evaluation.offline import DEFINITION

    version = find_version(layout, reference)
    source = find_version(layout, version.record.get("full") or version.name)
    if not (source.folder / REPORT).exists():
        raise NotFoundError(
            f"{source.name} has no metrics: an earlier release trained it, or no user had 3 events",
            f"train again when there are: `newfound solution train {version.solution} --mode full`",
        )
    report = read_json(source.folder / REPORT)
    return {
        "solutionVersion": version.name,
        "measuredOn": source.name,
        **report,
        "baseline": report["baselines"]["popularity"],
        "cold": report["slices"]["cold"],
        "findings": findings(report, version.solution, version.record["recipe"]),
        "definitions": DEFINITION,
    }


def table_versions_in_use(layout: Layout) -> dict[str, set[int]]:
    """Name the table versions that FULL versions were trained on, so that training can be repeated."""
    used: dict[str, set[int]] = {}
    for solution in list_solutions(layout):
        for version in list_versions(layout, solution.name):
            for table, number in version.record.get("tables", {}).items():
                used.setdefault(table, set()).add(number)
    return used
