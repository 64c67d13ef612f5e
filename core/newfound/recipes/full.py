"""FULL training of user-personalization: histories in, a judged and complete bundle out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.dataset import popularity
from newfound.dataset.histories import REPEATS, Histories, share_of_repeats
from newfound.dataset.runs import ranges
from newfound.errors import TooLittleDataError
from newfound.evaluation.offline import evaluate
from newfound.evaluation.splits import WithheldSplit, withhold
from newfound.explore.policy import noisy_values, young_items
from newfound.explore.settings import ExplorationSettings
from newfound.progress import Progress, ProgressCallback
from newfound.recipes.assemble import HALF_LIVES, FullInputs, assemble
from newfound.recipes.blending import Examples, fit_blend, n_examples, popularity_before
from newfound.recipes.evidence import vectors_when_shown
from newfound.serving.bundle import Bundle
from newfound.serving.network import Floats
from newfound.serving.relevance import relevance, static_relevance_at, tastes, uncertainty
from newfound.serving.user_state import Sequences, request_vectors

MIN_INTERACTIONS = 1_000
MIN_USERS = 25
MIN_USER_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class FullResult:
    """A finished FULL: the bundle, its metrics and the facts of training."""

    bundle: Bundle
    metrics: dict[str, Any]
    training: dict[str, Any]


def require_enough_data(trained: Histories, event_type: str | None) -> None:
    """Raise TooLittleDataError below the minimum of behaviour specification §1."""
    n, lengths = len(trained.items), np.diff(trained.offsets)
    of_type = f" after filtering by event type: {event_type}" if event_type else ""
    if n < MIN_INTERACTIONS:
        raise TooLittleDataError(
            f"{n:,} interactions{of_type} are too few to train: {MIN_INTERACTIONS:,} are needed",
            f"import or put {MIN_INTERACTIONS - n:,} more",
        )
    returning = int((lengths >= 2).sum())
    needed = max(MIN_USERS, int(np.ceil(MIN_USER_SHARE * int((lengths > 0).sum()))))
    if returning < needed:
        raise TooLittleDataError(
            f"{returning:,} users with at least 2 interactions each{of_type} are too few to train:"
            f" {needed:,} are needed",
            "import longer histories, or check that USER_ID is the same for all events of a user",
        )


def until(histories: Histories, ends: NDArray[np.int64]) -> Histories:
    """Cut each user's history at the position `ends[user]`."""
    starts = histories.offsets[:-1]
    kept = ranges(starts, ends)
    return replace(
        histories,
        offsets=np.append(0, np.cumsum(ends - starts)),
        items=histories.items[kept],
        times=histories.times[kept],
        types=histories.types[kept],
        trained=histories.trained[kept],
    )


def fit_full(
    inputs: FullInputs,
    hyperparameters: Mapping[str, str],
    checkpoints: Path | None,
    resume: bool,
    max_minutes: float | None,
    progress: ProgressCallback,
) -> FullResult:
    """Train, fit the blend, judge on withheld events, and build the bundle from all events.

    Source: model specification §2 and §3, design §4 (users in training).
    """
    from newfound.model.config import choose_config
    from newfound.model.data import ItemFeatures, TrainingData
    from newfound.model.train import fit

    trained = inputs.histories.restricted_to_trained()
    split = withhold(trained.offsets, inputs.seed)
    hide_seen = share_of_repeats(trained) < REPEATS
    tokens = inputs.tokens
    features = ItemFeatures(len(tokens.vocabulary), tokens.n_fields, tokens.offsets, tokens.tokens)
    at = split.ends[split.validation_users]
    data = TrainingData(
        offsets=trained.offsets,
        ends=split.ends,
        items=trained.items,
        times=trained.times,
        types=trained.types,
        n_items=trained.n_items,
        n_types=len(trained.type_names),
        features=features if tokens.vocabulary else None,
        validation_users=split.validation_users.astype(np.int32),
        validation_items=trained.items[at],
        validation_times=trained.times[at],
        exclude_seen=hide_seen,
    )
    config = choose_config(len(trained.items), trained.n_items, hyperparameters, inputs.seed)
    result = fit(data, config, checkpoints, resume=resume, max_minutes=max_minutes, progress=progress)
    progress(Progress("blend", note="fitting the weights of network, rules and popularity"))
    asked = np.union1d(split.test_users, split.validation_users)
    before = until(trained, split.ends)
    judged = assemble(inputs, before, result.arrays, users=asked)
    blend, rule_map = _fit_weights(judged, trained, before, split, hide_seen, inputs.seed)
    judged = assemble(inputs, before, result.arrays, blend, rule_map, users=asked)
    progress(Progress("metrics", note="ranking for withheld users"))
    metrics = _judge(judged, trained, split, hide_seen, inputs.seed)
    progress(Progress("bundle", note="states and counts from all events"))
    bundle = assemble(inputs, trained, result.arrays, blend, rule_map)
    training = {
        "seconds": result.seconds,
        "tokensPerSecond": result.tokens_per_second,
        "epochs": [
            {"epoch": row.epoch, "loss": row.loss, "ndcg": row.ndcg, "seconds": row.seconds}
            for row in result.history
        ],
        "configuration": {name: getattr(config, name) for name in config.__slots__},
        "seenItemsHiddenInMetrics": hide_seen,
    }
    return FullResult(bundle, metrics, training)


