"""Turn trained arrays and encoded histories into a bundle in memory: the last stage of FULL.

The same functions make the bundle that is published, from all events, and the one that is judged, from the events
that training saw. They come in two steps, for the blend is fitted to a bundle without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newfound.dataset import popularity, rules
from newfound.dataset.affinity import NO_AFFINITY, AffinityTable
from newfound.dataset.age import N_RISES
from newfound.dataset.features import (
    FeatureFields,
    TokenTable,
    described_items,
)
from newfound.dataset.histories import REPEATS, EventSelection, Histories, share_of_repeats
from newfound.dataset.rules import RulesTable
from newfound.dataset.youth import fit_youth
from newfound.explore.calibration import Calibration
from newfound.explore.displays import DISPLAY_FIELDS, Displays
from newfound.explore.posterior import TRIAL_FIELDS, Posteriors, Trials
from newfound.explore.prior import WARM_EVENTS, prior_factor
from newfound.recipes.blending import N_FIRST
from newfound.recipes.content import fit_content
from newfound.recipes.placing import (
    ItemRows,
    clicker_scale,
    final_states,
    item_rows,
    mean_vector,
)
from newfound.recipes.refitting import no_examples
from newfound.recipes.surprise import surprise
from newfound.recipes.tastes import taste_arrays
from newfound.serving.arrays import Array
from newfound.serving.bundle import Bundle
from newfound.serving.bundle_meta import Blend, BundleMeta, Maps
from newfound.serving.ids import IdIndex
from newfound.serving.network import Floats, Network
from newfound.serving.relevance import RULE_FLOOR, age_relevance
from newfound.serving.user_state import STATE_FIELDS, UserStates

HOUR, DAY = 3_600.0, 86_400.0
HALF_LIVES = (HOUR, 4 * HOUR, 12 * HOUR, 2 * DAY, 7 * DAY, 30 * DAY, 36_500 * DAY)
DEFAULT_MAPS = Maps((float(np.log(RULE_FLOOR)), 0.0), (0.0, 0.0))
PRIOR_EVENTS = 10.0
BIAS_VARIANCE_RANGE = (0.05, 4.0)


@dataclass(frozen=True)
class FullInputs:
    """What FULL made of the project's data. `shown` int64 (n_items,): impressions of each item in the data.

    logins: users of sessions that began anonymous, by session.
    """

    histories: Histories
    selection: EventSelection
    fields: FeatureFields
    tokens: TokenTable
    created: NDArray[np.int64]
    created_stated: NDArray[np.bool_]
    shown: NDArray[np.int64]
    latest: int
    event_offset: int
    item_record_offset: int
    explores: bool
    seed: int
    half_lives: tuple[float, ...] = HALF_LIVES
    logins: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def trained(self) -> Histories:
        """The interactions that train."""
        return self.histories.restricted_to_trained()

    @cached_property
    def hide_seen(self) -> bool:
        """Whether people are taken not to come back to an item."""
        return share_of_repeats(self.trained) < REPEATS


@dataclass(frozen=True, slots=True)
class Parts:
    """A bundle before its blend is known: its arrays, and what the blend is to weigh.

    beyond (n_items,): logits that events add to what metadata says, for the mean vector; shares
    (n_half_lives, n_items): log popularity beyond the usual; warm (n_items,): enough was seen of the item;
    learned (m,): prior variances in the directions of taste; level: what being new is worth.
    """

    inputs: FullInputs
    seen: Histories
    meta: BundleMeta
    base: Mapping[str, Array]
    overlay: Mapping[str, Array]
    items: ItemRows
    beyond: NDArray[np.floating]
    shares: Floats
    warm: NDArray[np.bool_]
    learned: Floats
    level: float


def assemble(
    inputs: FullInputs,
    seen: Histories,
    trained: Mapping[str, Array],
    blend: Blend | None = None,
    maps: Maps = DEFAULT_MAPS,
    users: NDArray[np.integer] | None = None,
    affinity: AffinityTable = NO_AFFINITY,
    table: RulesTable | None = None,
) -> Bundle:
    """Build a bundle whose blend is known, None for the usual one; see `prepare` and `weigh`."""
    return weigh(prepare(inputs, seen, trained, users, affinity, table), blend, maps)


def prepare(
    inputs: FullInputs,
    seen: Histories,
    trained: Mapping[str, Array],
    users: NDArray[np.integer] | None = None,
    affinity: AffinityTable = NO_AFFINITY,
    table: RulesTable | None = None,
) -> Parts:
    """Take apart the events of `seen` (trained ones only), with their affinities and the network's arrays.

    users: codes whose states are needed (None: all); the others stay at the empty history. table: the sequential rules
    of `seen`, if they are known.
    """
    network = Network.from_arrays(trained)
    events = np.bincount(seen.items, minlength=seen.n_items).astype(np.int64)
    described = described_items(inputs.tokens, inputs.fields, seen.n_items)
    warm = events >= WARM_EVENTS
    warm = warm if warm.any() else events >= 0
    items = item_rows(inputs.tokens, described, trained, np.where(warm, events, 0), inputs.seed)
    vectors, bias = items.vectors, items.bias
    states = final_states(network, vectors, seen, users)
    center = mean_vector(network, vectors, states, inputs.seed)
    counts = popularity.updated(
        popularity.empty(np.array(inputs.half_lives), seen.n_items), seen.items, seen.times, seen.n_items
    )
    shares = popularity.log_popularity(counts, counts.reference)
    usual = shares[:, warm].mean(axis=1)
    taste, learned = taste_arrays(inputs.tokens, inputs.fields, seen, inputs.seed)
    if table is None:
        table = rules.build(seen.items, seen.offsets[:-1], seen.offsets[1:], seen.n_items)
    history = inputs.histories
    trials = Trials.empty(len(learned) + 1)
    nothing = Posteriors.empty(len(learned) + 1)
    organic = np.bincount(seen.items[~seen.listed], minlength=seen.n_items).astype(np.int64)
    shown = np.where(events >= WARM_EVENTS, inputs.shown, 0)
    base: dict[str, Array] = {
        **{name: array for name, array in trained.items() if name not in ("E", "item_bias")},
        **IdIndex.build(seen.item_ids).arrays("items"),
        **IdIndex.build(seen.user_ids).arrays("users"),
        **IdIndex.build(inputs.tokens.vocabulary).arrays("tokens"),
        **{f"state_{name}": getattr(states, name) for name in STATE_FIELDS},
        "E": vectors,
        "item_bias": bias,
        **taste,
        "history_offsets": history.offsets,
        "history_items": history.items,
        "history_times": history.times,
        "history_types": history.types,
        "history_trained": history.trained,
        "rules_offsets": table.offsets,
        "rules_items": table.items,
        "rules_values": table.values,
        "affinity_items": affinity.items,
        "affinity_scale": affinity.scale,
        "affinity_vectors": affinity.vectors,
        "center": center,
        "usual_vector": vectors[warm].mean(axis=0),
        "usual_bias": bias[warm].mean(keepdims=True),
        "content_vectors": items.coefficients[:, :-1],
        "content_bias": items.coefficients[:, -1],
        "shown_at_full": shown,
        "clicker_scale": np.array([clicker_scale(network, vectors, states, center, seen)], np.float32),
    }
    overlay: dict[str, Array] = {
        **empty_overlay(network, len(taste["taste_variance"])),
        **no_examples(N_FIRST + len(inputs.half_lives) + N_RISES),
        "created": inputs.created,
        "created_stated": inputs.created_stated,
        "described": described,
        "events": events,
        "events_at_full": events,
        "organic": organic,
        "organic_at_full": organic,
        "shown": inputs.shown,
        "clicked": events - organic,
        "popularity": counts.values,
        "prior_factor": prior_factor(organic, shown, PRIOR_EVENTS),
        **{f"trial_{name}": getattr(trials, name) for name in TRIAL_FIELDS},
        **{f"posterior_{name}": getattr(nothing, name) for name in ("item", "mean", "variance")},
    }
    found = ~seen.listed
    level, days = fit_youth(inputs.created, inputs.created_stated, seen.items[found], seen.times[found])
    blend = Blend(1.0, 0.5, (0.0,) * len(inputs.half_lives))
    meta = BundleMeta(
        explores=inputs.explores,
        latest=inputs.latest,
        popularity_reference=int(counts.reference),
        event_offset=inputs.event_offset,
        item_record_offset=inputs.item_record_offset,
        type_names=history.type_names,
        selection=inputs.selection,
        half_lives=inputs.half_lives,
        blend=blend,
        blend_at_full=blend,
        hide_seen=inputs.hide_seen,
        maps=DEFAULT_MAPS,
        calibration=Calibration(),
        prior_events=PRIOR_EVENTS,
        popularity_prior=tuple(float(value) for value in usual),
        features=inputs.fields,
        untested_days=days,
    )
    beyond = bias - items.content_bias + (vectors - items.content) @ center
    return Parts(
        inputs, seen, meta, base, overlay, items, beyond, shares - usual[:, None], warm, learned, level
    )


def weigh(parts: Parts, blend: Blend | None = None, maps: Maps = DEFAULT_MAPS) -> Bundle:
    """Finish a bundle: what metadata promises, the level of newcomers and the prior follow from the blend."""
    inputs, warm, blend = parts.inputs, parts.warm, blend or parts.meta.blend
    rises = blend.age[:N_RISES]
    appeal: Floats = np.float32(blend.network) * parts.beyond
    appeal += np.asarray(blend.popularity, np.float32) @ parts.shares
    appeal += np.float32(blend.audience) * parts.base["audience"]
    metadata_bias, coefficients, bias_variance = _metadata_bias(parts, appeal)
    variance = np.append(np.clip(bias_variance, *BIAS_VARIANCE_RANGE), parts.learned).astype(np.float32)
    overlay = {**parts.overlay, "metadata_bias": metadata_bias}
    base = {**parts.base, "content_appeal": coefficients, "prior_variance": variance}
    level_free = replace(
        parts.meta, blend=replace(blend, age=(*rises, 0.0, 0.0)), blend_at_full=blend, maps=maps
    )
    unscaled = Bundle(level_free, base, overlay)
    usual = float(age_relevance(unscaled)[warm].mean())
    items = parts.items
    scale = surprise(unscaled, parts.seen, items.content, items.content_bias, warm, inputs.seed)
    whole = replace(blend, age=(*rises, parts.level, usual))
    meta = replace(level_free, blend=whole, blend_at_full=whole)
    return Bundle(meta, {**base, "prior_variance": variance * np.float32(scale)}, overlay)


def empty_overlay(network: Network, n_tastes: int) -> dict[str, Array]:
    """The arrays of what changed since FULL, when nothing did, with so many directions of taste."""
    size, states = network.size, UserStates.empty(0, network)
    return {
        **IdIndex.build([]).arrays("items"),
        **IdIndex.build([]).arrays("users"),
        **{f"state_{name}": getattr(states, name) for name in STATE_FIELDS},
        "row_item": np.zeros(0, np.int32),
        "row_E": np.zeros((0, size), np.float32),
        "row_bias": np.zeros(0, np.float32),
        "row_taste": np.zeros((0, n_tastes), np.float32),
        "slate_keys": np.zeros(0, np.uint64),
        "click_keys": np.zeros(0, np.uint64),
        **{f"display_{name}": getattr(Displays.empty(), name) for name in DISPLAY_FIELDS},
        "clicker_sum": np.zeros((0, size), np.float32),
        "clicker_count": np.zeros(0, np.float32),
        "history_offsets": np.zeros(1, np.int64),
        "history_items": np.zeros(0, np.int32),
        "history_times": np.zeros(0, np.int64),
        "history_types": np.zeros(0, np.int16),
        "history_trained": np.zeros(0, np.bool_),
        "rules_offsets": np.zeros(1, np.int64),
        "rules_items": np.zeros(0, np.int32),
        "rules_values": np.zeros(0, np.float32),
    }


def _metadata_bias(parts: Parts, appeal: Floats) -> tuple[Floats, Floats, float]:
    """Predict items' appeal (n_items,) from their tokens: predictions, coefficients, residual variance.

    How often an item was chosen does not count in its own prediction.
    """
    tokens, warm = parts.inputs.tokens, parts.warm
    if not tokens.vocabulary:
        return np.zeros_like(appeal), np.zeros(1, np.float32), float(appeal[warm].var())
    target = (appeal - appeal[warm].mean())[:, None]
    events = np.where(warm, parts.overlay["events"], 0)
    fit = fit_content(tokens, target, events, parts.inputs.seed)
    withheld = fit.withheld(tokens)[:, 0]
    predictions = np.where(warm, withheld, fit.of(tokens)[:, 0])
    return predictions, fit.coefficients[:, 0], float(np.square((target[:, 0] - withheld)[warm]).mean())
