"""The checks of `verify --deep`: that tables, logs and indexes agree with the rows themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from newfound.store.data_files import described, read_arrow
from newfound.store.delta_log import Snapshot
from newfound.store.event_ids import INDEX, EventIds, keys_between
from newfound.store.files import damaged
from newfound.store.tables import Table


def check_contents(table: Table, snapshot: Snapshot) -> None:
    """Parse every file of a snapshot; raise DamagedError where rows and log disagree or an offset repeats."""
    offset_column = table.log.offset_column
    offsets = [np.empty(0, np.int64)]
    for file in snapshot.files:
        rows = read_arrow([file], None, snapshot.schema)
        if described(file.path, rows, file.size, offset_column) != file:
            raise damaged(file.path, "its rows are not those that the log describes")
        if offset_column:
            offsets.append(rows[offset_column].to_numpy())
    numbers = np.sort(np.concatenate(offsets))
    if numbers.size and (np.diff(numbers).min(initial=1) < 1 or numbers[-1] >= snapshot.next_offset):
        raise damaged(table.log.folder, f"{offset_column} is not unique")
    _check_with_delta_rs(table, snapshot)


def _check_with_delta_rs(table: Table, snapshot: Snapshot) -> None:
    # Other engines read the log and not our acknowledgement.
    from deltalake import DeltaTable

    other = DeltaTable(table.log.folder, version=snapshot.version)
    if {Path(uri).name for uri in other.file_uris()} != {file.rel for file in snapshot.files}:
        raise damaged(table.log.folder, "the log names other files to other engines")


def check_event_ids(folder: Path, index: EventIds, snapshot: Snapshot) -> None:
    """Raise DamagedError if the index lacks the id of an event that it covers."""
    for keys in keys_between(snapshot, 0, index.covered):
        if index.unseen(keys).any():
            raise damaged(
                folder / INDEX, "lacks ids of stored events; delete its folder and it will be rebuilt"
            )