def _vectors(bundle: Bundle, users: NDArray[np.int64], at: NDArray[np.int64]) -> Floats:
    states = bundle.all_base_states().rows(users)
    return request_vectors(bundle.network, bundle.item_rows, states, at, np.asarray(bundle.base["center"]))


def _fit_weights(
    bundle: Bundle, trained: Histories, before: Histories, split: WithheldSplit, hide_seen: bool, seed: int
) -> tuple[Any, tuple[float, float]]:
    """Fit the blend on what validation users hide, each event in the state that its user was in."""
    users = split.validation_users
    first, last = split.ends[users], trained.offsets[users + 1]
    hidden = ranges(first, last)
    owner = np.repeat(np.arange(len(users)), last - first)
    sequences = Sequences(
        np.append(0, np.cumsum(last - first)),
        trained.items[hidden],
        trained.times[hidden],
        trained.types[hidden],
    )
    if len(hidden) > (limit := n_examples(trained.n_items)):
        kept = np.sort(np.random.default_rng(seed).choice(len(hidden), limit, replace=False))
        hidden, owner = hidden[kept], owner[kept]
    states = bundle.all_base_states().rows(users)
    moments = trained.times[hidden]
    vectors, _ = vectors_when_shown(bundle, states, sequences, owner, hidden - first[owner], moments)
    starts = trained.offsets[users][owner]
    examples = Examples(vectors, trained.items[hidden], moments, trained.items, starts, hidden, hide_seen)
    nothing = popularity.empty(np.array(HALF_LIVES), trained.n_items)
    shares = popularity_before(nothing, before.items, before.times, examples.times)
    return fit_blend(bundle, examples, shares, seed)


def _judge(
    bundle: Bundle, trained: Histories, split: WithheldSplit, hide_seen: bool, seed: int
) -> dict[str, Any]:
    """Metrics at the default exploration and at weight 0, each beside popularity and sequential rules."""
    settings = ExplorationSettings()
    created = np.asarray(bundle.overlay["created"], np.int64)
    young = young_items(created, bundle.unknown, bundle.meta.latest, settings)
    starts = trained.offsets[:-1]

    def relevant(users: NDArray[np.int64]) -> tuple[Floats, Floats]:
        at = trained.times[split.ends[users]]
        vectors = _vectors(bundle, users, at)
        tails = trained.items, starts[users], split.ends[users]
        taste = tastes(bundle, *tails)
        static = static_relevance_at(bundle, at)
        return relevance(bundle, vectors, taste, tails, static), bundle.user_features(taste)

    def exploring(users: NDArray[np.int64]) -> Floats:
        values, x = relevant(users)
        sigma = uncertainty(bundle, x, young.codes)
        for row, user in enumerate(users):
            values[row] = noisy_values(values[row], young, sigma[row], settings, f"metrics {seed} {user}")
        return values

    table = bundle.rules[0]

    def report(score: Any) -> dict[str, Any]:  # noqa: ANN401  # a Scorer
        return evaluate(score, split, trained.items, trained.offsets, table, seed=seed, hide_seen=hide_seen)

    exploit = report(lambda users: relevant(users)[0])
    if not bundle.meta.explores:
        return {**exploit, "explorationWeight": 0.0}
    default = report(exploring)
    return {
        **default,
        "explorationWeight": settings.exploration_weight,
        "atWeightZero": {name: exploit[name] for name in ("metrics", "intervals")},
    }
