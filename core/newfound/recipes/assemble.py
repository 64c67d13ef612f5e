"""Turn trained arrays and encoded histories into a bundle in memory: the last stage of FULL.

The same function makes the bundle that is published, from all events, and the one that is judged, from the events
that training saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from newfound.dataset import popularity, rules
from newfound.dataset.affinity import NO_AFFINITY, AffinityTable
from newfound.dataset.age import N_RISES
from newfound.dataset.company import company_coordinates
from newfound.dataset.features import (
    FeatureFields,
    TokenTable,
    content_rows,
    described_items,
    one_hot,
    telling,
)
from newfound.dataset.histories import REPEATS, EventSelection, Histories, share_of_repeats
from newfound.dataset.runs import ranges
from newfound.dataset.taste import item_coordinates, profiles, some_users, taste_variance, token_coordinates
from newfound.dataset.youth import fit_youth
from newfound.explore.calibration import Calibration
from newfound.explore.posterior import TRIAL_FIELDS, Posteriors, Trials
from newfound.explore.prior import fit_ridge, learned_variance, prior_factor
from newfound.recipes.blending import N_PERSONAL
from newfound.recipes.refitting import no_examples
from newfound.recipes.surprise import surprise
from newfound.serving.arrays import Array
from newfound.serving.bundle import Blend, Bundle, BundleMeta, Maps, learned_tastes
from newfound.serving.ids import IdIndex
from newfound.serving.network import Floats, Network
from newfound.serving.relevance import RULE_FLOOR, age_relevance
from newfound.serving.user_state import STATE_FIELDS, Sequences, UserStates, advance, request_vectors

HOUR, DAY = 3_600.0, 86_400.0
HALF_LIVES = (HOUR, 4 * HOUR, 12 * HOUR, 2 * DAY, 7 * DAY, 30 * DAY, 36_500 * DAY)
DEFAULT_MAPS = Maps((float(np.log(RULE_FLOOR)), 0.0), (0.0, 0.0))
PRIOR_EVENTS = 10.0
WARM_EVENTS = 5
RIDGE_TOKENS = 256
STATE_SAMPLE = 20_000
BIAS_VARIANCE_RANGE = (0.05, 4.0)


@dataclass(frozen=True, slots=True)
class FullInputs:
    """What FULL made of the project's data. `shown` int64 (n_items,): impressions of each item in the data."""

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


