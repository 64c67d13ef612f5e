"""Which data files to merge, and the rows that replace them.

Every put adds a file: without merging, readers would open 2,000 files after 2,000 puts. Merged rows are in
the order of the hash of their user, so that the events of one user lie in few files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from arro3.core import Array, Schema, Table

from newfound.columns import USER_HASH
from newfound.store.data_files import DataFile, read_arrow

_ROWS_PER_FILE = 250_000  # of events: about 4 MiB, from where on files stay as they are
_GROUP_BYTES = 64 << 20  # of compressed rows: so that one group fits into memory many times


@dataclass(frozen=True, slots=True)
class Tier:
    """Merge files of `min_bytes` up to `max_bytes` where there are `at_least` of them from one source."""

    at_least: int
    min_bytes: int
    max_bytes: int


# Two tiers, so that one put in 32 rewrites the rows of the latest puts, and one in a thousand more than that.
WHEN_APPENDING = (Tier(32, 0, 64 << 10), Tier(32, 64 << 10, 4 << 20))
WHEN_COMPACTING = (Tier(2, 0, 4 << 20),)


def mergeable(files: Sequence[DataFile], tiers: Iterable[Tier]) -> list[list[DataFile]]:
    """Group the files that the tiers want merged; each group becomes new files of its own."""
    groups = []
    for tier in tiers:
        by_source = defaultdict(list)
        for file in files:
            if tier.min_bytes <= file.size < tier.max_bytes:
                by_source[file.source].append(file)
        for members in by_source.values():
            if len(members) >= tier.at_least:
                groups += _cut(members)
    return groups


def _cut(files: list[DataFile]) -> list[list[DataFile]]:
    group_of = np.cumsum([file.size for file in files]) // _GROUP_BYTES
    return [[files[k] for k in np.flatnonzero(group_of == group)] for group in np.unique(group_of)]


def merged(files: Sequence[DataFile], schema: Schema, offset_column: str | None) -> Iterator[Table]:
    """Yield the rows of `files`, a table for each new file, by user hash and offset where they have these."""
    rows = read_arrow(files, None, schema)
    keys = [rows[name].to_numpy() for name in (offset_column, USER_HASH) if name in schema.names]
    order = np.lexsort(keys) if keys else np.arange(rows.num_rows)
    [batch] = rows.combine_chunks().to_batches()
    for start in range(0, rows.num_rows, _ROWS_PER_FILE):
        yield Table.from_batches([batch.take(Array(order[start : start + _ROWS_PER_FILE]))])
