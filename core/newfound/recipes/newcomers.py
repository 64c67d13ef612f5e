"""Where to place items that nobody chose yet: known items are asked for as if nobody had chosen them.

The items are parted into folds. In turn those of one fold stand at what their metadata promises, learned from the
other folds, and compete with the rest as it is known for what people chose next. What their logit, told taste and
promised appeal should weigh more or less, and how high they should stand, is what makes the choices likeliest. So
metadata counts as much as it can tell, and items of which little is known are chosen as often as such items are: with
a log of odds that is right on average they would be too seldom, since those that turn out well are chosen most.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from newfound.dataset import popularity
from newfound.dataset.age import N_RISES, age_components
from newfound.evaluation import blend as likelihood
from newfound.recipes.blending import TASTE, Examples, blend_weights, compare
from newfound.serving.bundle import Bundle
from newfound.serving.bundle_meta import Newcomers
from newfound.serving.network import Floats
from newfound.serving.relevance import unchosen_relevance

N_FOLDS = 5
N_HEAD, N_TAIL = 300, 400
RIDGE = 5.0


def fit_newcomers(
    bundle: Bundle,
    examples: Examples,
    states_before: Iterable[tuple[int, popularity.DecayedPopularity]],
    promise: tuple[Floats, Floats],
    seed: int,
) -> Newcomers:
    """Find what newcomers get from events that the bundle, whose blend is fitted, has not seen.

    promise: vectors (n_items, d) and biases (n_items,) by metadata, what each item turned out to be left out.
    `states_before` yields the popularity before each example.
    """
    if not len(examples.targets):
        return bundle.meta.maps.newcomers
    comparisons, codes = compare(bundle, examples, bundle.meta.maps, states_before, (N_HEAD, N_TAIL), seed)
    components = np.asarray(comparisons.components)
    told = components[:, :, TASTE]
    vectors, bias = promise
    logits = np.stack([vectors[own] @ user for own, user in zip(codes, examples.vectors, strict=True)])
    logits += bias[codes]
    appeal = np.asarray(bundle.overlay["metadata_bias"])[codes]
    as_new = unchosen_relevance(bundle, logits, appeal, told) + _level_of_the_young(
        bundle, codes, examples.times
    )
    known = (components @ blend_weights(bundle.meta.blend)).astype(np.float32)
    features = np.stack([np.ones_like(logits), logits, told, appeal], axis=-1)
    fold = np.random.default_rng(seed).integers(N_FOLDS, size=bundle.n_items)[codes]
    asked = np.concatenate([features * (fold == k)[:, :, None] for k in range(N_FOLDS)])
    scores = np.concatenate(
        [np.where(fold == k, as_new, known) + comparisons.offsets for k in range(N_FOLDS)]
    )
    start = np.array(astuple(bundle.meta.maps.newcomers))
    fit = likelihood.fit(asked, scores.astype(np.float32), start, signed=True, ridge=RIDGE)
    return Newcomers(*(float(weight) for weight in fit.weights))


def _level_of_the_young(bundle: Bundle, codes: NDArray[np.int32], times: NDArray[np.int64]) -> Floats:
    """What is missing of the level of untested items where these count as known, (n, m)."""
    stated, created = (np.asarray(bundle.overlay[name])[codes] for name in ("created_stated", "created"))
    known = bundle.trust[codes]
    parts = age_components(times[:, None] - created, stated, 1 - known, bundle.meta.untested_days)
    level: Floats = parts[..., N_RISES:] @ np.array(bundle.meta.blend.age[N_RISES:], np.float32)
    return level
