"""Judge a bundle on events that it has not seen: which users, in which state, ranked how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.histories import Histories
from newfound.dataset.runs import ranges
from newfound.evaluation import baselines
from newfound.evaluation.offline import evaluate
from newfound.evaluation.ranking import Scorer
from newfound.evaluation.splits import WithheldSplit, last_withheld
from newfound.explore.policy import noisy_values, young_items
from newfound.explore.settings import ExplorationSettings
from newfound.recipes.evidence import vectors_when_shown
from newfound.serving.bundle import Bundle
from newfound.serving.network import Floats
from newfound.serving.relevance import relevance, static_relevance_at, tastes, uncertainty
from newfound.serving.user_state import Sequences, request_vectors

WEEK = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Judgement:
    """A bundle assembled from the events before `split.ends`, with the states of the test users, and the truth."""

    bundle: Bundle
    trained: Histories
    split: WithheldSplit
    hide_seen: bool
    seed: int

    def report(self, score: Scorer, others: Mapping[str, Scorer] | None = None) -> dict[str, Any]:
        """Rank for the test users by `score`, by the baselines and by `others`."""
        return evaluate(
            score,
            self.split,
            self.trained.items,
            self.trained.offsets,
            self.bundle.rules[0],
            seed=self.seed,
            hide_seen=self.hide_seen,
            others=others,
        )


def judge(judgement: Judgement) -> dict[str, Any]:
    """Metrics at the default exploration and at weight 0, and leave-one-out at weight 0."""
    bundle, split, offsets = judgement.bundle, judgement.split, judgement.trained.offsets
    relevant = _relevant(judgement, _vectors_at_ends(judgement))
    exploit = judgement.report(relevant)
    last = Judgement(
        bundle, judgement.trained, last_withheld(split, offsets), judgement.hide_seen, judgement.seed
    )
    left_out = {"leaveOneOut": last.report(_relevant(last, _vectors_at_last(judgement)))}
    if not bundle.meta.explores:
        return {**exploit, **left_out, "explorationWeight": 0.0}
    settings = ExplorationSettings()
    return {
        **judgement.report(_exploring(judgement, relevant, settings)),
        **left_out,
        "explorationWeight": settings.exploration_weight,
        "atWeightZero": {name: exploit[name] for name in ("metrics", "intervals")},
    }


def judge_later(judgement: Judgement) -> dict[str, Any]:
    """Metrics at weight 0 on what came after the bundle, beside the counts of the last week too."""
    relevant = _relevant(judgement, _vectors_at_ends(judgement))
    trained, split = judgement.trained, judgement.split
    past = np.arange(len(trained.items)) < np.repeat(split.ends, np.diff(trained.offsets))
    items, times = trained.items[past], trained.times[past]
    lately = times > times.max(initial=0) - WEEK
    counts = np.bincount(items[lately], minlength=trained.n_items)
    return judgement.report(relevant, {"recent_popularity": baselines.popularity(counts)})


def _relevant(judgement: Judgement, vectors: Floats) -> Scorer:
    """Relevance for test users, whose vectors (n_test_users, d) are those at their first event to predict."""
    bundle, trained, split = judgement.bundle, judgement.trained, judgement.split
    starts = trained.offsets[:-1]

    def relevant(users: NDArray[np.int64]) -> Floats:
        own = vectors[np.searchsorted(split.test_users, users)]
        ends = split.ends[users]
        past = trained.items, starts[users], ends
        taste = tastes(bundle, *past)
        static = static_relevance_at(bundle, trained.times[ends])
        return relevance(bundle, own, taste, past, static)

    return relevant


def _exploring(judgement: Judgement, relevant: Scorer, settings: ExplorationSettings) -> Scorer:
    bundle = judgement.bundle
    created = np.asarray(bundle.overlay["created"], np.int64)
    young = young_items(created, bundle.unknown, bundle.lasting, bundle.meta.latest, settings)
    sigma = uncertainty(bundle, young.codes)

    def exploring(users: NDArray[np.int64]) -> Floats:
        values = relevant(users)
        for row, user in enumerate(users):
            seed = f"metrics {judgement.seed} {user}"
            values[row] = noisy_values(values[row], young, sigma, settings, seed)
        return values

    return exploring


def _vectors_at_ends(judgement: Judgement) -> Floats:
    bundle, split = judgement.bundle, judgement.split
    states = bundle.all_base_states().rows(split.test_users)
    at = judgement.trained.times[split.ends[split.test_users]]
    return request_vectors(bundle.network, bundle.item_rows, states, at, np.asarray(bundle.base["center"]))


def _vectors_at_last(judgement: Judgement) -> Floats:
    """Vectors of the test users after all but the last of their events, at the moment of the last."""
    bundle, split, trained = judgement.bundle, judgement.split, judgement.trained
    users = split.test_users
    first, last = split.ends[users], trained.offsets[users + 1] - 1
    at = ranges(first, last)
    sequences = Sequences(
        np.append(0, np.cumsum(last - first)), trained.items[at], trained.times[at], trained.types[at]
    )
    states = bundle.all_base_states().rows(users)
    owner = np.arange(len(users))
    return vectors_when_shown(bundle, states, sequences, owner, last - first, trained.times[last])[0]
