"""Campaigns: which version answers, and how much it explores (behaviour specification §4)."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from newfound.errors import AlreadyExistsError, NotFoundError, UsageError
from newfound.explore.settings import ExplorationSettings
from newfound.solutions import find_recipe, read_solution
from newfound.store.files import create_bytes, read_json, seal_json, write_json
from newfound.store.layout import Layout
from newfound.store.locks import lock
from newfound.store.versions import ACTIVE, Version, find_version, parse_reference


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign; weight and cut-off are None where the recipe does not explore."""

    name: str
    solution_version: str
    exploration_weight: float | None
    item_age_cutoff_days: float | None
    follow_latest: bool
    creation_time: float
    update_time: float

    @property
    def settings(self) -> ExplorationSettings:
        """Exploration as the policy takes it."""
        if self.exploration_weight is None or self.item_age_cutoff_days is None:
            return ExplorationSettings(0.0)
        return ExplorationSettings(self.exploration_weight, self.item_age_cutoff_days)

    def to_dict(self) -> dict[str, Any]:
        """Describe with the keys of the command line."""
        return {
            "name": self.name,
            "solution": parse_reference(self.solution_version)[0],
            "solutionVersion": self.solution_version,
            "explorationWeight": self.exploration_weight,
            "explorationItemAgeCutoff": self.item_age_cutoff_days,
            "followLatest": self.follow_latest,
            "status": ACTIVE,
            "creationDateTime": self.creation_time,
            "lastUpdatedDateTime": self.update_time,
        }


def create_campaign(
    layout: Layout,
    name: str,
    solution: str | None,
    exploration_weight: float | None,
    item_age_cutoff_days: float | None,
    follow_latest: bool | None,
) -> dict[str, Any]:
    """Create a campaign, by default on the default solution; describe it, with `created`.

    The same settings again change nothing.

    Raises AlreadyExistsError for other settings, NotFoundError without an ACTIVE version, UsageError for bad values.
    """
    path = layout.campaign(name)
    _settings(exploration_weight, item_age_cutoff_days)
    _refuse_to_follow_a_pin(solution, follow_latest)
    solution = solution or "default"
    version = _active(layout, solution)
    weight, cutoff = _exploration(layout, version, exploration_weight, item_age_cutoff_days)
    now = time.time()
    campaign = Campaign(name, version.name, weight, cutoff, bool(follow_latest), now, now)
    try:
        create_bytes(path, seal_json(asdict(campaign)))
    except FileExistsError:
        existing = read_campaign(layout, name)
        wanted = replace(campaign, creation_time=existing.creation_time, update_time=existing.update_time)
        if "@" not in solution and parse_reference(existing.solution_version)[0] == solution:
            wanted = replace(wanted, solution_version=existing.solution_version)
        if wanted != existing:
            raise AlreadyExistsError(
                f"campaign {name!r} exists with other settings",
                f"`newfound campaign update {name}` changes it; `newfound campaign describe {name}` shows it",
            ) from None
        return _described(layout, existing) | {"created": False}
    return _described(layout, campaign) | {"created": True}


def update_campaign(
    layout: Layout,
    name: str,
    solution: str | None,
    exploration_weight: float | None,
    item_age_cutoff_days: float | None,
    follow_latest: bool | None,
    *,
    lock_timeout: float,
) -> dict[str, Any]:
    """Change a campaign; without any option it moves to the newest version. Describe it, with `updated`.

    A `SOLUTION@vN` pins the campaign to that version: it follows the latest no more.
    """
    _refuse_to_follow_a_pin(solution, follow_latest)
    with lock(layout.lock("campaigns"), lock_timeout, f"update campaign {name}"):
        old = read_campaign(layout, name)
        if solution is not None:
            version = _active(layout, solution)
        elif (exploration_weight, item_age_cutoff_days, follow_latest) != (None,) * 3:
            version = serving_version(layout, old)
        else:
            version = _active(layout, parse_reference(old.solution_version)[0])
        weight, cutoff = _exploration(layout, version, exploration_weight, item_age_cutoff_days, old)
        kept = old.follow_latest and not _pins(solution)
        follows = kept if follow_latest is None else follow_latest
        new = Campaign(name, version.name, weight, cutoff, follows, old.creation_time, old.update_time)
        if new == old:
            return _described(layout, old) | {"updated": False}
        new = replace(new, update_time=time.time())
        write_json(layout.campaign(name), asdict(new))
        return _described(layout, new) | {"updated": True}


