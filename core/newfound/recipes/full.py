"""FULL training of user-personalization: histories in, a judged and complete bundle out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from newfound.dataset import affinity, popularity, rules
from newfound.dataset.affinity import AffinityTable
from newfound.dataset.histories import Histories
from newfound.dataset.rules import RulesTable
from newfound.dataset.runs import ranges
from newfound.errors import TooLittleDataError
from newfound.evaluation.splits import (
    MIN_EVENTS,
    WithheldSplit,
    most_test_users,
    share_of_users,
    user_keys,
    withhold,
)
from newfound.progress import Progress, ProgressCallback
from newfound.recipes.assemble import HALF_LIVES, FullInputs, Parts, assemble, prepare, weigh
from newfound.recipes.blending import Examples, fit_blend, n_examples, popularity_before
from newfound.recipes.evidence import vectors_when_shown
from newfound.recipes.judging import Judgement, judge
from newfound.recipes.newcomers import fit_newcomers
from newfound.recipes.warm_start import TRAINED_UNTIL, last_visible, leaves_enough, unseen_by, warm_weights
from newfound.serving.arrays import Array
from newfound.serving.bundle import Bundle
from newfound.serving.bundle_meta import Blend, Maps
from newfound.serving.user_state import Sequences

if TYPE_CHECKING:
    from newfound.model.data import TrainingData

MIN_INTERACTIONS = 1_000
MIN_USERS = 25
MIN_USER_SHARE = 0.01
NEWCOMERS_EXAMPLES = 300
FINISHING_SECONDS, COUNTS_TO_FINISH = 4.0, 3.0
"""What follows the network takes about so long, and so many times what counting affinities and rules before it took."""
LEAST_SHARE_OF_TIME = 0.5
"""The network gets so much of a time limit at least, or it would be no better than the counts."""
ENOUGH_ORGANIC = 50
"""So many hidden events that answer no list fit the blend; a click in a list says more of what was shown."""


@dataclass(frozen=True, slots=True)
class FullResult:
    """A finished FULL: the bundle, its metrics (none if nobody could be withheld) and the facts of training."""

    bundle: Bundle
    metrics: dict[str, Any]
    training: dict[str, Any]


def require_enough_data(
    trained: Histories, event_type: str | None, event_value_threshold: float | None = None
) -> None:
    """Raise TooLittleDataError below the minimum of behaviour specification §1, naming the filters passed."""
    n, lengths = len(trained.items), np.diff(trained.offsets)
    filters = [f"event type: {event_type}"] if event_type else []
    if event_value_threshold is not None:
        filters.append(f"EVENT_VALUE of at least {event_value_threshold:g}")
    filtered = f" after filtering by {' and '.join(filters)}" if filters else ""
    if n < MIN_INTERACTIONS:
        raise TooLittleDataError(
            f"{n:,} interactions{filtered} are too few to train: {MIN_INTERACTIONS:,} are needed",
            f"import or put {MIN_INTERACTIONS - n:,} more",
        )
    returning = int((lengths >= 2).sum())
    needed = max(MIN_USERS, int(np.ceil(MIN_USER_SHARE * int((lengths > 0).sum()))))
    if returning < needed:
        raise TooLittleDataError(
            f"{returning:,} users with at least 2 interactions each{filtered} are too few to train:"
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
        listed=histories.listed[kept],
    )


def fit_full(
    inputs: FullInputs,
    hyperparameters: Mapping[str, str],
    checkpoints: Path | None,
    resume: bool,
    max_minutes: float | None,
    progress: ProgressCallback,
    parent: Bundle | None = None,
    spent: float = 0.0,
) -> FullResult:
    """Train, fit the blend, judge on withheld events, and build the bundle from all events.

    Training begins from the weights of `parent` where that pays. Of `max_minutes`, `spent` seconds are gone. Source:
    model specification §2 and §3, design §4 (users in training).
    """
    learned, before = learn(
        inputs, hyperparameters, checkpoints, resume, max_minutes, progress, parent, spent
    )
    trained, split = inputs.trained, learned.split
    progress(Progress("metrics", note="ranking for withheld users"))
    metrics = _judge(learned, before) if len(split.test_users) else {}
    learned = _with_all_hidden(learned, before)
    del before  # or there would be two bundles in memory
    progress(Progress("bundle", note="states and counts from all events"))
    bundle = learned.assembled(None)
    base = {**bundle.base, TRAINED_UNTIL: last_visible(trained, split.ends)}
    return FullResult(Bundle(bundle.meta, base, bundle.overlay), metrics, learned.training)


def _with_all_hidden(learned: Learned, parts: Parts) -> Learned:
    """Fit the blend again, now that it is judged, where what test users hide makes more examples."""
    split, trained = learned.split, learned.inputs.trained
    hidden = (trained.offsets[1:] - split.ends)[split.validation_users].sum()
    if not len(split.test_users) or hidden >= n_examples(trained.n_items):
        return learned
    blend, maps = _fit_weights(parts, until(trained, split.ends), split.ends, _withholding(split))
    return replace(learned, blend=blend, maps=maps)


def _judge(learned: Learned, before: Parts) -> dict[str, Any]:
    inputs, split = learned.inputs, learned.split
    judged = weigh(before, learned.blend, learned.maps)
    return {
        **judge(Judgement(judged, inputs.trained, split, inputs.hide_seen, inputs.seed)),
        "metadata": bool(inputs.tokens.vocabulary),
        "sampledFrom": share_of_users(int((np.diff(inputs.trained.offsets) >= MIN_EVENTS).sum())),
    }


@dataclass(frozen=True, slots=True)
class Learned:
    """What training finds: the network's arrays, the blend and its maps; and what was hidden from it.

    affinity, rules: those of the events that were not hidden.
    """

    inputs: FullInputs
    split: WithheldSplit
    arrays: Mapping[str, Array]
    blend: Blend
    maps: Maps
    affinity: AffinityTable
    rules: RulesTable
    training: dict[str, Any]

    def assembled(self, users: NDArray[np.int64] | None) -> Bundle:
        """Build a bundle from all events that train, with the states of `users` (None: all)."""
        seen = self.inputs.trained
        starts, stops = seen.offsets[:-1], seen.offsets[1:]
        near = affinity.build(seen.items, starts, stops, seen.n_items, self.inputs.seed, self.affinity)
        table = rules.updated(self.rules, seen.items, starts, self.split.ends, stops, seen.n_items)
        return assemble(self.inputs, seen, self.arrays, self.blend, self.maps, users, near, table)


def learn(
    inputs: FullInputs,
    hyperparameters: Mapping[str, str],
    checkpoints: Path | None,
    resume: bool,
    max_minutes: float | None,
    progress: ProgressCallback,
    parent: Bundle | None = None,
    spent: float = 0.0,
) -> tuple[Learned, Parts]:
    """Train the network and fit the weights of the blend, see `fit_full`; with the parts that the blend was fitted to.

    These come from what was not hidden, and hold the states of those who hide something.
    """
    from newfound.model.config import choose_config
    from newfound.model.train import compiling, fit
    from newfound.model.warm import judge_weights, shorter

    started, trained = time.perf_counter(), inputs.trained
    keys = user_keys(trained.user_ids, inputs.seed)
    split = withhold(trained.offsets, keys, most_test_users(trained.n_items))
    config = choose_config(len(trained.items), trained.n_items, hyperparameters, inputs.seed)
    if max_minutes is not None and (parent is None or parent.network.size != config.hidden_dimension):
        # By the limit alone, without what is spent: a training that is resumed must choose the same.
        seconds = 60 * LEAST_SHARE_OF_TIME * max_minutes
        config = choose_config(len(trained.items), trained.n_items, hyperparameters, inputs.seed, seconds)
    if not config.recency_mask:
        inputs = replace(inputs, half_lives=HALF_LIVES[-1:])
    weights, found = None, None
    if parent is not None and leaves_enough(
        unseen := unseen_by(parent, trained, split, inputs.logins), split
    ):
        known = warm_weights(parent, inputs)
        found = judge_weights(_training_data(inputs, unseen), config, known)
        if found["used"]:
            split, config, weights = unseen, shorter(config), known
    data = _training_data(inputs, split)
    progress(Progress("count", note="affinities and rules of the visible events"))
    before, counting = until(trained, split.ends), time.thread_time()
    starts, stops = before.offsets[:-1], before.offsets[1:]
    with compiling(data, config):
        near = affinity.build(before.items, starts, stops, before.n_items, inputs.seed)
        table = rules.build(before.items, starts, stops, before.n_items)
        # Of this thread, for the other one compiles.
        counted = time.thread_time() - counting
    data = replace(data, directions=affinity.leading(near, before.n_items))
    spent += time.perf_counter() - started
    minutes = network_minutes(max_minutes, spent, counted)
    result = fit(data, config, checkpoints, resume, minutes, progress, weights)
    progress(Progress("blend", note="fitting the weights of network, rules and popularity"))
    users = _withholding(split)
    parts = prepare(inputs, before, result.arrays, users if len(users) else None, near, table)
    blend, maps = _fit_weights(parts, before, split.ends, split.validation_users)
    training = {
        "seconds": result.seconds,
        "tokensPerSecond": result.tokens_per_second,
        "epochs": [
            {"epoch": row.epoch, "loss": row.loss, "ndcg": row.ndcg, "seconds": row.seconds}
            for row in result.history
        ],
        "configuration": {name: getattr(config, name) for name in config.__slots__},
        "warmStart": found,
        "seenItemsHiddenInMetrics": inputs.hide_seen,
    }
    return Learned(inputs, split, result.arrays, blend, maps, near, table, training), parts


def network_minutes(max_minutes: float | None, spent: float, counted: float) -> float | None:
    """How long the network may train for all to end in time: `spent` seconds are gone, `counted` of them on counts."""
    if max_minutes is None:
        return None
    left = 60 * max_minutes - spent - FINISHING_SECONDS - COUNTS_TO_FINISH * counted
    return max(left / 60, LEAST_SHARE_OF_TIME * max_minutes)


def _withholding(split: WithheldSplit) -> NDArray[np.int64]:
    """Users who hide something: their states are needed to fit and to judge."""
    return np.union1d(split.test_users, split.validation_users)


def _training_data(inputs: FullInputs, split: WithheldSplit) -> TrainingData:
    from newfound.model.data import ItemFeatures, TrainingData

    trained, tokens = inputs.trained, inputs.tokens
    features = ItemFeatures(len(tokens.vocabulary), tokens.n_fields, tokens.offsets, tokens.tokens)
    at = split.ends[split.validation_users]
    return TrainingData(
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
        exclude_seen=inputs.hide_seen,
    )


def _fit_weights(
    parts: Parts, before: Histories, ends: NDArray[np.int64], users: NDArray[np.int64]
) -> tuple[Blend, Maps]:
    """Fit the blend on what users hide at or past `ends`, and then where to place what nobody chose yet."""
    bundle = weigh(parts)
    examples = _hidden_events(bundle, parts.inputs, ends, users)
    nothing = popularity.empty(np.array(bundle.meta.half_lives), before.n_items)

    def shares(moments: NDArray[np.int64]) -> Iterator[tuple[int, popularity.DecayedPopularity]]:
        return popularity_before(nothing, before.items, before.times, moments)

    seed = parts.inputs.seed
    blend, maps = fit_blend(bundle, examples, shares(examples.times), seed)
    some = examples.some(NEWCOMERS_EXAMPLES)
    promise = parts.items.content, parts.items.content_bias
    newcomers = fit_newcomers(weigh(parts, blend, maps), some, shares(some.times), promise, seed)
    return blend, replace(maps, newcomers=newcomers)


def _hidden_events(
    bundle: Bundle, inputs: FullInputs, ends: NDArray[np.int64], users: NDArray[np.int64]
) -> Examples:
    """What users hide, each event in the state that its user was in."""
    trained, seed = inputs.trained, inputs.seed
    first, last = ends[users], trained.offsets[users + 1]
    hidden = ranges(first, last)
    owner = np.repeat(np.arange(len(users)), last - first)
    sequences = Sequences(
        np.append(0, np.cumsum(last - first)),
        trained.items[hidden],
        trained.times[hidden],
        trained.types[hidden],
    )
    if np.count_nonzero(organic := ~trained.listed[hidden]) >= ENOUGH_ORGANIC:
        hidden, owner = hidden[organic], owner[organic]
    if len(hidden) > (limit := n_examples(trained.n_items)):
        kept = np.sort(np.random.default_rng(seed).choice(len(hidden), limit, replace=False))
        hidden, owner = hidden[kept], owner[kept]
    states = bundle.all_base_states().rows(users)
    moments = trained.times[hidden]
    vectors, _ = vectors_when_shown(bundle, states, sequences, owner, hidden - first[owner], moments)
    starts = trained.offsets[users][owner]
    targets = trained.items[hidden]
    return Examples(vectors, targets, moments, trained.items, starts, hidden, inputs.hide_seen)
