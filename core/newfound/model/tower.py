"""Item vectors: what an item's id learned plus what its metadata says, E_i = r_i id_i + c_i."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from jax.ops import segment_sum
from numpy.typing import NDArray

from newfound.dataset.runs import ranges
from newfound.model.data import ItemFeatures

if TYPE_CHECKING:
    from jax import Array

TOKENS_PER_ITEM = 32  # at most so many are trained of a long text, drawn at random
T = TypeVar("T", bound=np.generic)
Int32 = NDArray[np.int32]
Float32 = NDArray[np.float32]


class Items(NamedTuple):
    """R items and their N metadata tokens, in the order of items.

    A token weighs 1 / (tokens of its field), so that c_i is the sum over fields of the field's mean vector.
    """

    rows: Int32  # (R,) which items; past the last one where padded
    known: Float32  # (R,) r_i: 1 with enough events or without metadata, else 0
    owners: Int32  # (N,) whose token, into rows; R where padded
    tokens: Int32  # (N,)
    weights: Float32  # (N,)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All items with the tokens that training reads."""

    known: Float32  # (n_items,)
    offsets: NDArray[np.int64]  # (n_items + 1,)
    tokens: Int32
    weights: Float32

    def everything(self) -> Items:
        """Take the whole catalogue."""
        rows = np.arange(self.known.size, dtype=np.int32)
        return Items(rows, self.known, np.repeat(rows, np.diff(self.offsets)), self.tokens, self.weights)

    def most_tokens(self, n_rows: int) -> int:
        """Bound the tokens of any `n_rows` items."""
        return int(np.sort(np.diff(self.offsets))[::-1][:n_rows].sum())

    def take(self, rows: NDArray[np.integer], n_rows: int, n_tokens: int) -> Items:
        """Take these items, increasing, padded to fixed numbers of rows and tokens."""
        starts, stops = self.offsets[rows], self.offsets[rows + 1]
        entries = ranges(starts, stops)
        owners = np.repeat(np.arange(rows.size), stops - starts)
        return Items(
            # Distinct rows past the end: no two padded rows claim the same place, and all are dropped.
            np.concatenate([rows, np.arange(n_rows - rows.size) + self.known.size]).astype(np.int32),
            _pad(self.known[rows], n_rows, 0),
            _pad(owners, n_tokens, n_rows).astype(np.int32),
            _pad(self.tokens[entries], n_tokens, 0),
            _pad(self.weights[entries], n_tokens, 0),
        )


def _pad(array: NDArray[T], size: int, value: int) -> NDArray[T]:
    return np.pad(array, (0, size - array.size), constant_values=value)


def build_catalogue(
    features: ItemFeatures | None, counts: NDArray[np.int64], min_item_events: int, rng: np.random.Generator
) -> Catalogue:
    """Lay out metadata for training; `counts` (n_items,) are visible events."""
    n_items = counts.size
    if features is None:
        features = ItemFeatures(0, 1, np.zeros(n_items + 1, np.int64), np.zeros(0, np.int32))
    field = np.repeat(np.arange(n_items * features.n_fields), np.diff(features.offsets))  # (n_entries,)
    field, tokens = _thin(field, features.tokens, features.n_fields, rng)
    per_item = np.bincount(field // features.n_fields, minlength=n_items)
    known = (counts >= min_item_events) | (per_item == 0)
    offsets = np.concatenate([[0], np.cumsum(per_item)])
    weights = 1 / np.bincount(field)[field]
    return Catalogue(known.astype(np.float32), offsets, tokens, weights.astype(np.float32))


def _thin(
    field: NDArray[np.int64], tokens: Int32, n_fields: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Int32]:
    """Keep TOKENS_PER_ITEM tokens of every item, drawn in turn from each of its fields."""
    shuffled = np.lexsort((rng.random(field.size), field))
    turn = np.arange(field.size) - np.searchsorted(field, field)  # place within the field
    order = np.lexsort((turn, field // n_fields))
    item = field[order] // n_fields
    kept = np.sort(order[np.arange(field.size) - np.searchsorted(item, item) < TOKENS_PER_ITEM])
    return field[kept], tokens[shuffled[kept]]


def item_vectors(
    ids: dict[str, Array], content: dict[str, Array], items: Items, id_kept: Array | None = None
) -> tuple[Array, Array]:
    """Fold R items into vectors (R, d) and biases (R,); `id_kept` (R,) drops ids where it is 0 (DropoutNet)."""
    known = items.known if id_kept is None else items.known * id_kept
    E, bias = known[:, None] * ids["vectors"], known * ids["bias"]
    if content:
        tokens = items.weights[:, None] * content["vectors"][items.tokens]  # (N, d)
        E += segment_sum(tokens, items.owners, len(known), indices_are_sorted=True)
        token_bias = items.weights * content["bias"][items.tokens]  # (N,)
        bias += segment_sum(token_bias, items.owners, len(known), indices_are_sorted=True)
    return E, bias
