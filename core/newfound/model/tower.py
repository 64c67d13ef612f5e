"""Item vectors: what an item's id learned plus what its metadata says, E_i = r_i id_i + c_i."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newfound.model.data import ItemFeatures

if TYPE_CHECKING:
    from jax import Array


class Tower(NamedTuple):
    """Per item: whether its id counts, and its tokens padded to the same number with weights.

    A token weighs 1 / (tokens of its field), so that c_i is the sum over fields of the field's mean vector.
    """

    known: NDArray[np.float32]  # (n_items,) r_i: 1 with enough events or without metadata, else 0
    tokens: NDArray[np.int32]  # (n_items, P)
    weights: NDArray[np.float32]  # (n_items, P), 0 where padded


def build_tower(features: ItemFeatures | None, counts: NDArray[np.int64], min_item_events: int) -> Tower:
    """Lay out metadata for training; `counts` (n_items,) are visible events."""
    n_items = counts.size
    if features is None:
        empty = np.zeros((n_items, 0))
        return Tower(np.ones(n_items, np.float32), empty.astype(np.int32), empty.astype(np.float32))
    lengths = np.diff(features.offsets)  # (n_items * n_fields,)
    per_item = lengths.reshape(n_items, features.n_fields).sum(axis=1)
    item = np.repeat(np.arange(n_items), per_item)  # (n_entries,)
    slot = np.arange(item.size) - np.repeat(np.cumsum(per_item) - per_item, per_item)
    tokens = np.zeros((n_items, int(per_item.max(initial=0))), np.int32)
    weights = np.zeros(tokens.shape, np.float32)
    tokens[item, slot] = features.tokens
    weights[item, slot] = np.repeat(1 / np.maximum(lengths, 1), lengths)
    known = (counts >= min_item_events) | (per_item == 0)
    return Tower(known.astype(np.float32), tokens, weights)


def item_vectors(
    ids: dict[str, Array], content: dict[str, Array], tower: Tower, id_kept: Array | None = None
) -> tuple[Array, Array]:
    """Fold R items into vectors (R, d) and biases (R,); `id_kept` (R,) drops ids where it is 0 (DropoutNet)."""
    known = tower.known if id_kept is None else tower.known * id_kept
    E, bias = known[:, None] * ids["vectors"], known * ids["bias"]
    for p in range(tower.tokens.shape[1]):  # unrolled: one fused pass instead of an (R, P, d) array
        token, weight = tower.tokens[:, p], tower.weights[:, p]
        E += weight[:, None] * content["vectors"][token]
        bias += weight * content["bias"][token]
    return E, bias
