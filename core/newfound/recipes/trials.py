"""From lists to trials: every place of a list, its score without what the version that served it had learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from newfound.explore.calibration import Calibration
from newfound.explore.displays import Displays, take_in
from newfound.explore.learned import Learned
from newfound.explore.posterior import Trials
from newfound.hashing import hash64_many
from newfound.recipes.blending import Past
from newfound.recipes.evidence import Slate
from newfound.serving.bundle import Bundle
from newfound.serving.network import Floats
from newfound.serving.relevance import log_softmax_scores, relevance, static_relevance, tastes

BLOCK_USERS = 256


@dataclass(frozen=True, slots=True)
class Slots:
    """n places of lists, an item once a list: number of the slate; item code; position from 1 (0: order unknown);

    clicked; log_score as it was logged, NaN where it is of no use.
    """

    slate: NDArray[np.int64]
    item: NDArray[np.int32]
    position: NDArray[np.int16]
    clicked: NDArray[np.bool_]
    log_score: Floats


def build_trials(
    bundle: Bundle,
    slates: list[Slate],
    owners: Sequence[str],
    vectors: Floats,
    tails: Past,
    wanted: NDArray[np.bool_],
    served_by: Mapping[str, Learned] | None,
) -> tuple[Trials, Displays]:
    """Turn slates into trials of the `wanted` items (mask over item codes), and what everyone was shown up to now.

    owners: whose each slate is; vectors: (n_slates, d), the user's vector when each was shown; tails: the user's last
    items before it.
    A logged score holds what the version that served it had learned, which is taken out again, lest the new posterior
    count it a second time: `served_by` has that, as far as it is known. Explicit lists and rankings of given items are
    scored by this bundle, and all lists where `served_by` is None, for logged scores are of another network then.
    """
    slots = _slots(bundle, slates, logged=served_by is not None)
    users = hash64_many(owners)[slots.slate]
    times = np.array([slate.time for slate in slates], np.int64)[slots.slate]
    keys = np.array([slate.key for slate in slates], np.uint64)[slots.slate]
    looked = Calibration().examination(slots.position).astype(np.float32)
    looked[np.isin(keys, bundle.overlay["slate_keys"])] = 0  # counted before; a click on it may be new
    looks, displays = take_in(bundle.displays, users, slots.item, times, looked, slots.clicked)
    taste = tastes(bundle, *tails)
    features = bundle.user_features(taste)
    log_score = slots.log_score.copy()
    anew = np.isnan(log_score)
    log_score[anew] = _log_scores(bundle, vectors, taste, tails, slots.slate[anew], slots.item[anew])
    versions = np.array([slate.response.version if slate.response else None for slate in slates], object)
    source = versions[slots.slate]
    source[anew] = None
    nobody = Learned(bundle.posteriors, Displays.empty(), 0)
    for version, learned in [(None, nobody), *(served_by or {}).items()]:
        of_it = np.flatnonzero((source == version) & wanted[slots.item])
        own = features[slots.slate[of_it]]
        log_score[of_it] -= learned.moved(users[of_it], slots.item[of_it], own, times[of_it])
    chosen = np.flatnonzero(wanted[slots.item])
    trials = Trials(
        slots.item[chosen],
        features[slots.slate[chosen]],
        log_score[chosen],
        slots.position[chosen],
        slots.clicked[chosen],
        keys[chosen],
        looks[chosen],
    )
    return trials, displays


def _slots(bundle: Bundle, slates: Sequence[Slate], *, logged: bool) -> Slots:
    """List all places of known items; logged: whether logged scores may be used."""
    flat = iter(bundle.item_codes([item for slate in slates for item in slate.items]).tolist())
    parts: list[tuple[int, int, int, bool, float]] = []
    for k, slate in enumerate(slates):
        # Scores of a ranking are shares of what was given.
        scored = logged and slate.scores is not None and not (slate.response and slate.response.ranked)
        scores = slate.scores if scored and slate.scores is not None else [np.nan] * len(slate.items)
        first: set[int] = set()
        codes = islice(flat, len(slate.items))
        for place, (item, code, score) in enumerate(zip(slate.items, codes, scores, strict=True), start=1):
            if code >= 0 and code not in first:
                first.add(code)
                position = 0 if slate.scores is None else place
                parts.append((k, code, position, item in slate.clicked, score))
    slate_number, item_code, position_from_1, clicked, given = zip(*parts, strict=True) if parts else [()] * 5
    return Slots(
        np.array(slate_number, np.int64),
        np.array(item_code, np.int32),
        np.array(position_from_1, np.int16),
        np.array(clicked, np.bool_),
        np.log(np.maximum(np.array(given, np.float64), 1e-12)).astype(np.float32),
    )


def _log_scores(
    bundle: Bundle,
    vectors: Floats,
    taste: Floats,
    tails: Past,
    slate: NDArray[np.int64],
    item: NDArray[np.int32],
) -> Floats:
    """Log scores (n,) of the items of slates, their numbers rising, by this bundle."""
    static = static_relevance(bundle, bundle.meta.popularity_reference)
    items, starts, stops = tails
    chosen = np.unique(slate)
    out = np.empty(len(slate), np.float32)
    for low in range(0, len(chosen), BLOCK_USERS):
        block = chosen[low : low + BLOCK_USERS]
        values = relevance(bundle, vectors[block], taste[block], (items, starts[block], stops[block]), static)
        rows = slice(*np.searchsorted(slate, [block[0], block[-1] + 1]))
        out[rows] = log_softmax_scores(values)[np.searchsorted(block, slate[rows]), item[rows]]
    return out
