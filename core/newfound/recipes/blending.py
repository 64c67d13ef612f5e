"""Fit the weights of the served score on events that the bundle has not seen (model specification §2, The blend)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset import popularity
from newfound.dataset.affinity import add_affinities, affinities
from newfound.dataset.age import N_RISES, age_components
from newfound.dataset.rules import recent
from newfound.dataset.runs import ranges
from newfound.evaluation import blend as likelihood
from newfound.evaluation.candidates import draw
from newfound.serving.bundle import Bundle
from newfound.serving.bundle_meta import Blend, Maps
from newfound.serving.network import Floats
from newfound.serving.relevance import rule_logs, rule_scores, taste_parts, tastes

MAX_EXAMPLES = 1_000
MAX_CELLS = 40_000_000
BLOCK_CELLS = 2_000_000
N_HEAD, N_TAIL = 400, 600
N_FIRST = 7
"""Components that come first: network, rules, had lately, affinity, taste by metadata and by company, audience."""
NETWORK, TASTE, AUDIENCE = 0, 4, 6
FOREMOST = 1e4
"""What a user had lately is always among the rivals, or its weight would rest on what was chosen again alone."""
AGAIN_RIDGE = 5.0
TASTE_RIDGE = 2.0
AGE_RIDGE = 0.5
"""The curve over age starts flat; a few examples may bend it."""


Past = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]
"""Histories as items, starts and stops."""


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

    def some(self, n: int) -> Examples:
        """Take about n of them, evenly."""
        at = slice(None, None, max(1, len(self.targets) // n))
        rows = (
            self.vectors[at],
            self.targets[at],
            self.times[at],
            self.items,
            self.starts[at],
            self.stops[at],
        )
        return Examples(*rows, self.hide_seen)


def popularity_before(
    state: popularity.DecayedPopularity,
    items: NDArray[np.int32],
    times: NDArray[np.int64],
    moments: NDArray[np.int64],
) -> Iterator[tuple[int, popularity.DecayedPopularity]]:
    """Walk through events in time and yield (e, popularity) as it stood just before `moments[e]`."""
    order = np.argsort(times, kind="stable")
    items, times = items[order], times[order]
    n_items = state.values.shape[1]
    done = 0
    for example in np.argsort(moments, kind="stable"):
        until = int(np.searchsorted(times, moments[example], side="left"))
        if until > done:
            state = popularity.updated(state, items[done:until], times[done:until], n_items)
            done = until
        yield int(example), state


def n_examples(n_items: int) -> int:
    """How many examples fit in memory and time for a catalogue of this size."""
    return int(np.clip(MAX_CELLS // max(n_items, 1), 50, MAX_EXAMPLES))


def fit_map(blocks: Iterable[tuple[Floats, Floats]]) -> tuple[float, float]:
    """Regress a component on network logits, each cell weighted by its softmax probability: intercept, slope.

    blocks: logits and the component (n_users, n_items) of some users each.
    """
    sums = np.zeros(5)
    for logits, values in blocks:
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        for k, factor in enumerate((1, logits, values, logits * logits, logits * values)):
            sums[k] += (weights * factor).sum(dtype=np.float64)
    mean_x, mean_y, mean_xx, mean_xy = sums[1:] / sums[0]
    slope = max((mean_xy - mean_x * mean_y) / max(mean_xx - mean_x * mean_x, 1e-9), 0.0)
    return float(mean_y - slope * mean_x), float(slope)


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
    states_before: Iterable[tuple[int, popularity.DecayedPopularity]],
    seed: int,
) -> tuple[Blend, Maps]:
    """Fit all weights by maximum likelihood: the blend and the maps that go with it.

    `states_before` yields the popularity before each example, from `popularity_before`.
    """
    if not len(examples.targets):
        return bundle.meta.blend, bundle.meta.maps
    known = bundle.affinity.items

    def blocks() -> Iterator[tuple[Floats, Past]]:
        return (_logits_and_past(bundle, examples, rows) for rows in _blocks(bundle, examples))

    maps = Maps(
        fit_map((logits, np.log(rule_scores(bundle.rules, *past))) for logits, past in blocks()),
        fit_map((logits[:, known], affinities(bundle.affinity, *past)) for logits, past in blocks())
        if len(known)
        else (0.0, 0.0),
    )
    comparisons, _ = compare(bundle, examples, maps, states_before, (N_HEAD, N_TAIL), seed)
    return fit_weights(comparisons, bundle.meta.blend), maps


def fit_weights(comparisons: Comparisons, start: Blend, trust: float = 1.0) -> Blend:
    """Fit the weights that make what was chosen likely; a handful of events leaves them near `start`.

    trust: how many times as sure `start` is as weights that were never fitted.
    """
    before = blend_weights(start)
    signed = np.arange(len(before)) >= len(before) - N_RISES
    ridge = np.where(signed, AGE_RIDGE, likelihood.RIDGE)
    signed[2], ridge[2], ridge[4:N_FIRST] = True, AGAIN_RIDGE, TASTE_RIDGE
    signed[AUDIENCE] = True
    components, offsets = (np.asarray(a, np.float32) for a in (comparisons.components, comparisons.offsets))
    fit = likelihood.fit(components, offsets, before, signed=signed, ridge=trust * ridge)
    network, rules, again, affinity, taste, company, audience, *rest = (
        float(weight) for weight in fit.weights
    )
    popular, age = tuple(rest[:-N_RISES]), (*rest[-N_RISES:], *start.age[N_RISES:])
    return Blend(network, rules, popular, age, again, affinity, taste, company, audience)


def blend_weights(blend: Blend) -> NDArray[np.float64]:
    """The weights in the order of a comparison's components, (k,)."""
    first = (
        blend.network,
        blend.rules,
        blend.again,
        blend.affinity,
        blend.taste,
        blend.company,
        blend.audience,
    )
    return np.array([*first, *blend.popularity, *blend.age[:N_RISES]])