def assemble(
    inputs: FullInputs,
    seen: Histories,
    trained: Mapping[str, Array],
    blend: Blend | None = None,
    maps: Maps = DEFAULT_MAPS,
    users: NDArray[np.integer] | None = None,
    affinity: AffinityTable = NO_AFFINITY,
) -> Bundle:
    """Build a bundle from the events of `seen` (trained ones only), their affinities and the network's arrays.

    `users`: codes whose states are needed (None: all); the others stay at the empty history.
    """
    blend = blend or Blend(1.0, 0.5, (0.0,) * len(inputs.half_lives))
    network = Network.from_arrays(trained)
    events = np.bincount(seen.items, minlength=seen.n_items).astype(np.int64)
    described = described_items(inputs.tokens, inputs.fields, seen.n_items)
    warm = events >= WARM_EVENTS
    warm = warm if warm.any() else events >= 0
    items = _item_rows(inputs.tokens, described, trained, warm)
    vectors, bias = items.vectors, items.bias
    states = _final_states(network, vectors, seen, users)
    center = _center(network, vectors, states, inputs.seed)
    counts = popularity.updated(
        popularity.empty(np.array(inputs.half_lives), seen.n_items), seen.items, seen.times, seen.n_items
    )
    shares = popularity.log_popularity(counts, counts.reference)
    usual = shares[:, warm].mean(axis=1)
    gamma = np.asarray(blend.popularity, np.float32)
    beyond = vectors - items.content
    taste_free = bias - items.content_bias + beyond @ center
    appeal: Floats = np.float32(blend.network) * taste_free + gamma @ (shares - usual[:, None])
    metadata_bias, ridge, bias_variance = _metadata_bias(inputs.tokens, appeal, warm, inputs.seed)
    taste, learned = _taste(inputs, seen)
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
        "prior_variance": np.append(np.clip(bias_variance, *BIAS_VARIANCE_RANGE), learned).astype(np.float32),
        "usual_vector": vectors[warm].mean(axis=0),
        "usual_bias": bias[warm].mean(keepdims=True),
        "shift": items.shift,
        "bias_shift": np.array([items.bias_shift], np.float32),
        "ridge": ridge,
        "shown_at_full": shown,
        "clicker_scale": np.array([_clicker_scale(network, vectors, states, center, seen)], np.float32),
    }
    overlay: dict[str, Array] = {
        **empty_overlay(network.size, network.state_size, len(taste["taste_variance"])),
        **no_examples(N_PERSONAL + len(inputs.half_lives) + N_RISES),
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
        "metadata_bias": metadata_bias,
        "prior_factor": prior_factor(organic, shown, PRIOR_EVENTS),
        **{f"trial_{name}": getattr(trials, name) for name in TRIAL_FIELDS},
        **{f"posterior_{name}": getattr(nothing, name) for name in ("item", "mean", "variance")},
    }
    found = ~seen.listed
    level, days = fit_youth(inputs.created, inputs.created_stated, seen.items[found], seen.times[found])
    rises = blend.age[:-1]
    meta = BundleMeta(
        explores=inputs.explores,
        latest=inputs.latest,
        popularity_reference=int(counts.reference),
        event_offset=inputs.event_offset,
        item_record_offset=inputs.item_record_offset,
        type_names=history.type_names,
        selection=inputs.selection,
        half_lives=inputs.half_lives,
        blend=replace(blend, age=(*rises, 0.0)),
        blend_at_full=blend,
        hide_seen=share_of_repeats(inputs.histories.restricted_to_trained()) < REPEATS,
        maps=maps,
        calibration=Calibration(),
        prior_events=PRIOR_EVENTS,
        popularity_prior=tuple(float(value) for value in usual),
        features=inputs.fields,
        untested_days=days,
    )
    unscaled = Bundle(meta, base, overlay)
    level += float(age_relevance(unscaled)[warm].mean())
    scale = surprise(unscaled, items.content, items.content_bias, warm, inputs.seed)
    whole = replace(blend, age=(*rises, level))
    return Bundle(
        replace(meta, blend=whole, blend_at_full=whole),
        base | {"prior_variance": base["prior_variance"] * np.float32(scale)},
        overlay,
    )


def empty_overlay(size: int, state_size: int, n_tastes: int) -> dict[str, Array]:
    """The arrays of what changed since FULL, when nothing did; sizes of a vector, a user's state and a taste."""
    states = UserStates.empty(0, state_size)
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


@dataclass(frozen=True, slots=True)
class _ItemRows:
    """Vectors (n_items, d) and biases (n_items,), and the part of each that is known before any event.

    `shift` is what warm items have beyond their metadata on average; it belongs to every item.
    """

    vectors: Floats
    bias: Floats
    content: Floats
    content_bias: Floats
    shift: Floats
    bias_shift: np.float32


def _item_rows(
    tokens: TokenTable, described: NDArray[np.bool_], trained: Mapping[str, Array], warm: NDArray[np.bool_]
) -> _ItemRows:
    """Place the items that training could not learn where warm items of the same metadata are on average."""
    vectors = np.array(trained["E"], dtype=np.float32)
    bias = np.array(trained["item_bias"], dtype=np.float32)
    usual_vector, usual_bias = vectors[warm].mean(axis=0), bias[warm].mean()
    content = np.zeros_like(vectors)
    content_bias = np.zeros_like(bias)
    shift, bias_shift = np.zeros_like(usual_vector), np.float32(0)
    if "token_vectors" in trained:
        content = content_rows(tokens, np.asarray(trained["token_vectors"], np.float32))
        content_bias = content_rows(tokens, np.asarray(trained["token_bias"], np.float32)[:, None])[:, 0]
        told = warm & described
        if told.any():
            shift = (vectors - content)[told].mean(axis=0)
            bias_shift = (bias - content_bias)[told].mean()
    content = np.where(described[:, None], content + shift, usual_vector)
    content_bias = np.where(described, content_bias + bias_shift, usual_bias)
    vectors[~warm], bias[~warm] = content[~warm], content_bias[~warm]
    return _ItemRows(vectors, bias, content, content_bias, shift, bias_shift)


