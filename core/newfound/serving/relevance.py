"""The relevance of every item for some users: the blend that weight 0 ranks by (model specification §2, The blend).

relevance = w_net * logit + w_rules * rho + w_affinity * f + sum_k gamma_k * pi_k + w_again * a + w_taste * y . t
+ w_company * z . s + w_audience * log A + x . delta, where a says how lately the user had the item, f how well it goes
with all that the user had, y . t and z . s how well it suits the user's taste by its metadata and by the company it
keeps, A how well it suits all people, rho is the log of the sequential-rule score and pi_k a log share of decayed
popularity. An item with n events trusts them by r = n / (n + n_0): for the rest, what warm items with its logit have
stands in for f and is added to its rule score, and the average share of warm items is added to its own. As far as
nobody chose it, 1 / (1 + n), logit, told taste and promised appeal weigh more or less by `meta.maps.newcomers`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.affinity import add_columns, affinities
from newfound.dataset.age import weighted_age
from newfound.dataset.popularity import weighted_log_popularity
from newfound.dataset.profile import profiles
from newfound.dataset.rules import RulesTable, recent, scores
from newfound.dataset.runs import ranges
from newfound.products import product
from newfound.serving.bundle import Bundle
from newfound.serving.network import Floats

CACHED_CELLS = 1 << 17
"""So many scores of items are worked on at once: as many as stay in the processor's cache."""
DECAY_STEPS = 8
RULE_FLOOR = np.float32(5e-4)
"""Added to every rule score: of what no rule leads to, a user whose rules say little is the less sure."""
STAND_IN_AT_MOST = np.float32(3)
"""Above the log of every rule score, which is a sum of few and small numbers."""


def static_relevance(bundle: Bundle, at: int) -> Floats:
    """The part that is the same for all users who ask at the Unix time `at`, (n_items,)."""
    meta = bundle.meta
    r, newcomers = bundle.trust, meta.maps.newcomers
    gamma = np.asarray(meta.blend.popularity, np.float32)
    appeal = bundle.overlay["metadata_bias"]
    out = (1 - r) * appeal
    out += bundle.unchosen * (np.float32(newcomers.level) + np.float32(newcomers.appeal) * appeal)
    out += (1 - bundle.affinity_trust) * np.float32(meta.blend.affinity * meta.maps.affinity[0])
    out += np.float32(meta.blend.audience) * bundle.audience
    out += age_relevance(bundle)
    popularity = bundle.popularity
    if gamma.any():
        usual = np.asarray(meta.popularity_prior, np.float32)
        out += weighted_log_popularity(popularity, at, gamma, bundle.unchosen, usual)
    return out.astype(np.float32)


def static_relevance_at(bundle: Bundle, at: NDArray[np.int64]) -> Floats:
    """The same part for requests at Unix times (n,): (n, n_items), or (n_items,) where all share it.

    The distance from the reference of popularity is told in steps, DECAY_STEPS per doubling: requests share the work,
    and one is answered the same alone and among others.
    """
    reference = bundle.meta.popularity_reference
    steps = np.rint(DECAY_STEPS * np.log2(1.0 + np.abs(at - reference))).astype(np.int64)
    distinct = sorted(set(steps.tolist()))
    shared = [static_relevance(bundle, reference + round(2 ** (step / DECAY_STEPS) - 1)) for step in distinct]
    return shared[0] if len(shared) == 1 else np.stack(shared)[np.searchsorted(distinct, steps)]


def age_relevance(bundle: Bundle) -> Floats:
    """What the ages of items add, (n_items,); age counts back from T_latest, whenever the request is."""
    weights = np.asarray(bundle.meta.blend.age, np.float32)
    if not weights.any():
        return np.zeros(bundle.n_items, np.float32)
    stated = np.asarray(bundle.overlay["created_stated"])
    ages = bundle.meta.latest - np.where(stated, bundle.overlay["created"], 0)
    return weighted_age(ages, stated, bundle.trust, weights, bundle.meta.untested_days)


