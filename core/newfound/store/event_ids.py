"""The index of eventIds: which ids are stored already. Derived from the events table, rebuilt where missing.

Immutable segments of sorted 128-bit hashes, named by a sealed `index.json` together with the event offset up
to which they cover the table. A commit of events does not touch it: the next look-up catches up from the data
files, so the index may be behind the table and is never ahead. Segments merge as in a log-structured tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b, sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from newfound.columns import EVENT_ID, EVENT_OFFSET
from newfound.store.data_files import DataFile, read_arrow
from newfound.store.delta_log import Snapshot
from newfound.store.files import damaged, open_regular, read_json, remove, write_bytes, write_json

Keys = NDArray[np.uint64]
Mask = NDArray[np.bool_]

INDEX = "index.json"
_KEY_BYTES = 16
_HASHED_BYTES = 1 << 20  # larger segments are hashed by `verify` only
_UNWRITTEN_FILES, _UNWRITTEN_ROWS = 8, 512  # so few are faster read again by each put than written
_NO_KEYS: Keys = np.empty((2, 0), np.uint64)


def event_keys(event_ids: Iterable[str]) -> Keys:
    """Hash eventIds to pairs of uint64, shape `(2, n)`."""
    digests = b"".join(blake2b(event_id.encode(), digest_size=_KEY_BYTES).digest() for event_id in event_ids)
    return np.ascontiguousarray(np.frombuffer(digests, dtype="<u8").reshape(-1, 2).T)


@dataclass(frozen=True, slots=True)
class Segment:
    """Sorted keys in a file whose name is their hash."""

    path: Path
    keys: Keys

    @property
    def size(self) -> int:
        """Return the number of keys."""
        return int(self.keys.shape[1])


@dataclass(frozen=True, slots=True)
class EventIds:
    """Segments with the ids of all events before offset `covered`, and the sorted keys of later ones."""

    covered: int = 0
    segments: tuple[Segment, ...] = ()
    recent: Keys = field(default_factory=lambda: _NO_KEYS)

    def unseen(self, keys: Keys) -> Mask:
        """Say which keys, shape `(2, n)`, are neither in a segment nor earlier in `keys`, shape `(n,)`."""
        mask = _first_occurrences(keys)
        for stored in (*(segment.keys for segment in self.segments), self.recent):
            mask &= ~_contained(stored, keys)
        return mask


def _first_occurrences(keys: Keys) -> Mask:
    order = np.lexsort((keys[1], keys[0]))  # stable, so the first of equal keys stays first
    ordered = keys[:, order]
    first = np.ones(keys.shape[1], dtype=np.bool_)
    first[order[1:]] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    return first


def _contained(stored: Keys, keys: Keys) -> Mask:
    place = np.searchsorted(stored[0], keys[0], side="left")
    end = np.searchsorted(stored[0], keys[0], side="right")
    found = np.zeros(keys.shape[1], dtype=np.bool_)
    while (left := place < end).any():  # once, unless two ids share 64 bits
        found[left] |= stored[1][place[left]] == keys[1][left]
        place += 1
    return found


def _in_order(keys: Keys) -> Keys:
    return keys[:, np.lexsort((keys[1], keys[0]))]


def catch_up(folder: Path, snapshot: Snapshot) -> EventIds:
    """Bring the index in `folder` up to a snapshot of the events table; the caller holds the table's lock."""
    index = read_index(folder)
    if index.covered > snapshot.next_offset:  # the table was restored from an older copy
        index = EventIds()
    fresh = _files_since(snapshot, index.covered)
    recent = np.hstack([_NO_KEYS, *keys_between(snapshot, index.covered, snapshot.next_offset)])
    if len(fresh) <= _UNWRITTEN_FILES and sum(file.rows for file in fresh) <= _UNWRITTEN_ROWS:
        return replace(index, recent=_in_order(recent))
    return _write_index(folder, snapshot.next_offset, list(index.segments), recent)


def keys_between(snapshot: Snapshot, first: int, end: int) -> Iterator[Keys]:
    """Yield the keys of the events in each data file with `first` <= offset < `end`."""
    for file in _files_since(snapshot, first):
        rows = read_arrow([file], [EVENT_OFFSET, EVENT_ID], snapshot.schema)
        pairs = zip(rows[EVENT_OFFSET].to_pylist(), rows[EVENT_ID].to_pylist(), strict=True)
        yield event_keys(name for offset, name in pairs if first <= offset < end and name is not None)


def _files_since(snapshot: Snapshot, first: int) -> list[DataFile]:
    return [file for file in snapshot.files if file.max_offset is not None and file.max_offset >= first]


def _write_index(folder: Path, covered: int, segments: list[Segment], recent: Keys) -> EventIds:
    if recent.shape[1]:
        while segments and segments[-1].size <= 2 * recent.shape[1]:
            recent = np.hstack([segments.pop().keys, recent])
        segments.append(_write_segment(folder, _in_order(recent)))
    listed = [{"sha256": segment.path.stem, "keys": segment.size} for segment in segments]
    write_json(folder / INDEX, {"nextOffset": covered, "segments": listed})
    for path in set(folder.iterdir()) - {folder / INDEX, *(segment.path for segment in segments)}:
        remove(path)
    return EventIds(covered, tuple(segments))


def _write_segment(folder: Path, keys: Keys) -> Segment:
    data = keys.astype("<u8").tobytes()
    path = folder / f"{sha256(data).hexdigest()}.keys"
    write_bytes(path, data)
    return Segment(path, keys)


def read_index(folder: Path, deep: bool = False) -> EventIds:
    """Read the index, empty if there is none; raise DamagedError naming a changed file.

    Large segments are hashed only if `deep`.
    """
    try:
        index = read_json(folder / INDEX)
        listed = [(folder / f"{entry['sha256']}.keys", entry["keys"]) for entry in index["segments"]]
        return EventIds(index["nextOffset"], tuple(_read_segment(path, size, deep) for path, size in listed))
    except FileNotFoundError:
        return EventIds()
    except (KeyError, TypeError):
        raise damaged(folder / INDEX) from None


def _read_segment(path: Path, size: int, deep: bool) -> Segment:
    try:
        with open_regular(path) as file:
            keys = np.memmap(file, dtype="<u8", mode="r", shape=(2, size))
            intact = file.seek(0, 2) == keys.nbytes
    except (FileNotFoundError, ValueError):
        raise damaged(path) from None
    if not intact or ((deep or keys.nbytes <= _HASHED_BYTES) and sha256(keys.data).hexdigest() != path.stem):
        raise damaged(path)
    return Segment(path, np.asarray(keys, dtype=np.uint64))
