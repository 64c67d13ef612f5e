"""Fit the weights of the served score on events that the bundle has not seen (model specification §2, The blend)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset import popularity
from newfound.dataset.age import N_AGES, age_components
from newfound.dataset.runs import ranges
from newfound.evaluation import blend as likelihood
from newfound.evaluation.candidates import draw
from newfound.serving.bundle import Blend, Bundle
from newfound.serving.network import Floats
from newfound.serving.relevance import rule_shares

MAX_EXAMPLES = 1_000
MAX_CELLS = 40_000_000
N_HEAD, N_TAIL = 400, 600
AGE_RIDGE = 2.0
"""The curve over age starts flat; a few dozen examples may bend it."""


@dataclass(frozen=True, slots=True)
class Examples:
    """n events to predict: user vectors float32 (n, d), target items int32, times int64 (Unix seconds),

    histories as `items[starts[e]:stops[e]]`; hide_seen: the user's own past items compete no more.
    """

    vectors: Floats
    targets: NDArray[np.int32]
    times: NDArray[np.int64]
    items: NDArray[np.int32]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    hide_seen: bool


def popularity_before(
    state: popularity.DecayedPopularity,
    items: NDArray[np.int32],
    times: NDArray[np.int64],
    moments: NDArray[np.int64],
) -> Iterator[tuple[int, Floats]]:
    """Walk through events in time and yield (e, log shares (H, n_items)) as they stood just before `moments[e]`."""
    order = np.argsort(times, kind="stable")
    items, times = items[order], times[order]
    n_items = state.values.shape[1]
    done = 0
    for example in np.argsort(moments, kind="stable"):
        until = int(np.searchsorted(times, moments[example], side="left"))
        if until > done:
            state = popularity.updated(state, items[done:until], times[done:until], n_items)
            done = until
        yield int(example), popularity.log_popularity(state, int(moments[example]))


def n_examples(n_items: int) -> int:
    """How many examples fit in memory and time for a catalogue of this size."""
    return int(np.clip(MAX_CELLS // max(n_items, 1), 50, MAX_EXAMPLES))


def fit_rule_map(logits: Floats, shares: Floats) -> tuple[float, float]:
    """Regress log rule shares on network logits, each cell weighted by its softmax probability: intercept, slope."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    weights /= weights.sum()
    mean_x, mean_y = float((weights * logits).sum()), float((weights * shares).sum())
    x = logits - mean_x
    slope = float((weights * x * (shares - mean_y)).sum() / max(float((weights * x * x).sum()), 1e-9))
    slope = max(slope, 0.0)
    return mean_y - slope * mean_x, slope


@dataclass(frozen=True, slots=True)
class Comparisons:
    """n events beside what was not chosen: components of the score (n, m, k), the chosen item in column 0.

    `offsets` (n, m) are to be added to the score, as in `evaluation.candidates`.
    """

    components: NDArray[np.floating]
    offsets: NDArray[np.floating]


def fit_blend(
    bundle: Bundle,
    examples: Examples,
    shares_before: Iterator[tuple[int, Floats]],
    seed: int,
) -> tuple[Blend, tuple[float, float]]:
    """Fit all weights by maximum likelihood: the blend and the rule map that goes with it.

    `shares_before` yields the popularity components of each example, from `popularity_before`.
    """
    if not len(examples.targets):
        return bundle.meta.blend, bundle.meta.rule_map
    logits = bundle.logits(examples.vectors)
    shares = rule_shares(bundle.rules, examples.items, examples.starts, examples.stops)
    rule_map = fit_rule_map(logits, shares)
    comparisons = compare(bundle, examples, logits, shares, rule_map, shares_before, (N_HEAD, N_TAIL), seed)
    return fit_weights(comparisons, bundle.meta.blend), rule_map


def fit_weights(comparisons: Comparisons, start: Blend) -> Blend:
    """Fit the weights that make what was chosen likely; a handful of events leaves them near `start`."""
    before = np.array([start.network, start.rules, *start.popularity, *start.age])
    of_age = np.arange(len(before)) >= len(before) - N_AGES
    ridge = np.where(of_age, AGE_RIDGE, likelihood.RIDGE)
    components, offsets = (np.asarray(a, np.float32) for a in (comparisons.components, comparisons.offsets))
    fit = likelihood.fit(components, offsets, before, signed=of_age, ridge=ridge)
    network, rules, *rest = (float(weight) for weight in fit.weights)
    return Blend(network, rules, tuple(rest[:-N_AGES]), tuple(rest[-N_AGES:]))


def compare(
    bundle: Bundle,
    examples: Examples,
    logits: Floats,
    shares: Floats,
    rule_map: tuple[float, float],
    shares_before: Iterator[tuple[int, Floats]],
    rivals: tuple[int, int],
    seed: int,
) -> Comparisons:
    """Put beside each chosen item its likeliest rivals and a sample of the rest, as many as `rivals` says.

    logits, shares: (n, n_items) of the network and, in logarithms, of the rules.
    """
    defaults = bundle.meta.blend
    r = bundle.trust
    rho = r * shares + (1 - r) * (rule_map[0] + rule_map[1] * logits)
    head = defaults.network * logits + defaults.rules * rho
    created = np.asarray(bundle.overlay["created"])
    still_to_come = created > examples.times[:, None]
    still_to_come[np.arange(len(examples.targets)), examples.targets] = False
    head[still_to_come] = -np.inf
    if examples.hide_seen:
        rows = np.repeat(np.arange(len(examples.targets)), examples.stops - examples.starts)
        targets = (np.arange(len(examples.targets)), examples.targets)
        asked = head[targets]
        head[rows, examples.items[ranges(examples.starts, examples.stops)]] = -np.inf
        head[targets] = asked
    chosen = draw(head, examples.targets.astype(np.int64), *rivals, seed)
    codes = chosen.codes
    usual = np.asarray(bundle.meta.popularity_prior, np.float32)
    components = np.empty((*codes.shape, 2 + len(usual) + N_AGES), np.float32)
    components[:, :, 0] = np.take_along_axis(logits, codes, axis=1)
    components[:, :, 1] = np.take_along_axis(rho, codes, axis=1)
    for example, popular in shares_before:
        own = codes[example]
        components[example, :, 2:-N_AGES] = popularity.with_usual(popular[:, own], 1 - r[own], usual).T
    components[:, :, -N_AGES:] = age_components(
        examples.times[:, None] - created[codes],
        np.asarray(bundle.overlay["created_stated"])[codes],
        r[codes],
    )
    return Comparisons(components, chosen.offsets)
