from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.worlds import DAY, LATEST

from newfound.dataset.affinity import affinities
from newfound.dataset.popularity import log_popularity
from newfound.dataset.profile import offer, profiles
from newfound.serving.bundle import Bundle
from newfound.serving.bundle_meta import Blend, Newcomers
from newfound.serving.relevance import (
    RULE_FLOOR,
    log_softmax_scores,
    relevance,
    rule_logs,
    rule_scores,
    static_relevance,
    static_relevance_at,
    taste_parts,
    tastes,
    uncertainty,
    unchosen_relevance,
)
from newfound.serving.user_state import request_vectors

NO_POPULARITY = (0.0,) * 7


@pytest.fixture
def vectors(bundle: Bundle) -> np.ndarray:
    """User vectors of u0 to u4, a day after the newest event."""
    states = bundle.user_states([f"u{k}" for k in range(5)])
    at = np.full(5, LATEST + DAY)
    return request_vectors(bundle.network, bundle.item_rows, states, at, bundle.base["center"])


NO_NEWCOMERS = Newcomers()


def blended(
    bundle: Bundle, blend: Blend, newcomers: Newcomers = NO_NEWCOMERS, **overlay: np.ndarray
) -> Bundle:
    maps = replace(bundle.meta.maps, newcomers=newcomers)
    return Bundle(replace(bundle.meta, blend=blend, maps=maps), bundle.base, {**bundle.overlay, **overlay})