def _pins(solution: str | None) -> bool:
    """Tell whether a reference names one version."""
    return solution is not None and parse_reference(solution)[1] is not None


def _refuse_to_follow_a_pin(solution: str | None, follow_latest: bool | None) -> None:
    """Raise UsageError where one version is named and the latest is to be followed."""
    if follow_latest and _pins(solution):
        raise UsageError(
            f"--follow-latest with --solution {solution}: a campaign follows a solution or keeps to one version",
            "name the solution without @vN, or leave --follow-latest out",
        )


def _active(layout: Layout, reference: str) -> Version:
    version = find_version(layout, reference)
    if version.status != ACTIVE:
        raise UsageError(
            f"{version.name} is {version.status}, only ACTIVE versions serve",
            "`newfound solution versions` lists them",
        )
    return version


def _settings(weight: float | None, cutoff: float | None) -> ExplorationSettings:
    """Fill in the defaults; raise UsageError for values out of range."""
    default = ExplorationSettings()
    return ExplorationSettings(
        default.exploration_weight if weight is None else weight,
        default.item_age_cutoff_days if cutoff is None else cutoff,
    )


def _exploration(
    layout: Layout,
    version: Version,
    weight: float | None,
    cutoff: float | None,
    old: Campaign | None = None,
) -> tuple[float | None, float | None]:
    """Weight and cut-off in force; what is not given stays as in `old`.

    Raises UsageError for any that is given on a recipe that does not explore.
    """
    recipe = find_recipe(read_solution(layout, version.solution).recipe)
    if not recipe.explores:
        if weight is not None or cutoff is not None:
            raise UsageError(
                f"recipe {recipe.name} does not explore",
                "leave the exploration options out for this solution",
            )
        return None, None
    if old is not None:
        weight = old.exploration_weight if weight is None else weight
        cutoff = old.item_age_cutoff_days if cutoff is None else cutoff
    settings = _settings(weight, cutoff)
    return settings.exploration_weight, settings.item_age_cutoff_days


def read_campaign(layout: Layout, name: str) -> Campaign:
    """Read a campaign; raise NotFoundError."""
    try:
        return Campaign(**read_json(layout.campaign(name)))
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no campaign {name!r}",
            f"`newfound campaign create {name}` makes it, `newfound campaign list` shows those there are",
        ) from None


def list_campaigns(layout: Layout) -> list[Campaign]:
    """List all campaigns by name."""
    return [read_campaign(layout, path.stem) for path in sorted(layout.campaigns.glob("*.json"))]


def describe_campaigns(layout: Layout) -> list[dict[str, Any]]:
    """Describe all campaigns by name, each with the version that answers now."""
    return [_described(layout, campaign) for campaign in list_campaigns(layout)]


def describe_campaign(layout: Layout, name: str) -> dict[str, Any]:
    """Describe a campaign, with the version that answers now; raise NotFoundError."""
    return _described(layout, read_campaign(layout, name))


def _described(layout: Layout, campaign: Campaign) -> dict[str, Any]:
    """Describe a campaign; `servingVersion` is None where the version that it names is gone."""
    serving = None
    with suppress(NotFoundError):
        serving = serving_version(layout, campaign).name
    return campaign.to_dict() | {"servingVersion": serving}


def delete_campaign(layout: Layout, name: str) -> dict[str, Any]:
    """Remove a campaign; versions and the response log stay."""
    read_campaign(layout, name)
    layout.campaign(name).unlink()
    return {"name": name, "deleted": True}


def serving_version(layout: Layout, campaign: Campaign) -> Version:
    """Find the version that answers now: the pinned one, or the newest ACTIVE one of the solution it follows."""
    if campaign.follow_latest:
        return find_version(layout, parse_reference(campaign.solution_version)[0])
    return find_version(layout, campaign.solution_version)


def versions_in_service(layout: Layout, campaign: Campaign) -> set[str]:
    """Names of the versions that a campaign needs: the one it names and the one that answers now."""
    names = {campaign.solution_version}
    with suppress(NotFoundError):
        names.add(serving_version(layout, campaign).name)
    return names
