"""Where everything lies inside a project directory, and which names are allowed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from newfound.errors import UsageError
from newfound.store.files import damaged

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}")

DATASETS = ("interactions", "items", "users")
TABLES = (*DATASETS, "events", "recommendations")


def check_name(name: str, kind: str) -> str:
    """Return the name of a solution, campaign or filter if it is allowed, else raise UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no {kind} name",
            "use 1 to 63 letters, digits, '-' and '_', the first of them a letter or digit",
        )
    return name


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one project; all of them follow from `root`, so that a project can be moved."""

    root: Path

    @property
    def project_file(self) -> Path:
        """Return the path of newfound.json."""
        return self.root / "newfound.json"

    def schema(self, dataset: str) -> Path:
        """Return the path of a registered schema document."""
        return self.root / "schemas" / f"{dataset}.json"

    def table(self, name: str) -> Path:
        """Return the directory of a Delta table."""
        return self.root / "data" / name

    @property
    def event_ids(self) -> Path:
        """Return the directory of the eventId index; engines that read the table skip names with `_`."""
        return self.table("events") / "_event_ids"

    @property
    def solutions(self) -> Path:
        """Return the directory of all solutions."""
        return self.root / "solutions"

    def solution(self, name: str) -> Path:
        """Return the directory of a solution."""
        return self.solutions / check_name(name, "solution")

    def version(self, solution: str, number: int) -> Path:
        """Return the directory of a solution version."""
        return self.solution(solution) / "versions" / f"v{number}"

    @property
    def campaigns(self) -> Path:
        """Return the directory of all campaigns."""
        return self.root / "campaigns"

    def campaign(self, name: str) -> Path:
        """Return the path of a campaign."""
        return self.campaigns / f"{check_name(name, 'campaign')}.json"

    @property
    def filters(self) -> Path:
        """Return the directory of all filters."""
        return self.root / "filters"

    def filter(self, name: str) -> Path:
        """Return the path of a filter."""
        return self.filters / f"{check_name(name, 'filter')}.json"

    def lock(self, name: str) -> Path:
        """Return the path of a lock: a table's name, `solution-NAME`, `campaigns`, `filters` or `schemas`."""
        return self.root / "locks" / f"{name}.lock"

    def require_inside(self, path: Path) -> None:
        """Refuse a path that a symbolic link among its directories may lead out of the project."""
        for inner in path.relative_to(self.root).parents[:-1]:
            if (self.root / inner).is_symlink():
                raise damaged(
                    self.root / inner, "a symbolic link stands where a directory of the project was"
                )
