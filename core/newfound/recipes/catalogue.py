"""The items of a version: their records, creation times and metadata tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound import columns as c
from newfound.serving.bundle import AGELESS

Record = dict[str, Any]


def creation_times(
    records: Sequence[Record | None], items: NDArray[np.int32], times: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Creation time of each item, Unix seconds (n_items,) (behaviour specification §3).

    CREATION_TIMESTAMP, else the first of its interactions (`items`, `times`), else AGELESS.
    """
    created = np.full(len(records), AGELESS, np.int64)
    np.minimum.at(created, items, times)
    for code, record in enumerate(records):
        stated = record.get(c.CREATION_TIMESTAMP) if record else None
        if stated is not None:
            created[code] = stated
    return created


def align_records(records: Sequence[Record], item_ids: Sequence[str]) -> list[Record | None]:
    """Put records in the order of the ids; None for an item that nobody described."""
    by_id = {record[c.ITEM_ID]: record for record in records}
    return [by_id.get(item_id) for item_id in item_ids]
