"""Solutions: a name, a recipe and its settings, under which versions are trained (behaviour specification §5)."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from newfound.dataset.histories import EventSelection
from newfound.errors import AlreadyExistsError, NotFoundError, UsageError
from newfound.store.files import create_bytes, read_json, seal_json
from newfound.store.layout import Layout
from newfound.store.locks import lock
from newfound.store.versions import (
    Version,
    delete_all_versions,
    delete_version,
    find_version,
    list_versions,
    newest_active,
    parse_reference,
)

if TYPE_CHECKING:
    from newfound.campaigns import Campaign

DEFAULT_RECIPE = "user-personalization"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a recipe can do; `explores`: its campaigns take exploration settings; `learns`: it trains a network."""

    name: str
    explores: bool
    learns: bool = True


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("user-personalization", True),
        Recipe("hrnn-metadata", False),
        Recipe("popularity-count", False, learns=False),
    )
}
_ARN_PREFIX = "arn:aws:personalize:::recipe/"


def find_recipe(name: str) -> Recipe:
    """Find a recipe by name, `aws-` name or recipe ARN; raise UsageError for others."""
    short = name.removeprefix(_ARN_PREFIX).removeprefix("aws-")
    if short not in RECIPES:
        raise UsageError(f"there is no recipe {name!r}", f"choose one of {', '.join(RECIPES)}")
    return RECIPES[short]


@dataclass(frozen=True, slots=True)
class Solution:
    """A solution's settings, fixed at creation."""

    name: str
    recipe: str = DEFAULT_RECIPE
    event_type: str | None = None
    event_value_threshold: float | None = None
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    creation_time: float = 0.0

    @property
    def selection(self) -> EventSelection:
        """Which interactions train."""
        return EventSelection(self.event_type, self.event_value_threshold)

    def to_dict(self) -> dict[str, Any]:
        """Describe with the keys of the command line."""
        return {
            "name": self.name,
            "recipe": self.recipe,
            "eventType": self.event_type,
            "eventValueThreshold": self.event_value_threshold,
            "hyperparameters": dict(self.hyperparameters),
            "creationDateTime": self.creation_time,
        }


def create_solution(layout: Layout, solution: Solution) -> tuple[Solution, bool]:
    """Create a solution; the same settings again change nothing. Returns it and whether it is new.

    Raises AlreadyExistsError when the name stands for other settings, UsageError for settings that are none.
    """
    _check_hyperparameters(solution)
    solution = replace(solution, recipe=find_recipe(solution.recipe).name, creation_time=time.time())
    path = layout.solution(solution.name) / "solution.json"
    try:
        create_bytes(path, seal_json(asdict(solution)))
    except FileExistsError:
        existing = read_solution(layout, solution.name)
        if replace(existing, creation_time=solution.creation_time) != solution:
            raise AlreadyExistsError(
                f"solution {solution.name!r} exists with other settings",
                f"see `newfound solution describe {solution.name}`, or choose another name",
            ) from None
        return existing, False
    return solution, True


def read_solution(layout: Layout, name: str) -> Solution:
    """Read a solution; raise NotFoundError."""
    try:
        return Solution(**read_json(layout.solution(name) / "solution.json"))
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no solution {name!r}", "`newfound solution list` shows those there are"
        ) from None


def list_solutions(layout: Layout) -> list[Solution]:
    """List all solutions by name."""
    names = sorted(path.parent.name for path in layout.solutions.glob("*/solution.json"))
    return [read_solution(layout, name) for name in names]


def _check_hyperparameters(solution: Solution) -> None:
    """Raise UsageError for a hyperparameter that the recipe does not have, or a value out of its range."""
    if solution.hyperparameters and not find_recipe(solution.recipe).learns:
        raise UsageError(f"recipe {solution.recipe} has no hyperparameters", "leave --hyperparameter out")
    from newfound.model.config import choose_config

    choose_config(1_000, 1_000, solution.hyperparameters)


def summarize_solutions(layout: Layout) -> list[dict[str, Any]]:
    """List all solutions with their newest versions."""
    found = []
    for solution in list_solutions(layout):
        versions = list_versions(layout, solution.name)
        newest = newest_active(layout, solution.name)
        found.append(
            {
                "name": solution.name,
                "recipe": solution.recipe,
                "solutionVersion": newest.name if newest else None,
                "status": versions[-1].status if versions else None,
                "versions": len(versions),
            }
        )
    return found


def delete_solution(layout: Layout, reference: str, lock_timeout: float) -> dict[str, Any]:
    """Delete a solution, or one version of it; raise UsageError while a campaign or an UPDATE needs it."""
    from newfound.campaigns import list_campaigns, versions_in_service

    name, number = parse_reference(reference)
    read_solution(layout, name)
    serving = [c for c in list_campaigns(layout) if parse_reference(c.solution_version)[0] == name]
    with lock(layout.lock(f"solution-{name}"), lock_timeout, f"delete {reference}"):
        if number is None:
            _refuse_if(serving, reference)
            delete_all_versions(layout, name)
            shutil.rmtree(layout.solution(name))
        else:
            version = find_version(layout, reference)
            _refuse_if([c for c in serving if reference in versions_in_service(layout, c)], reference)
            _refuse_if_parent(layout, version)
            delete_version(version)
    return {"name": reference, "deleted": True}


def _refuse_if_parent(layout: Layout, version: Version) -> None:
    versions = list_versions(layout, version.solution)
    children = [other.name for other in versions if other.record.get("full") == version.name != other.name]
    if children:
        raise UsageError(
            f"{version.name} is the FULL version of {', '.join(children)}", "delete these first, or keep it"
        )


def _refuse_if(campaigns: list[Campaign], reference: str) -> None:
    if campaigns:
        raise UsageError(
            f"campaign {campaigns[0].name!r} serves {reference}",
            f"delete it or move it first: `newfound campaign update {campaigns[0].name} --solution ...`",
        )
