"""The blend fitted again at every UPDATE, to what people chose lately (model specification §2, The blend).

An hour brings few events, so the newest ones are kept, each beside what it was chosen from, with the components of the
score as they stood when it happened. Clicks on our own slates are left out: they say more of what was shown than of
what people look for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.recipes.blending import Comparisons, Examples, compare, fit_weights, n_examples
from newfound.recipes.users import Batch
from newfound.serving.arrays import Array
from newfound.serving.bundle import Bundle
from newfound.serving.bundle_meta import Blend
from newfound.serving.history import Tails
from newfound.serving.network import Floats

MOST_EXAMPLES = 400
N_HEAD, N_TAIL = 100, 100
TRUST_IN_FULL = 5.0
"""FULL fitted its weights to so many times as much as they began with."""


def newest_organic(bundle: Bundle, batch: Batch) -> NDArray[np.int64]:
    """Places in `batch.trained` of the newest events that answer no slate and choose an item known before them."""
    events = np.flatnonzero(batch.organic & (bundle.overlay["events"][batch.trained.items] > 0))
    newest_first = np.argsort(-batch.trained.times[events], kind="stable")
    return np.sort(events[newest_first[: min(MOST_EXAMPLES, n_examples(bundle.n_items))]])


def refit_blend(
    bundle: Bundle, batch: Batch, events: NDArray[np.int64], vectors: Floats, tails: Tails, seed: int
) -> tuple[Blend, dict[str, Array]]:
    """Fit the blend to kept and new examples: the blend, and the examples to keep in the overlay.

    bundle: as it stood before these events, new items included; events: from `newest_organic`, with the vectors (n, d)
    of their users just before each.
    """
    kept = {name: np.asarray(bundle.overlay[name]) for name in EXAMPLE_ARRAYS}
    if len(events):
        fresh = _compared(bundle, batch, events, vectors, tails, seed)
        kept = {name: np.concatenate([kept[name], fresh[name]]) for name in EXAMPLE_ARRAYS}
    newest = np.argsort(kept["example_time"], kind="stable")[-MOST_EXAMPLES:]
    kept = {name: array[newest] for name, array in kept.items()}
    if not len(newest):
        return bundle.meta.blend, kept
    comparisons = Comparisons(kept["example_components"], kept["example_offsets"])
    return fit_weights(comparisons, bundle.meta.blend_at_full, TRUST_IN_FULL), kept


EXAMPLE_ARRAYS = ("example_components", "example_offsets", "example_time")


def _compared(
    bundle: Bundle, batch: Batch, events: NDArray[np.int64], vectors: Floats, tails: Tails, seed: int
) -> dict[str, Array]:
    owner = np.searchsorted(batch.trained.offsets, events, side="right") - 1
    stops = tails.fresh[owner] + events - batch.trained.offsets[owner]
    times = batch.trained.times[events]
    examples = Examples(
        vectors,
        batch.trained.items[events],
        times,
        tails.items,
        tails.starts[owner],
        stops,
        bundle.meta.hide_seen,
    )
    known = ((k, bundle.popularity) for k in range(len(events)))
    found, _ = compare(bundle, examples, bundle.meta.maps, known, (N_HEAD, N_TAIL), seed)
    missing = 1 + N_HEAD + N_TAIL - found.offsets.shape[1]  # a catalogue may have fewer rivals
    return {
        "example_components": np.pad(found.components, ((0, 0), (0, missing), (0, 0))).astype(np.float16),
        "example_offsets": np.pad(found.offsets, ((0, 0), (0, missing)), constant_values=-np.inf).astype(
            np.float16
        ),
        "example_time": times,
    }


def no_examples(n_components: int) -> dict[str, Array]:
    """Nothing to keep yet."""
    width = 1 + N_HEAD + N_TAIL
    return {
        "example_components": np.zeros((0, width, n_components), np.float16),
        "example_offsets": np.zeros((0, width), np.float16),
        "example_time": np.zeros(0, np.int64),
    }
