"""newfound.json: what makes a directory a project."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from uuid import uuid4

import orjson

from newfound.errors import NewerFormatError, NotFoundError, UsageError
from newfound.store.files import create_bytes, read_bytes, read_json, seal_json
from newfound.store.layout import TABLES, Layout
from newfound.store.locks import make_lock_file

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """The identity of a project; `creation_time` in Unix seconds."""

    id: str
    name: str
    creation_time: float


def create_project_file(layout: Layout) -> bool:
    """Make an empty project; return False, and change nothing, where there already is one."""
    value = {
        "formatVersion": FORMAT_VERSION,
        "id": str(uuid4()),
        "name": os.fsencode(layout.root.resolve().name).decode(errors="replace"),
        "creationDateTime": round(time.time(), 3),
    }
    # Resolved: the project itself may be reached by a link, unlike anything in it.
    resolved = Layout(layout.root.resolve())
    if resolved.root.exists() and not resolved.root.is_dir():
        raise UsageError(f"{layout.root} is no directory", "name a directory, new or old", str(layout.root))
    if not resolved.project_file.exists():
        # Made beforehand, so that a command which fails later leaves every file as it was.
        for name in (*TABLES, "campaigns", "solution-default"):
            make_lock_file(resolved.lock(name))
    try:
        create_bytes(resolved.project_file, seal_json(value))
    except FileExistsError:
        read_project_file(layout)
        return False
    return True


def read_project_file(layout: Layout) -> ProjectFile:
    """Read newfound.json; raise NotFoundError, DamagedError or NewerFormatError."""
    path = layout.project_file
    try:
        if not layout.root.is_dir():
            raise FileNotFoundError
        version = _claimed_version(read_bytes(path))
    except FileNotFoundError:
        raise NotFoundError(
            f"{layout.root} is not a newfound project: it has no newfound.json",
            "name one with --project, or make one with `newfound init`",
            str(path),
        ) from None
    if version > FORMAT_VERSION:
        raise NewerFormatError(
            f"{path}: format {version}, this newfound reads up to {FORMAT_VERSION}",
            "upgrade newfound",
            str(path),
        )
    value = read_json(path)
    return ProjectFile(value["id"], value["name"], value["creationDateTime"])


def _claimed_version(data: bytes) -> int:
    # Read before the seal is checked: a newer format may seal its file in another way.
    try:
        version = orjson.loads(data)["formatVersion"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return 0
    return version if isinstance(version, int) else 0
