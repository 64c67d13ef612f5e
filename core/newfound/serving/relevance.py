"""The relevance of every item for some users: the blend that weight 0 ranks by (model specification §2, The blend).

relevance = w_net * logit + w_rules * rho + sum_k gamma_k * pi_k + w_again * a + w_taste * y . t + w_company * z . s
+ x . delta, where a says how lately the user had the item, y . t and z . s how well it suits the user's taste by its
metadata and by the company it keeps, and rho and pi_k are log shares of the sequential-rule score and of decayed
popularity. An item with n events trusts them by r = n / (n + n_0); for the rest
its rho is what warm items with its logit have, and the average share of warm items is added to its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.age import weighted_age
from newfound.dataset.popularity import log_shares, weighted_log_popularity
from newfound.dataset.rules import RulesTable, recent, scores
from newfound.dataset.runs import ranges
from newfound.dataset.taste import profiles
from newfound.serving.bundle import Bundle
from newfound.serving.network import Floats

DECAY_STEPS = 8


def static_relevance(bundle: Bundle, at: int) -> Floats:
    """The part that is the same for all users who ask at the Unix time `at`, (n_items,)."""
    meta = bundle.meta
    r = bundle.trust
    gamma = np.asarray(meta.blend.popularity, np.float32)
    out = (1 - r) * (meta.blend.rules * meta.rule_map[0] + bundle.overlay["metadata_bias"])
    out += age_relevance(bundle)
    popularity = bundle.popularity
    if gamma.any():
        usual = np.asarray(meta.popularity_prior, np.float32)
        out += weighted_log_popularity(popularity, at, gamma, 1 - r, usual)
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


def rule_shares(
    tables: tuple[RulesTable, ...],
    items: NDArray[np.int32],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> Floats:
    """Log shares (n_users, n_items) of the rule scores of histories `items[starts[u]:stops[u]]`."""
    total = scores(tables[0], items, starts, stops)
    for table in tables[1:]:
        if len(table.items):
            total += scores(table, items, starts, stops)
    return log_shares(total)


def tastes(
    bundle: Bundle, items: NDArray[np.int32], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> Floats:
    """The tastes (n_users, k) that histories `items[starts[u]:stops[u]]` tell."""
    own = bundle.taste_rows(items[ranges(starts, stops)])
    return profiles(own, np.asarray(bundle.base["taste_variance"]), stops - starts)


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
    blend = bundle.meta.blend
    r = bundle.trust
    out = bundle.logits(vectors)
    out *= blend.network + blend.rules * bundle.meta.rule_map[1] * (1 - r)
    out += static
    if blend.rules > 0:
        shares = rule_shares(bundle.rules, *tails)
        strange = tails[1] == tails[2]
        if strange.any():  # no rule speaks, which is as true of items that nobody chose yet
            shares[strange] = bundle.meta.rule_map[0] + bundle.meta.rule_map[1] * bundle.logits(
                vectors[strange]
            )
        shares *= blend.rules * r
        out += shares
    if blend.again:
        users, items, weights = recent(*tails)
        np.add.at(out, (users, items), np.float32(blend.again) * weights)
    if blend.taste > 0 or blend.company > 0:
        told = np.arange(taste.shape[1]) < bundle.n_told
        out += bundle.suiting(taste * np.where(told, np.float32(blend.taste), np.float32(blend.company)))
    posteriors = bundle.posteriors
    if len(posteriors.item):
        out[:, posteriors.item] += bundle.user_features(taste) @ posteriors.mean.T
    return out


def uncertainty(bundle: Bundle, features: Floats, items: NDArray[np.int32]) -> Floats:
    """Posterior standard deviations sigma (n_users, m) of the relevance of m items, codes sorted."""
    squares = features * features
    prior = squares @ np.asarray(bundle.base["prior_variance"], np.float32)  # (n_users,)
    out = prior[:, None] * np.asarray(bundle.overlay["prior_factor"])[items]
    posteriors = bundle.posteriors
    at = np.searchsorted(items, posteriors.item)
    inside = (at < len(items)) & (np.append(items, -1)[np.minimum(at, len(items))] == posteriors.item)
    out[:, at[inside]] = squares @ posteriors.variance[inside].T
    return np.sqrt(out, out=out)


def log_totals(values: Floats) -> Floats:
    """Log of the sum of exponentials of each row (n_users, n_items): the published log score is the value less this."""
    top = values.max(axis=1)
    shifted = values - top[:, None]
    total: Floats = top + np.log(np.exp(shifted, out=shifted).sum(axis=1))
    return total


def log_softmax_scores(values: Floats) -> Floats:
    """Log of the softmax over the catalogue, (n_users, n_items): the published score is its exponential."""
    return values - log_totals(values)[:, None]
