"""The state of a table, and the entries of its Delta log that lead to it.

Entries follow the Delta protocol (reader 1, writer 2), so that other engines read the tables. Each also
names the sha256 of the entry before it: a chain that shows any changed, missing or swapped entry. They are
written here and not by delta-rs, which makes an entry visible before it is durable and never calls fsync.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from arro3.core import Schema

from newfound.columns import USER_HASH
from newfound.store.arrow import arrow_schema, delta_fields
from newfound.store.data_files import DataFile, is_data_file_name
from newfound.store.files import damaged, read_bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A committed version of a table.

    `entry` is the sha256 of its log entry, `timestamp` in Unix milliseconds, `metadata` its metaData action.
    """

    version: int = -1
    entry: str = ""
    timestamp: int = 0
    next_offset: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    files: tuple[DataFile, ...] = ()

    @property
    def fields(self) -> list[dict[str, Any]]:
        """Return the columns in the terms of the Delta protocol; none before the first commit."""
        return list(orjson.loads(self.metadata["schemaString"])["fields"]) if self.metadata else []

    @property
    def schema(self) -> Schema:
        """Return the Arrow schema."""
        return arrow_schema(self.fields)


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit does; with `rearranged` files it adds or removes no rows, but moves them."""

    next_offset: int
    schema: Schema
    add: tuple[DataFile, ...] = ()
    remove: tuple[DataFile, ...] = ()
    rearranged: frozenset[DataFile] = frozenset()


@dataclass(frozen=True, slots=True)
class DeltaLog:
    """The log of the table in `folder`."""

    folder: Path
    offset_column: str | None

    def entry_path(self, version: int) -> Path:
        """Return where the entry of a version lies."""
        return self.folder / "_delta_log" / f"{version:020}.json"

    def render(self, state: Snapshot, change: Change) -> bytes:
        """Return the entry that makes `change` on top of `state`."""
        now = time.time_ns() // 1_000_000
        info = {"timestamp": now, "operation": "WRITE", "operationParameters": {}, "engineInfo": "newfound"}
        actions: list[dict[str, Any]] = [
            {"commitInfo": info | {"previous": state.entry, "nextOffset": change.next_offset}}
        ]
        if state.version < 0:
            actions.append({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}})
        fields = delta_fields(change.schema)
        if fields != state.fields:
            actions.append({"metaData": _metadata(state, fields, now)})
        for file in change.remove:
            removal = {
                "path": file.rel,
                "dataChange": file not in change.rearranged,
                "deletionTimestamp": now,
            }
            actions.append({"remove": removal})
        for file in change.add:
            addition = self.add_action(file) | {"dataChange": file not in change.rearranged}
            actions.append({"add": addition | {"modificationTime": now}})
        return b"".join(orjson.dumps(action) + b"\n" for action in actions)

    def apply(self, state: Snapshot, entry: bytes) -> Snapshot:
        """Return the state after one more entry; raise DamagedError if the entry does not follow `state`."""
        path = self.entry_path(state.version + 1)
        files = {file.rel: file for file in state.files}
        metadata, info = state.metadata, {}
        try:
            for line in entry.splitlines():
                [(kind, action)] = orjson.loads(line).items()
                if kind == "add":
                    file = self.data_file(action)
                    files[file.rel] = file
                elif kind == "remove":
                    del files[action["path"]]
                elif kind == "metaData":
                    metadata = action
                elif kind == "commitInfo":
                    info = action
            if info["previous"] != state.entry:
                raise damaged(path)
            return Snapshot(
                state.version + 1,
                sha256(entry).hexdigest(),
                info["timestamp"],
                info["nextOffset"],
                metadata,
                tuple(files.values()),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise damaged(path) from None

    def history(self, version: int) -> Iterator[Snapshot]:
        """Rebuild the state of every version up to the given one; raise DamagedError naming a bad entry."""
        state = Snapshot()
        while state.version < version:
            state = self.apply(state, self._entry(state.version + 1))
            yield state

    def _entry(self, version: int) -> bytes:
        path = self.entry_path(version)
        try:
            return read_bytes(path)
        except FileNotFoundError:
            raise damaged(path, "the file is missing") from None

    def replay(self, version: int) -> Snapshot:
        """Rebuild the state of one version."""
        return deque(self.history(version), maxlen=1).pop()

    def rows_added(self, since: int, until: int) -> int:
        """Count the rows that the entries after version `since` brought, up to `until`; moved ones are not new."""
        rows = 0
        for version in range(since + 1, until + 1):
            try:
                actions = [orjson.loads(line) for line in self._entry(version).splitlines()]
                added = [action["add"] for action in actions if "add" in action]
                rows += sum(self.data_file(file).rows for file in added if file["dataChange"])
            except (ValueError, KeyError, TypeError):
                raise damaged(self.entry_path(version)) from None
        return rows

    def add_action(self, file: DataFile) -> dict[str, Any]:
        """Describe a data file in the terms of the Delta protocol."""
        ranges = {
            self.offset_column: (file.min_offset, file.max_offset),
            USER_HASH: (file.min_user_hash, file.max_user_hash),
        }
        known = {name: pair for name, pair in ranges.items() if pair[0] is not None}
        stats = {
            "numRecords": file.rows,
            "minValues": {name: pair[0] for name, pair in known.items()},
            "maxValues": {name: pair[1] for name, pair in known.items()},
        }
        return {
            "path": file.rel,
            "partitionValues": {},
            "size": file.size,
            "stats": orjson.dumps(stats).decode(),
        }

    def data_file(self, action: dict[str, Any]) -> DataFile:
        """Return the data file of an add action; raise ValueError if newfound cannot have written it."""
        if not is_data_file_name(action["path"]):
            raise ValueError(action["path"])  # such as ../../secret in a project that someone else made
        stats = orjson.loads(action["stats"])
        low, high = stats["minValues"], stats["maxValues"]
        return DataFile(
            path=self.folder / action["path"],
            rows=stats["numRecords"],
            size=action["size"],
            min_offset=low.get(self.offset_column),
            max_offset=high.get(self.offset_column),
            min_user_hash=low.get(USER_HASH),
            max_user_hash=high.get(USER_HASH),
        )


def _metadata(state: Snapshot, fields: list[dict[str, Any]], now: int) -> dict[str, Any]:
    fixed = state.metadata or {
        "id": str(uuid4()),
        "format": {"provider": "parquet", "options": {}},
        "partitionColumns": [],
        # Versions of solutions refer to table versions, so no engine may drop entries by age.
        "configuration": {"delta.enableExpiredLogCleanup": "false"},
        "createdTime": now,
    }
    return fixed | {"schemaString": orjson.dumps({"type": "struct", "fields": fields}).decode()}
