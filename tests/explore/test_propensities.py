from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from newfound.explore import propensities
from newfound.explore.propensities import LEAST, normal_cdf, slot_propensities

Floats = NDArray[np.float32]
DRAWS = 20_000
TOLERANCE = 4 * math.sqrt(0.25 / DRAWS) + 0.003
"""Four standard errors of a frequency, and what the computation leaves out."""


def draw_slates(settled: Floats, means: Floats, spreads: Floats, n: int) -> NDArray[np.int64]:
    """Draw lists (n, k) anew: settled items are 0 .. k - 1, the others follow."""
    rng = np.random.default_rng(0)
    values = np.concatenate([settled, means]) + np.concatenate(
        [np.zeros_like(settled), spreads]
    ) * rng.standard_normal((n, len(settled) + len(means)))
    return np.argsort(-values, axis=1)[:, : len(settled)]


def as_served(slate: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    return np.where(slate >= k, slate - k, -1)


def check(settled: Floats, means: Floats, spreads: Floats) -> None:
    """For lists as they come: compare with how often other lists have the same item in the same slot."""
    slates = draw_slates(settled, means, spreads, DRAWS)
    for slate in slates[:5]:
        served = as_served(slate, len(settled))
        (found,) = slot_propensities(settled[None], means[None], spreads[None], served[None])
        assert np.abs(found - (slates == slate).mean(axis=0)).max() < TOLERANCE
        assert (found >= LEAST).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spread", [0.05, 0.4, 2.0])
@pytest.mark.parametrize("lead", [-1.5, 0.0, 1.0])
def test_propensities_agree_with_frequencies(seed: int, spread: float, lead: float) -> None:
    rng = np.random.default_rng(seed)
    settled = np.sort(rng.normal(0, 0.5, 10).astype(np.float32))[::-1].copy()
    means = rng.normal(lead, 0.6, 40).astype(np.float32)
    check(settled, means, (spread * rng.uniform(0.5, 1.5, 40)).astype(np.float32))


def test_a_crowd_of_seldom_items_counts() -> None:
    settled = np.linspace(3, 2, 5, dtype=np.float32)
    check(settled, np.zeros(400, np.float32), np.ones(400, np.float32))


def test_there_need_be_no_settled_items() -> None:
    rng = np.random.default_rng(1)
    nothing = np.full(8, -np.inf, np.float32)
    check(nothing, rng.normal(0, 1, 30).astype(np.float32), np.full(30, 0.7, np.float32))


def test_without_rivals_everything_is_sure() -> None:
    settled = np.array([[2.0, 1.0, 0.5]], np.float32)
    far = np.full((1, 4), -50.0, np.float32)
    served = np.full((1, 3), -1)
    assert slot_propensities(settled, far, np.ones_like(far), served).tolist() == [[1.0, 1.0, 1.0]]
    hidden = np.full((1, 4), -np.inf, np.float32)
    assert slot_propensities(settled, hidden, np.ones_like(far), served).tolist() == [[1.0, 1.0, 1.0]]


def test_what_hardly_ever_happens_still_has_a_propensity() -> None:
    settled = np.array([[10.0, 9.0]], np.float32)
    (found,) = slot_propensities(
        settled, np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32), np.array([[0, -1]])
    )
    assert found.tolist() == [LEAST, LEAST]


def test_empty_slots_and_other_users_change_nothing() -> None:
    rng = np.random.default_rng(2)
    settled = -np.sort(-rng.normal(0, 1, (3, 6)).astype(np.float32), axis=1)
    settled[1, 4:] = -np.inf
    means = rng.normal(0, 1, (3, 9)).astype(np.float32)
    means[1] = -np.inf
    spreads = np.full((3, 9), 0.5, np.float32)
    served = np.array([[0, -1, 3, -1, -1, 8], [-1, -1, -1, -1, -2, -2], [-1, -1, -1, -1, -1, -1]])
    together = slot_propensities(settled, means, spreads, served)
    assert together[1].tolist() == [1.0] * 6
    for row in range(3):
        part = slice(row, row + 1)
        alone = slot_propensities(settled[part], means[part], spreads[part], served[part])
        np.testing.assert_allclose(together[part], alone, rtol=1e-5)


