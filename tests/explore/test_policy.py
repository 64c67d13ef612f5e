import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from newfound.explore.policy import YoungItems, noisy_values, serve, serve_block, young_items
from newfound.explore.selection import best
from newfound.explore.settings import ExplorationSettings

Floats = NDArray[np.float32]

DAY = 86_400
N_ITEMS, N_YOUNG, K = 60, 20, 10

relevances = arrays(np.float32, N_ITEMS, elements=st.floats(-8, 2, width=32))
sigmas = arrays(np.float32, N_YOUNG, elements=st.floats(0, 3, width=32))
YOUNG = YoungItems(np.arange(N_ITEMS - N_YOUNG, N_ITEMS, dtype=np.int32), np.ones(N_YOUNG, np.float32))


def test_the_bonus_ends_at_the_cutoff_and_with_what_is_unknown_and_future_items_are_of_age_zero() -> None:
    latest = 100 * DAY
    created = latest - np.array([30 * DAY, 30 * DAY - 1, 0, -5 * DAY])
    unknown = np.array([1, 1, 1, 0.25], np.float32)
    young = young_items(created, unknown, 1.0, latest, ExplorationSettings(0.3, 30))
    assert young.codes.tolist() == [1, 2, 3]
    assert young.taper[1:].tolist() == [1, 0.25]
    fading = young_items(created, unknown, 0.5, latest, ExplorationSettings(0.3, 30))
    assert fading.taper.tolist() == (young.taper / 2).tolist(), "what is learned is worth half as much"
    assert 0 < young.taper[0] < 0.001


@given(relevances, sigmas)
def test_weight_zero_is_the_relevance_order_with_certainty(relevance: Floats, sigma: Floats) -> None:
    slate = serve(relevance, YOUNG, sigma, ExplorationSettings(0.0), K, "seed")
    assert slate.items.tolist() == np.argsort(-relevance, kind="stable")[:K].tolist()
    assert slate.propensities.tolist() == [1.0] * K
    assert not slate.explored.any()


@given(relevances, sigmas, st.floats(0.01, 1))
def test_a_slate_holds_distinct_items_with_propensities_above_zero(
    relevance: Floats, sigma: Floats, weight: float
) -> None:
    slate = serve(relevance, YOUNG, sigma, ExplorationSettings(weight), K, "seed")
    assert len(set(slate.items.tolist())) == K
    assert ((slate.propensities > 0) & (slate.propensities <= 1)).all()
    greedy = np.argsort(-relevance, kind="stable")[:K]
    expected = np.isin(slate.items, YOUNG.codes) & ~np.isin(slate.items, greedy)
    assert slate.explored.tolist() == expected.tolist()


@given(relevances, sigmas)
def test_the_same_seed_gives_the_same_slate(relevance: Floats, sigma: Floats) -> None:
    first, second = (serve(relevance, YOUNG, sigma, ExplorationSettings(1.0), K, "RID-1") for _ in range(2))
    assert first.items.tolist() == second.items.tolist()
    assert first.propensities.tolist() == second.propensities.tolist()


def test_hidden_items_are_never_shown_even_when_fewer_than_k_are_left() -> None:
    relevance = np.full(N_ITEMS, -np.inf, np.float32)
    relevance[[3, 50]] = [0.0, 1.0]
    slate = serve(relevance, YOUNG, np.ones(N_YOUNG, np.float32), ExplorationSettings(1.0), K, "seed")
    assert sorted(slate.items.tolist()) == [3, 50]


def test_the_share_of_young_items_grows_with_the_weight() -> None:
    rng = np.random.default_rng(0)
    sigma = np.full(N_YOUNG, 1.5, np.float32)
    shares = []
    for weight in (0.0, 0.1, 0.3, 0.6, 1.0):
        shown = [
            np.isin(
                serve(
                    rng.normal(0, 1.5, N_ITEMS).astype(np.float32),
                    YOUNG,
                    sigma,
                    ExplorationSettings(weight),
                    K,
                    f"{k}",
                ).items,
                YOUNG.codes,
            ).mean()
            for k in range(400)
        ]
        shares.append(np.mean(shown))
    assert shares == sorted(shares)
    assert shares[-1] > 2 * shares[0]


def test_no_uncertainty_means_no_exploration() -> None:
    relevance = np.linspace(1, 0, N_ITEMS, dtype=np.float32)
    slate = serve(relevance, YOUNG, np.zeros(N_YOUNG, np.float32), ExplorationSettings(1.0), K, "seed")
    assert slate.items.tolist() == list(range(K))


def test_many_users_are_served_as_each_alone() -> None:
    rng = np.random.default_rng(1)
    relevance = rng.normal(0, 1, (5, N_ITEMS)).astype(np.float32)
    relevance[2, 3:] = -np.inf
    sigma = rng.uniform(0, 1.5, (5, N_YOUNG)).astype(np.float32)
    sigma[4, ::2] = 0
    seeds = [f"seed {k}" for k in range(5)]
    settings = ExplorationSettings(0.5)
    together = serve_block(relevance, YOUNG, sigma, settings, K, seeds)
    for row, slate in enumerate(together):
        alone = serve(relevance[row], YOUNG, sigma[row], settings, K, seeds[row])
        assert slate.items.tolist() == alone.items.tolist()
        assert slate.explored.tolist() == alone.explored.tolist()
        np.testing.assert_allclose(slate.propensities, alone.propensities, rtol=1e-5)
        values = noisy_values(relevance[row], YOUNG, sigma[row], settings, seeds[row])
        assert slate.items.tolist() == best(values[None], len(slate.items))[0].tolist()
    assert len(together[2].items) == 3


@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_propensities_agree_with_frequencies_of_lists_drawn_anew(weight: float) -> None:
    rng = np.random.default_rng(1)
    relevance = rng.normal(0, 1, N_ITEMS).astype(np.float32)
    sigma = rng.uniform(0.2, 1.5, N_YOUNG).astype(np.float32)
    settings = ExplorationSettings(weight)
    slate = serve(relevance, YOUNG, sigma, settings, K, "served")
    n = 4_000
    again = serve_block(
        np.tile(relevance, (n, 1)),
        YOUNG,
        np.tile(sigma, (n, 1)),
        settings,
        K,
        [f"again {k}" for k in range(n)],
    )
    frequencies = (np.array([one.items for one in again]) == slate.items).mean(axis=0)
    assert np.abs(slate.propensities - frequencies).max() < 4 * np.sqrt(0.25 / n)
