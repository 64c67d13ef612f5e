"""Small training data with known answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from newfound.model.config import TrainingConfig
from newfound.model.data import ItemFeatures, TrainingData

TINY = TrainingConfig(hidden_dimension=32, bptt=4, lanes=3, epochs=2, dropout=0.1, seed=7)


def training_data(
    histories: Sequence[Sequence[int]],
    n_items: int,
    *,
    hidden: Sequence[int] | None = None,
    validate: bool = False,
    features: ItemFeatures | None = None,
    exclude_seen: bool = True,
) -> TrainingData:
    """Users' items in order, an event every ten minutes; the last `hidden[u]` events of user u are hidden."""
    lengths = np.array([len(history) for history in histories], np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ends = offsets[1:] - np.array(hidden if hidden is not None else [0] * len(histories), np.int64)
    items = np.array([item for history in histories for item in history], np.int32)
    times = 600 * np.arange(items.size, dtype=np.int64)
    validated = np.flatnonzero(ends < offsets[1:]) if validate else np.zeros(0, np.int64)
    return TrainingData(
        offsets,
        ends,
        items,
        times,
        (np.arange(items.size) % 2).astype(np.int16),
        n_items,
        2,
        features,
        validated.astype(np.int32),
        items[ends[validated]],
        times[ends[validated]],
        exclude_seen,
    )


def random_histories(n_users: int, n_items: int, seed: int = 0) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(n_items, size=rng.integers(3, 12)).tolist() for _ in range(n_users)]


def field_features(tokens_by_item: Sequence[Sequence[Sequence[int]]], n_tokens: int) -> ItemFeatures:
    """Token lists by item and field."""
    fields = [field for item in tokens_by_item for field in item]
    offsets = np.concatenate([[0], np.cumsum([len(field) for field in fields])]).astype(np.int64)
    tokens = np.array([token for field in fields for token in field], np.int32)
    return ItemFeatures(n_tokens, len(tokens_by_item[0]), offsets, tokens)
