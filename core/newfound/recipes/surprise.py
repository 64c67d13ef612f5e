"""How far relevance turns out from what metadata promised: the measured scale of the prior (model specification §3).

The posterior lives on a few directions of user taste. What warm items show beyond these, in all directions and in
sequential rules, is uncertainty about a new item too, so the prior variance is scaled until it explains it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.histories import Histories
from newfound.serving.bundle import Bundle
from newfound.serving.network import Floats
from newfound.serving.relevance import (
    age_relevance,
    relevance,
    static_relevance,
    taste_parts,
    tastes,
    unchosen_relevance,
)
from newfound.serving.user_state import request_vectors

SAMPLE_USERS = 256
BLOCK_CELLS = 2_000_000
SCALE_RANGE = (0.25, 16.0)


def surprise(
    bundle: Bundle,
    seen: Histories,
    content: Floats,
    content_bias: Floats,
    warm: NDArray[np.bool_],
    seed: int,
) -> float:
    """Measure, for a sample of users, how relevance turns out beside what metadata promised: the prior's scale.

    It is the variance of the surprise at warm items over the prior variance that was to explain it. The mean is left
    out: newcomers are promised more than half of them keep, for those that do are chosen most.
    seen: what the bundle was made from, which may be less than the history that it holds. content (n_items, d),
    content_bias (n_items,): what each item's metadata predicts.
    """
    states = bundle.all_base_states()
    active = np.flatnonzero(states.item >= 0)
    if len(active) > SAMPLE_USERS:
        active = np.sort(np.random.default_rng(seed).choice(active, SAMPLE_USERS, replace=False))
    appeal = np.asarray(bundle.overlay["metadata_bias"])
    static = static_relevance(bundle, bundle.meta.popularity_reference)
    ages = age_relevance(bundle)
    sums, explained = np.zeros(2), 0.0
    for users in np.array_split(active, -(-len(active) * bundle.n_items // BLOCK_CELLS) or 1):
        some = states.rows(users)
        vectors = request_vectors(bundle.network, bundle.item_rows, some, some.time, bundle.base["center"])
        tails = (seen.items, seen.offsets[users], seen.offsets[users + 1])
        taste = tastes(bundle, *tails)
        told, _ = taste_parts(bundle, taste)
        promised = unchosen_relevance(bundle, vectors @ content.T + content_bias, appeal, told)
        gain = relevance(bundle, vectors, taste, tails, static) - promised - ages
        gain = gain[:, warm].astype(np.float64)
        sums += gain.sum(), np.square(gain).sum()
        features = np.square(bundle.user_features(taste), dtype=np.float64)
        explained += float((features @ bundle.base["prior_variance"]).sum())
    mean, square = sums / (len(active) * np.count_nonzero(warm))
    return float(np.clip((square - mean**2) / max(explained / len(active), 1e-9), *SCALE_RANGE))
