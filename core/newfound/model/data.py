"""What training reads: flat event arrays and item metadata, nothing but numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ItemFeatures:
    """Metadata tokens of every item, a CSR by item and then field.

    Field f of item i holds `tokens[offsets[i * n_fields + f] : offsets[i * n_fields + f + 1]]`.
    """

    n_tokens: int
    n_fields: int
    offsets: NDArray[np.int64]  # (n_items * n_fields + 1,)
    tokens: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Events of all users end to end, each user's in time order: those of u are `offsets[u]:offsets[u + 1]`.

    Events at or past `ends[u]` are hidden: neither input nor target. Validation asks for one hidden event
    of some users, given what is visible of them.
    """

    offsets: NDArray[np.int64]  # (n_users + 1,)
    ends: NDArray[np.int64]  # (n_users,)
    items: NDArray[np.int32]  # (n_events,)
    times: NDArray[np.int64]  # (n_events,) seconds
    types: NDArray[np.int16]  # (n_events,)
    n_items: int
    n_types: int
    features: ItemFeatures | None
    validation_users: NDArray[np.int32]  # (n_validation,)
    validation_items: NDArray[np.int32]
    validation_times: NDArray[np.int64]
    exclude_seen: bool = True  # validation ranks only items that are new to the user
    # What item vectors begin with, (n_items, k), NaN where unknown.
    directions: NDArray[np.float32] | None = None
