import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from newfound.explore.policy import YoungItems, serve, young_items
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
    young = young_items(created, unknown, latest, ExplorationSettings(0.3, 30))
    assert young.codes.tolist() == [1, 2, 3]
    assert young.taper[1:].tolist() == [1, 0.5]
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
