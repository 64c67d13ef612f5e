"""Trained parameters as the flat float32 arrays that serving maps into memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.gaps import N_GAPS
from newfound.model.network import FADE, Params
from newfound.model.tower import Items
from newfound.model.validation import fold


def export_arrays(
    params: Params, items: Items, seen_gaps: NDArray[np.bool_], seen_next_gaps: NDArray[np.bool_]
) -> dict[str, NDArray[np.float32]]:
    """Fold item tables and return every array of a served network.

    W (d, 3d), U (d, 3d), b (3d,) gates z|r|n; W_o, A, V (d, d); Q (d, k); M (m, d, d) and fade (m,); lags (w + 1,);
    F, G (64, d); T (n_types, d); E (n_items, d), item_bias (n_items,); with metadata token_vectors (n_tokens, d) and
    token_bias (n_tokens,).
    Gap buckets that training never saw (masks of shape (64,)) take the vector of the nearest that it saw.
    """
    E, bias = fold(params, items)
    arrays = {**params["net"], "fade": np.array(FADE), "E": E, "item_bias": bias}
    if params["content"]:
        arrays |= {"token_vectors": params["content"]["vectors"], "token_bias": params["content"]["bias"]}
    exported = {name: np.array(array, dtype=np.float32) for name, array in arrays.items()}
    for name, seen in (("F", seen_gaps), ("G", seen_next_gaps)):
        exported[name] = exported[name][_nearest(seen)]
    return exported


def _nearest(seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For every bucket the nearest seen one; bucket 0 (no previous event) stands for itself only."""
    own = np.arange(N_GAPS)
    candidates = np.flatnonzero(seen[1:]) + 1
    if not candidates.size:
        return own
    nearest = candidates[np.argmin(np.abs(own[:, None] - candidates[None, :]), axis=1)]
    return np.where(seen | (own == 0), own, nearest)
