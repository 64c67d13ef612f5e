"""`popularity-count`: the items that most different people chose, the same for everybody; the yardstick of the others.

Its bundle has the shape of all bundles, with a network of size 1 that says nothing: relevance is the bias of an item,
the log of its number of unique users, so that scores are shares of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.dataset import rules
from newfound.dataset.gaps import N_GAPS
from newfound.dataset.histories import Histories
from newfound.dataset.runs import distinct
from newfound.evaluation.baselines import popularity
from newfound.evaluation.offline import evaluate
from newfound.evaluation.splits import (
    MIN_EVENTS,
    WithheldSplit,
    last_withheld,
    most_test_users,
    share_of_users,
    user_keys,
    withhold,
)
from newfound.explore.posterior import Posteriors
from newfound.progress import Progress, ProgressCallback
from newfound.recipes.assemble import HALF_LIVES, FullInputs, assemble
from newfound.recipes.full import FullResult, until
from newfound.recipes.update import UpdateInputs, UpdateResult, update
from newfound.serving.arrays import Array
from newfound.serving.bundle import Bundle
from newfound.serving.bundle_meta import Blend
from newfound.serving.history import user_history
from newfound.serving.network import Floats

BLEND = Blend(1.0, 0.0, (0.0,) * len(HALF_LIVES))
NOBODY = 1e-6
"""Users that an item which nobody chose is taken to have: it comes after all others."""

Counts = NDArray[np.int64]


def unique_users(trained: Histories) -> Counts:
    """Count the users of each item (n_items,)."""
    pairs = distinct(trained.users().astype(np.int64) * trained.n_items + trained.items)
    return np.bincount(pairs % trained.n_items, minlength=trained.n_items)


def fit_popularity(inputs: FullInputs, progress: ProgressCallback) -> FullResult:
    """Count, and judge the counts of the events before the withheld ones."""
    trained = inputs.trained
    keys = user_keys(trained.user_ids, inputs.seed)
    split = withhold(trained.offsets, keys, most_test_users(trained.n_items))
    progress(Progress("metrics", note="ranking for withheld users"))
    metrics = _judge(trained, split, inputs.hide_seen, inputs.seed) if len(split.test_users) else {}
    progress(Progress("bundle", note="counts from all events"))
    bundle = assemble(inputs, trained, _silent_network(trained), BLEND)
    counts = unique_users(trained)
    n, k = len(counts), len(bundle.base["prior_variance"])
    base = dict(bundle.base) | {
        "E": np.zeros((n, 1), np.float32),
        "item_bias": _bias(counts),
        "usual_bias": _bias(np.zeros(1, np.int64)),
        "prior_variance": np.zeros(k, np.float32),
        "content_vectors": np.zeros((1, 1), np.float32),
        "content_bias": _bias(np.zeros(1, np.int64)),
        "content_appeal": np.zeros(1, np.float32),
    }
    overlay = dict(bundle.overlay) | {"metadata_bias": np.zeros(n, np.float32), "unique_users": counts}
    meta = replace(bundle.meta, blend=BLEND, blend_at_full=BLEND)
    facts = {"seenItemsHiddenInMetrics": inputs.hide_seen}
    return FullResult(Bundle(meta, base, overlay), metrics, facts)


def _judge(trained: Histories, split: WithheldSplit, hide_seen: bool, seed: int) -> dict[str, Any]:
    before = until(trained, split.ends)
    table = rules.build(before.items, before.offsets[:-1], before.offsets[1:], before.n_items)
    score = popularity(unique_users(before))
    usual, last = (
        evaluate(score, part, trained.items, trained.offsets, table, seed=seed, hide_seen=hide_seen)
        for part in (split, last_withheld(split, trained.offsets))
    )
    return {
        **usual,
        "leaveOneOut": last,
        "explorationWeight": 0.0,
        "sampledFrom": share_of_users(int((np.diff(trained.offsets) >= MIN_EVENTS).sum())),
    }


def update_popularity(parent: Bundle, inputs: UpdateInputs, seed: int) -> UpdateResult:
    """Do what every UPDATE does, and count users who are new to an item."""
    result = update(parent, inputs, seed)
    grown = result.bundle
    counts = np.pad(np.asarray(parent.overlay["unique_users"]), (0, grown.n_items - parent.n_items))
    np.add.at(counts, _new_pairs(parent, grown, inputs), 1)
    changed = np.flatnonzero(counts[: parent.n_items] != parent.overlay["unique_users"])
    own = np.union1d(grown.overlay["row_item"], changed).astype(np.int32)
    nothing = Posteriors.empty(len(parent.base["prior_variance"]))
    overlay: dict[str, Array] = dict(grown.overlay) | {
        "unique_users": counts,
        "row_item": own,
        "row_E": np.zeros((len(own), 1), np.float32),
        "row_bias": _bias(counts[own]),
        "row_taste": np.zeros((len(own), len(parent.base["taste_variance"])), np.float32),
        "clicker_sum": np.zeros((len(own), 1), np.float32),
        "clicker_count": np.zeros(len(own), np.float32),
        **{f"posterior_{name}": getattr(nothing, name) for name in ("item", "mean", "variance")},
    }
    meta = replace(grown.meta, blend=parent.meta.blend)
    return replace(result, bundle=Bundle(meta, parent.base, overlay))


def _new_pairs(parent: Bundle, grown: Bundle, inputs: UpdateInputs) -> NDArray[np.int64]:
    """Codes of items, once for each user who had not chosen them before."""
    chosen: dict[str, set[int]] = {}
    for row in inputs.rows:
        if row.item is not None and row.counts:
            chosen.setdefault(row.user, set()).add(grown.item_code(row.item))
    new: list[int] = []
    for user, codes in chosen.items():
        past = user_history(parent, user)
        new += codes.difference(past.items[past.trained].tolist())
    return np.array(new, np.int64)


def _bias(counts: Iterable[int] | Counts) -> Floats:
    return np.log(np.maximum(np.asarray(counts, np.float64), NOBODY)).astype(np.float32)


def _silent_network(trained: Histories) -> dict[str, Array]:
    """Weights of size 1 that make every user vector 0."""
    shapes: dict[str, tuple[int, ...]] = {
        "W": (1, 3),
        "U": (1, 3),
        "b": (3,),
        "W_o": (1, 1),
        "A": (1, 1),
        "F": (N_GAPS, 1),
        "G": (N_GAPS, 1),
        "T": (max(len(trained.type_names), 1), 1),
        "M": (0, 1, 1),
        "fade": (0,),
        "Q": (1, 1),
        "V": (1, 1),
        "lags": (1,),
        "E": (trained.n_items, 1),
        "item_bias": (trained.n_items,),
    }
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