def test_the_chances_of_all_items_for_a_slot_sum_to_one() -> None:
    rng = np.random.default_rng(3)
    settled = -np.sort(-rng.normal(0, 0.5, 6).astype(np.float32))
    means, spreads = rng.normal(0, 0.5, 12).astype(np.float32), np.full(12, 0.6, np.float32)
    for slot in range(6):
        total = 0.0
        for item in range(12):
            served = np.full((1, 6), -1)
            served[0, slot] = item
            total += slot_propensities(settled[None], means[None], spreads[None], served)[0, slot]
        for moved in range(
            slot + 1
        ):  # the settled item of rank slot - moved stands there if `moved` are above it
            served = np.full((1, 6), -1)
            served[0, :moved] = np.arange(moved)
            total += slot_propensities(settled[None], means[None], spreads[None], served)[0, slot]
        assert total == pytest.approx(1, abs=0.01)


def integrated(settled: Floats, means: Floats, spreads: Floats, slate: NDArray[np.int64], slot: int) -> float:
    """P(item of a slot there), by adding up many narrow cells with all items tossed one by one."""
    z = np.linspace(-6, 6, 6_001)
    if slate[slot] < len(settled):
        own, values, mass = -1, settled[slate[slot], None].astype(float), np.ones(1)
    else:
        own = int(slate[slot]) - len(settled)
        values, mass = means[own] + spreads[own] * z, np.exp(-z * z / 2)
    shares = np.eye(1, len(settled) + 1).repeat(len(values), axis=0).T
    for item in np.delete(np.arange(len(means)), own if own >= 0 else []):
        toss = np.array([0.5 * math.erfc((v - means[item]) / spreads[item] / math.sqrt(2)) for v in values])
        shares[1:] += toss * (shares[:-1] - shares[1:])
        shares[0] *= 1 - toss
    wanted = slot - np.count_nonzero(settled[:, None] > values, axis=0)
    chance = np.where(wanted >= 0, shares[wanted, np.arange(len(values))], 0)
    return float((chance * mass).sum() / mass.sum())


@pytest.mark.parametrize("narrow", [1.0, 0.25, 0.05])
def test_propensities_are_those_of_a_fine_integration(narrow: float) -> None:
    rng = np.random.default_rng(5)
    settled = -np.sort(-rng.normal(0, 0.5, 8).astype(np.float32))
    means = rng.normal(0, 0.6, 12).astype(np.float32)
    spreads = np.where(np.arange(12) % 3 == 0, narrow, 1).astype(np.float32) * np.float32(0.6)
    for slate in draw_slates(settled, means, spreads, 4):
        served = as_served(slate, 8)
        (found,) = slot_propensities(settled[None], means[None], spreads[None], served[None])
        exact = [integrated(settled, means, spreads, slate, slot) for slot in range(8)]
        assert np.abs(found - exact).max() < 0.003


def test_rare_items_are_counted_as_if_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    settled = -np.sort(-rng.normal(1, 0.3, (1, 8)).astype(np.float32), axis=1)
    means, spreads = rng.normal(0, 0.5, (1, 60)).astype(np.float32), np.full((1, 60), 0.5, np.float32)
    slate = draw_slates(settled[0], means[0], spreads[0], 1)[0]
    served = as_served(slate, 8)[None]
    fast = slot_propensities(settled, means, spreads, served)
    monkeypatch.setattr(propensities, "RARE", -100)
    np.testing.assert_allclose(fast, slot_propensities(settled, means, spreads, served), atol=0.003)


def test_the_normal_distribution_is_right() -> None:
    z = np.linspace(-12, 12, 4_001, dtype=np.float32)
    exact = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z.tolist()])
    assert np.abs(normal_cdf(z) - exact).max() < 2e-5
    assert normal_cdf(np.array([-np.inf, np.inf], np.float32)).tolist() == [0, 1]