def rule_scores(
    tables: tuple[RulesTable, ...],
    items: NDArray[np.int32],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> Floats:
    """Rule scores (n_users, n_items), floor included, of histories `items[starts[u]:stops[u]]`."""
    total = scores(tables[0], items, starts, stops)
    for table in tables[1:]:
        if len(table.items):
            total += scores(table, items, starts, stops)
    total += RULE_FLOOR
    return total


def rule_logs(
    bundle: Bundle,
    line: tuple[float, float],
    logits: Floats,
    items: NDArray[np.int32],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> Floats:
    """Log rule scores (n_users, n_items): to each score comes what `line` makes of the logit, as far as it is unknown.

    line: intercept and slope of log rule scores on the logit.
    """
    low, slope = line
    stand_in = np.float32(slope) * logits
    stand_in += np.float32(low)
    np.exp(np.minimum(stand_in, STAND_IN_AT_MOST, out=stand_in), out=stand_in)
    # Of a user without history no rule speaks, of known items no more than of new ones.
    heard = starts < stops
    np.multiply(stand_in, 1 - bundle.trust, out=stand_in, where=heard[:, None])
    stand_in += rule_scores(bundle.rules, items, starts, stops)
    return np.log(stand_in, out=stand_in)


def tastes(
    bundle: Bundle, items: NDArray[np.int32], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> Floats:
    """The tastes (n_users, k) that histories `items[starts[u]:stops[u]]` tell."""
    own = bundle.taste_rows(items[ranges(starts, stops)])
    return profiles(own, np.asarray(bundle.base["taste_variance"]), stops - starts, bundle.offer)


def taste_parts(bundle: Bundle, taste: Floats) -> tuple[Floats, Floats]:
    """How well every item (n_users, n_items) suits tastes (n_users, k), by its metadata and by its company."""
    told = np.arange(taste.shape[1]) < bundle.n_told
    return bundle.suiting(taste * told), bundle.suiting(taste * ~told)


def relevance(
    bundle: Bundle,
    vectors: Floats,
    taste: Floats,
    tails: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]],
    static: Floats,
) -> Floats:
    """Relevance (n_users, n_items).

    vectors: user vectors (n_users, d); taste: (n_users, k) from `tastes`; tails: the trained items of each history as
    (items, starts, stops); static: from `static_relevance`.
    """
    blend, maps, newcomers = bundle.meta.blend, bundle.meta.maps, bundle.meta.maps.newcomers
    items, starts, stops = tails
    out = bundle.logits(vectors)
    slope = blend.network + np.float32(blend.affinity * maps.affinity[1]) * (1 - bundle.affinity_trust)
    slope += np.float32(newcomers.network) * bundle.unchosen
    told_slope = np.float32(newcomers.taste) * bundle.unchosen
    told = np.arange(taste.shape[1]) < bundle.n_told
    suited = taste * np.where(told, np.float32(blend.taste), np.float32(blend.company))
    near = affinities(bundle.affinity, *tails) if blend.affinity > 0 else None
    known = np.float32(blend.affinity) * bundle.affinity_trust[bundle.affinity.items]
    size = max(1, CACHED_CELLS // bundle.n_items)
    for rows in (slice(low, low + size) for low in range(0, len(out), size)):
        values = out[rows]
        if blend.rules > 0:
            ruled = rule_logs(bundle, maps.rules, values, items, starts[rows], stops[rows])
            ruled *= np.float32(blend.rules)
        values *= slope
        if blend.rules > 0:
            values += ruled
        values += static if static.ndim == 1 else static[rows]
        if near is not None:
            near[rows] *= known
            add_columns(values, bundle.affinity.items, near[rows])
        if blend.taste > 0 or blend.company > 0:
            values += bundle.suiting(suited[rows])
        if newcomers.taste:
            values += bundle.suiting(taste[rows] * told) * told_slope
    if blend.again:
        users, lately, weights = recent(*tails)
        np.add.at(out, (users, lately), np.float32(blend.again) * weights)
    posteriors = bundle.posteriors
    if len(posteriors.item):
        out[:, posteriors.item] += product(bundle.user_features(taste), posteriors.mean.T)
    return out


def unchosen_relevance(bundle: Bundle, logits: Floats, appeal: Floats, told: Floats) -> Floats:
    """Relevance as if nobody had chosen the items yet, without what their ages add.

    Arrays of any one shape: network logits of the vectors that metadata promises, appeal that it promises, and how well
    items suit people by it.
    """
    blend, maps, newcomers = bundle.meta.blend, bundle.meta.maps, bundle.meta.maps.newcomers
    low, slope = np.array(maps.rules, np.float32)
    stand_in = np.minimum(low + slope * logits, STAND_IN_AT_MOST)
    out: Floats = np.float32(blend.rules) * np.logaddexp(np.log(RULE_FLOOR), stand_in)
    out += np.float32(blend.network + newcomers.network + blend.affinity * maps.affinity[1]) * logits
    usual = np.dot(blend.popularity, bundle.meta.popularity_prior)
    out += np.float32(newcomers.level + usual + blend.affinity * maps.affinity[0])
    out += np.float32(1 + newcomers.appeal) * appeal
    out += np.float32(blend.taste + newcomers.taste) * told
    return out


def uncertainty(bundle: Bundle, items: NDArray[np.int32]) -> Floats:
    """Posterior standard deviations sigma (m,) of the relevance of m items, codes sorted, to the average person.

    What one person's click teaches serves everyone, so those of extreme tastes are no better to learn from.
    """
    squares = np.append(1, bundle.base["taste_variance"][bundle.learned_tastes]).astype(np.float32)
    out: Floats = np.asarray(bundle.overlay["prior_factor"])[items] * (
        squares @ bundle.base["prior_variance"]
    )
    posteriors = bundle.posteriors
    at = np.searchsorted(items, posteriors.item)
    inside = (at < len(items)) & (np.append(items, -1)[np.minimum(at, len(items))] == posteriors.item)
    out[at[inside]] = posteriors.variance[inside] @ squares
    return np.sqrt(out, out=out)


def log_totals(values: Floats) -> Floats:
    """Log of the sum of exponentials of each row (n_users, n_items): the published log score is the value less this."""
    totals = np.empty(len(values), np.float32)
    size = max(1, CACHED_CELLS // max(1, values.shape[1]))
    for rows in (slice(low, low + size) for low in range(0, len(values), size)):
        top = values[rows].max(axis=1)
        shifted = values[rows] - top[:, None]
        totals[rows] = top + np.log(np.exp(shifted, out=shifted).sum(axis=1))
    return totals


def log_softmax_scores(values: Floats) -> Floats:
    """Log of the softmax over the catalogue, (n_users, n_items): the published score is its exponential."""
    return values - log_totals(values)[:, None]