def tails(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Histories of n users: each did items 1, 2, 3."""
    return np.tile(np.array([1, 2, 3], np.int32), n), np.arange(n) * 3, np.arange(1, n + 1) * 3


def score(bundle: Bundle, vectors: np.ndarray) -> np.ndarray:
    past = tails(len(vectors))
    return relevance(bundle, vectors, tastes(bundle, *past), past, static_relevance(bundle, LATEST))


def features(bundle: Bundle, n: int) -> np.ndarray:
    return bundle.user_features(tastes(bundle, *tails(n)))


def test_items_are_raised_as_far_as_they_suit_what_the_user_likes_by_metadata_and_by_company(
    bundle: Bundle, vectors: np.ndarray
) -> None:
    told, k = bundle.n_told, len(bundle.base["taste_variance"])
    base = {
        **bundle.base,
        "taste": np.column_stack(
            [bundle.base["taste"], np.linspace(-1, 1, bundle.n_items, dtype=np.float32)]
        ),
        "taste_variance": np.append(bundle.base["taste_variance"], np.float32(0.2)),
    }
    among = offer(base["taste"], bundle.overlay["events"])
    base |= {"taste_nodes": among.coordinates, "taste_log_share": among.log_share}
    overlay = {**bundle.overlay, "row_taste": np.zeros((0, k + 1), np.float32)}
    blends = [Blend(1.0, 0.0, NO_POPULARITY), Blend(1.0, 0.0, NO_POPULARITY, taste=2.0, company=3.0)]
    plain, liked = (Bundle(replace(bundle.meta, blend=blend), base, overlay) for blend in blends)
    y = base["taste"]
    [w] = profiles(y[[1, 2, 3]], base["taste_variance"], np.array([3]), among)
    expected = 2 * y[:, :told] @ w[:told] + 3 * y[:, told:] @ w[told:]
    change = score(liked, vectors) - score(plain, vectors)
    np.testing.assert_allclose(change, np.tile(expected, (5, 1)), atol=1e-4)


def test_a_blend_of_the_network_alone_is_its_logits(bundle: Bundle, vectors: np.ndarray) -> None:
    nothing = np.zeros(bundle.n_items, np.float32)
    alone = blended(bundle, Blend(1.0, 0.0, NO_POPULARITY), metadata_bias=nothing)
    np.testing.assert_allclose(score(alone, vectors), bundle.logits(vectors), atol=1e-5)


def test_rules_count_in_full_for_items_with_many_events(bundle: Bundle, vectors: np.ndarray) -> None:
    known = np.full(bundle.n_items, 10**9)
    ruled = blended(bundle, Blend(0.0, 2.0, NO_POPULARITY), organic=known)
    expected = 2 * np.log(rule_scores(bundle.rules, *tails(5)))
    np.testing.assert_allclose(score(ruled, vectors), expected, atol=1e-4)


def test_for_a_user_without_history_rules_say_as_much_of_known_items_as_of_new_ones(
    bundle: Bundle, vectors: np.ndarray
) -> None:
    organic = np.where(np.arange(bundle.n_items) % 2, 10**9, 0)
    nothing = np.zeros(bundle.n_items, np.float32)
    ruled = blended(bundle, Blend(0.0, 2.0, NO_POPULARITY), organic=organic, metadata_bias=nothing)
    nobody = np.zeros(0, np.int32), np.zeros(5, np.int64), np.zeros(5, np.int64)
    found = relevance(ruled, vectors, tastes(ruled, *nobody), nobody, static_relevance(ruled, LATEST))
    level, slope = ruled.meta.maps.rules
    expected = 2 * np.logaddexp(np.log(RULE_FLOOR), level + slope * ruled.logits(vectors))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_newcomers_get_counts_as_far_as_an_item_is_unknown(bundle: Bundle, vectors: np.ndarray) -> None:
    appeal = np.linspace(-1, 1, bundle.n_items, dtype=np.float32)
    blend, newcomers = (
        Blend(1.0, 0.0, NO_POPULARITY),
        Newcomers(level=2.0, network=-0.5, taste=3.0, appeal=4.0),
    )
    plain = blended(bundle, blend, metadata_bias=appeal)
    placed = blended(bundle, blend, newcomers, metadata_bias=appeal)
    told, _ = taste_parts(placed, tastes(placed, *tails(5)))
    gained = (2 - 0.5 * placed.logits(vectors) + 3 * told + 4 * appeal) / (1 + placed.overlay["organic"])
    np.testing.assert_allclose(score(placed, vectors) - score(plain, vectors), gained, atol=1e-4)


def test_an_item_that_nobody_chose_is_as_relevant_as_its_metadata_promises(
    bundle: Bundle, vectors: np.ndarray
) -> None:
    blend, newcomers = Blend(0.5, 2.0, NO_POPULARITY, taste=1.0), Newcomers(1.0, 0.3, -0.2, 0.5)
    nobody_chose = np.zeros(bundle.n_items, np.int64)
    new = blended(bundle, blend, newcomers, organic=nobody_chose)
    nothing = np.zeros(0, np.int32), np.zeros(5, np.int64), np.zeros(5, np.int64)
    taste = tastes(new, *nothing)
    found = relevance(new, vectors, taste, nothing, static_relevance(new, LATEST))
    logits, (told, _) = new.logits(vectors), taste_parts(new, taste)
    promised = unchosen_relevance(new, logits, np.asarray(new.overlay["metadata_bias"]), told)
    np.testing.assert_allclose(found, promised, atol=1e-4)


def test_items_that_the_user_had_lately_are_raised_by_how_lately(bundle: Bundle, vectors: np.ndarray) -> None:
    plain, again = (blended(bundle, Blend(1.0, 0.0, NO_POPULARITY, again=weight)) for weight in (0.0, 2.0))
    raised = score(again, vectors) - score(plain, vectors)
    expected = np.zeros_like(raised)
    expected[:, [1, 2, 3]] = [2 * 0.64, 2 * 0.8, 2]
    np.testing.assert_allclose(raised, expected, atol=1e-4)


def test_affinity_counts_as_far_as_an_item_is_known_and_a_stand_in_for_the_rest(
    bundle: Bundle, vectors: np.ndarray
) -> None:
    plain, near = (blended(bundle, Blend(1.0, 0.0, NO_POPULARITY, affinity=weight)) for weight in (0.0, 2.0))
    trust, known, (low, slope) = near.affinity_trust, near.affinity.items, near.meta.maps.affinity
    expected = (1 - trust) * (low + slope * near.logits(vectors))
    expected[:, known] += trust[known] * affinities(near.affinity, *tails(5))
    np.testing.assert_allclose(score(near, vectors) - score(plain, vectors), 2 * expected, atol=1e-4)
    assert len(known)


def test_an_item_without_events_stands_no_lower_than_items_of_its_logit(
    bundle: Bundle, vectors: np.ndarray
) -> None:
    unknown = np.zeros(bundle.n_items, np.int64)
    nothing = np.zeros(bundle.n_items, np.float32)
    blend = Blend(0.5, 2.0, (1.0, *NO_POPULARITY[1:]))
    new = blended(bundle, blend, organic=unknown, metadata_bias=nothing)
    low, slope = bundle.meta.maps.rules
    logits = bundle.logits(vectors)
    shares = log_popularity(bundle.popularity, LATEST)[0]
    popular = np.log(np.exp(shares) + np.exp(bundle.meta.popularity_prior[0]))
    ruled = np.log(rule_scores(bundle.rules, *tails(5)) + np.exp(low + slope * logits))
    np.testing.assert_allclose(score(new, vectors), 0.5 * logits + 2 * ruled + popular, atol=1e-4)
    assert (ruled > low + slope * logits).all()


def test_what_a_logit_promises_cannot_overflow(bundle: Bundle) -> None:
    logits = np.full((1, bundle.n_items), 1e4, np.float32)
    assert np.isfinite(rule_logs(bundle, (0.0, 1.0), logits, *tails(1))).all()


def test_popularity_at_a_short_half_life_fades_and_at_a_long_one_stays(bundle: Bundle) -> None:
    known = np.full(bundle.n_items, 10**9)

    def change(half_life: int) -> float:
        """How far items move in ninety days."""
        gamma = tuple(float(k == half_life) for k in range(7))
        counted = blended(bundle, Blend(0, 0, gamma), organic=known)
        now, later = (static_relevance(counted, LATEST + days * DAY) for days in (0, 90))
        return float(np.abs(later - now).max())

    assert change(4) > 0.2  # a week
    assert change(6) < 0.05  # a century


def test_popularity_says_as_little_of_a_day_before_as_of_a_day_after(bundle: Bundle) -> None:
    counted = blended(bundle, Blend(0, 0, (1.0,) * 7), organic=np.full(bundle.n_items, 10**9))
    before, now, after = (static_relevance(counted, LATEST + days * DAY) for days in (-40, 0, 40))
    np.testing.assert_array_equal(before, after)
    assert np.abs(before - now).max() > 0.1


def test_requests_at_any_times_see_what_each_would_alone(bundle: Bundle) -> None:
    counted = blended(bundle, Blend(0, 0, (1.0,) * 7))
    at = np.array([LATEST, LATEST + 5 * DAY, LATEST - 90 * DAY, LATEST + 5 * DAY + 60])
    together = static_relevance_at(counted, at)
    for row, time in zip(together, at, strict=True):
        np.testing.assert_array_equal(row, static_relevance_at(counted, np.array([time])))
        np.testing.assert_allclose(row, static_relevance(counted, int(time)), atol=0.05)


def test_what_impressions_taught_is_part_of_relevance(bundle: Bundle, vectors: np.ndarray) -> None:
    x = features(bundle, len(vectors))
    mean = np.zeros((1, x.shape[1]), np.float32)
    mean[0, :2] = [0.5, 2.0]
    taught = blended(
        bundle,
        bundle.meta.blend,
        posterior_item=np.array([9], np.int32),
        posterior_mean=mean,
        posterior_variance=np.ones_like(mean),
    )
    change = score(taught, vectors) - score(blended(bundle, bundle.meta.blend), vectors)
    np.testing.assert_allclose(change[:, 9], 0.5 + 2 * x[:, 1], atol=1e-4)
    assert (np.delete(change, 9, axis=1) == 0).all()


def test_uncertainty_is_the_prior_scaled_down_by_what_is_known_or_the_posterior(
    bundle: Bundle, vectors: np.ndarray
) -> None:
    factor = np.ones(bundle.n_items, np.float32)
    factor[4] = 0.25
    variance = np.full((1, len(bundle.base["prior_variance"])), 0.01, np.float32)
    taught = blended(
        bundle,
        bundle.meta.blend,
        prior_factor=factor,
        posterior_item=np.array([6], np.int32),
        posterior_mean=np.zeros_like(variance),
        posterior_variance=variance,
    )
    squares = np.append(1, bundle.base["taste_variance"][bundle.learned_tastes])
    prior = np.sqrt(squares @ bundle.base["prior_variance"])
    sigma = uncertainty(taught, np.array([2, 4, 6], np.int32))
    np.testing.assert_allclose(sigma, [prior, prior / 2, 0.1 * np.sqrt(squares.sum())], rtol=1e-5)


def test_posteriors_of_items_that_are_not_asked_for_are_left_alone(
    bundle: Bundle, vectors: np.ndarray
) -> None:
    variance = np.full((2, len(bundle.base["prior_variance"])), 0.01, np.float32)
    taught = blended(
        bundle,
        bundle.meta.blend,
        posterior_item=np.array([1, 143], np.int32),
        posterior_mean=np.zeros_like(variance),
        posterior_variance=variance,
    )
    asked = np.array([0, 2, 100], np.int32)
    np.testing.assert_array_equal(uncertainty(taught, asked), uncertainty(bundle, asked))
    assert uncertainty(taught, np.zeros(0, np.int32)).shape == (0,)


def test_scores_sum_to_one_over_the_catalogue_even_for_extreme_values() -> None:
    values = np.array([[1000, 0, -1000], [1, 2, 3]], np.float32)
    scores = np.exp(log_softmax_scores(values))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(scores[1], np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum(), rtol=1e-6)