def compare(
    bundle: Bundle,
    examples: Examples,
    maps: Maps,
    states_before: Iterable[tuple[int, popularity.DecayedPopularity]],
    rivals: tuple[int, int],
    seed: int,
) -> tuple[Comparisons, NDArray[np.int32]]:
    """Put beside each chosen item its likeliest rivals and a sample of the rest, as many as `rivals` says.

    With them their codes (n, m). The catalogue is gone through for a block of examples at a time.
    """
    defaults = bundle.meta.blend
    r, trust = bundle.trust, bundle.affinity_trust
    created = np.asarray(bundle.overlay["created"])
    source = np.random.default_rng(seed)
    drawn, heads = [], []
    for block in _blocks(bundle, examples):
        logits, past = _logits_and_past(bundle, examples, block)
        rho = rule_logs(bundle, maps.rules, logits, *past)
        affinity = (1 - trust) * (maps.affinity[0] + maps.affinity[1] * logits)
        add_affinities(affinity, bundle.affinity, trust, *past)
        again = _again(examples, block, bundle.n_items)
        parts = (logits, rho, again, affinity, *taste_parts(bundle, tastes(bundle, *past)))
        score = (
            defaults.network * logits + defaults.rules * rho + defaults.affinity * affinity + FOREMOST * again
        )
        _hide(score, examples, block, created)
        chosen = draw(score, examples.targets[block].astype(np.int64), *rivals, source)
        drawn.append(chosen)
        heads.append([np.take_along_axis(part, chosen.codes, axis=1) for part in parts])
    codes, offsets = (
        np.concatenate([getattr(part, name) for part in drawn]) for name in ("codes", "offsets")
    )
    usual = np.asarray(bundle.meta.popularity_prior, np.float32)
    components = np.empty((*codes.shape, N_FIRST + len(usual) + N_RISES), np.float32)
    for k, parts in enumerate(zip(*heads, strict=True)):
        components[:, :, k] = np.concatenate(parts)
    components[:, :, AUDIENCE] = bundle.audience[codes]
    for example, state in states_before:
        own = codes[example]
        popular = popularity.log_popularity(state, int(examples.times[example]), own)
        components[example, :, N_FIRST:-N_RISES] = popularity.with_usual(
            popular, bundle.unchosen[own], usual
        ).T
    stated = np.asarray(bundle.overlay["created_stated"])[codes]
    ages = age_components(
        examples.times[:, None] - created[codes], stated, r[codes], bundle.meta.untested_days
    )
    components[:, :, -N_RISES:] = ages[:, :, :N_RISES]
    # What newcomers get beyond the blend is not fitted here: it comes with FULL.
    newcomers, left = bundle.meta.maps.newcomers, bundle.unchosen[codes]
    beyond: Floats = ages[:, :, N_RISES:] @ np.array(defaults.age[N_RISES:], np.float32)
    beyond += left * (newcomers.level + newcomers.appeal * bundle.overlay["metadata_bias"][codes])
    beyond += left * (
        newcomers.network * components[:, :, NETWORK] + newcomers.taste * components[:, :, TASTE]
    )
    return Comparisons(components, offsets + beyond.astype(np.float32)), codes


def _blocks(bundle: Bundle, examples: Examples) -> list[slice]:
    n, size = len(examples.targets), max(1, BLOCK_CELLS // bundle.n_items)
    return [slice(low, min(low + size, n)) for low in range(0, n, size)]


def _logits_and_past(bundle: Bundle, examples: Examples, rows: slice) -> tuple[Floats, Past]:
    past = examples.items, examples.starts[rows], examples.stops[rows]
    return bundle.logits(examples.vectors[rows]), past


def _again(examples: Examples, block: slice, n_items: int) -> Floats:
    """How lately each user had each item (n, n_items); nothing where what people had competes no more."""
    out = np.zeros((len(examples.starts[block]), n_items), np.float32)
    if not examples.hide_seen:
        users, items, weights = recent(examples.items, examples.starts[block], examples.stops[block])
        np.add.at(out, (users, items), weights)
    return out


def _hide(score: Floats, examples: Examples, block: slice, created: NDArray[np.int64]) -> None:
    """Take items out of the competition, but for the targets: those still to come, and seen ones if that is asked."""
    starts, stops, targets = examples.starts[block], examples.stops[block], examples.targets[block]
    rows = np.arange(len(starts))
    asked = score[rows, targets]
    score[created > examples.times[block, None]] = -np.inf
    if examples.hide_seen:
        score[np.repeat(rows, stops - starts), examples.items[ranges(starts, stops)]] = -np.inf
    score[rows, targets] = asked
