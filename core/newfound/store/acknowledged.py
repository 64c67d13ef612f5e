"""`_acknowledged.json`: the newest durable version of a table. Replacing it is what commits.

Readers believe this file alone, so a log entry that was torn or never acknowledged cannot reach them, and
opening a table costs one small read however long its log is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from newfound.store.delta_log import DeltaLog, Snapshot
from newfound.store.files import damaged, read_json, seal_json

NAME = "_acknowledged.json"


def acknowledged_path(log: DeltaLog) -> Path:
    """Return the path of the acknowledgement of a table."""
    return log.folder / NAME


def render_acknowledgement(log: DeltaLog, snapshot: Snapshot) -> bytes:
    """Return the file that makes `snapshot` the current version."""
    return seal_json(
        {
            "version": snapshot.version,
            "entry": snapshot.entry,
            "timestamp": snapshot.timestamp,
            "nextOffset": snapshot.next_offset,
            "metadata": snapshot.metadata,
            "files": [log.add_action(file) for file in snapshot.files],
        }
    )


def read_acknowledged(log: DeltaLog) -> Snapshot:
    """Read the current version of a table; an empty snapshot if it has none yet."""
    path = acknowledged_path(log)
    for _ in range(2):
        try:
            return _parsed(log, read_json(path))
        except FileNotFoundError:
            # Version 0 holds no rows, so only with version 1 there would anything be lost. A table that
            # was created between the two looks is read in the second round.
            if not log.entry_path(1).exists():
                return Snapshot()
        except (KeyError, TypeError, ValueError):
            raise damaged(path) from None
    raise damaged(path, "the file is missing")


def _parsed(log: DeltaLog, value: dict[str, Any]) -> Snapshot:
    files = tuple(log.data_file(action) for action in value["files"])
    return Snapshot(
        value["version"], value["entry"], value["timestamp"], value["nextOffset"], value["metadata"], files
    )
