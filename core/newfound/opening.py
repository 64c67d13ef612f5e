"""Make a project, and find the one that a command means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from newfound.errors import NotFoundError
from newfound.store.layout import Layout
from newfound.store.project_file import FORMAT_VERSION, create_project_file, read_project_file

ENVIRONMENT = "NEWFOUND_PROJECT"


def init_project(root: Path) -> dict[str, Any]:
    """Make an empty project; an existing one is left as it is."""
    layout = Layout(root)
    created = create_project_file(layout)
    found = read_project_file(layout)
    return {
        "project": str(root),
        "name": found.name,
        "created": created,
        "formatVersion": FORMAT_VERSION,
        "creationDateTime": found.creation_time,
    }


def find_project(directory: str | Path | None) -> Path:
    """Find a project: this directory, else $NEWFOUND_PROJECT, else the nearest parent of the current directory.

    Raises NotFoundError, DamagedError, NewerFormatError.
    """
    root = Path(os.environ.get(ENVIRONMENT) or _nearest()) if directory is None else Path(directory)
    read_project_file(Layout(root))
    return root


def _nearest() -> Path:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "newfound.json").exists():
            return folder
    raise NotFoundError(
        f"no project in {here} or above", "run `newfound init`, or name a project with -C DIR", str(here)
    )