def _taste(inputs: FullInputs, seen: Histories) -> tuple[dict[str, Array], Floats]:
    """Directions of taste: those that metadata tells, then those of the company that items keep.

    With them, how far items lie from what their metadata tells (m,), in the directions that posteriors live on.
    """
    past = seen.items, seen.offsets
    tokens = token_coordinates(inputs.tokens, telling(inputs.fields), *past, inputs.seed)
    told = item_coordinates(inputs.tokens, tokens, seen.n_items)
    coordinates = np.column_stack([told, company_coordinates(*past, told, inputs.seed)])
    variance = taste_variance(coordinates, *past, inputs.seed)
    users = some_users(seen.offsets, inputs.seed)
    lengths = seen.offsets[users + 1] - seen.offsets[users]
    chosen = seen.items[ranges(seen.offsets[users], seen.offsets[users + 1])]
    people = profiles(coordinates[chosen], variance, lengths)
    company = np.arange(len(variance)) >= tokens.shape[1]
    owner = np.repeat(np.arange(len(users)), lengths)
    learned = learned_variance(people, owner, chosen, np.where(company, 0, coordinates))
    arrays = {"taste": coordinates, "taste_tokens": tokens, "taste_variance": variance}
    return arrays, learned[learned_tastes(variance)]


def _final_states(
    network: Network, vectors: Floats, seen: Histories, users: NDArray[np.integer] | None
) -> UserStates:
    """States of all users after their last seen event."""
    states = UserStates.empty(seen.n_users, network.state_size)
    chosen = np.arange(seen.n_users) if users is None else np.asarray(users)
    starts, stops = seen.offsets[chosen], seen.offsets[chosen + 1]
    at = ranges(starts, stops)
    offsets = np.append(0, np.cumsum(stops - starts))
    sequences = Sequences(offsets, seen.items[at], seen.times[at], seen.types[at])
    ready = advance(network, lambda codes: vectors[codes], states.rows(chosen), sequences)
    for name in STATE_FIELDS:
        getattr(states, name)[chosen] = getattr(ready, name)
    return states


def _center(network: Network, vectors: Floats, states: UserStates, seed: int) -> Floats:
    """Mean (d,) of the vectors that users have a day after their last event."""
    active = np.flatnonzero(states.item >= 0)
    if len(active) > STATE_SAMPLE:
        active = np.sort(np.random.default_rng(seed).choice(active, STATE_SAMPLE, replace=False))
    some = states.rows(active)
    nobody = np.zeros(network.size, np.float32)
    tomorrow = some.time + int(DAY)
    return request_vectors(network, lambda codes: vectors[codes], some, tomorrow, nobody).mean(axis=0)


def _clicker_scale(
    network: Network, vectors: Floats, states: UserStates, center: Floats, seen: Histories
) -> float:
    """Regress item vectors on the mean vector of the users who chose them last, both centred."""
    active = np.flatnonzero(states.item >= 0)
    some = states.rows(active)
    users = request_vectors(network, lambda codes: vectors[codes], some, some.time, center) - center
    counts = np.bincount(some.item, minlength=seen.n_items)
    sums = np.zeros_like(vectors)
    np.add.at(sums, some.item, users)
    often = counts >= WARM_EVENTS
    if not often.any():
        return 0.0
    means = sums[often] / counts[often, None]
    centred = vectors[often] - vectors[often].mean(axis=0)
    return max(float((means * centred).sum() / max(float((means * means).sum()), 1e-9)), 0.0)


def _metadata_bias(
    tokens: TokenTable, appeal: Floats, warm: NDArray[np.bool_], seed: int
) -> tuple[Floats, NDArray[np.float64], float]:
    """Predict items' appeal (n_items,) from their commonest tokens: predictions, coefficients, residual variance."""
    if not tokens.vocabulary:
        return np.zeros_like(appeal), np.zeros(1), float(appeal[warm].var())
    n_tokens = min(RIDGE_TOKENS, len(tokens.vocabulary))
    marks = one_hot(tokens, n_tokens)
    fit = fit_ridge(marks[warm], appeal[warm] - appeal[warm].mean(), seed)
    return fit.predict(marks), fit.coefficients, fit.residual_variance
