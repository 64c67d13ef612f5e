from dataclasses import replace

import numpy as np
import pytest

from newfound.explore import posterior
from newfound.explore.calibration import Calibration
from newfound.explore.posterior import (
    LEVEL_DOUBT,
    SCALE_DOUBT,
    Posteriors,
    Trials,
    corrections,
    fit_posteriors,
    fit_sharing,
)

N_ITEMS, N_FEATURES = 40, 5
PRIOR = np.tile(np.array([1.0, 0.3, 0.3, 0.3, 0.3], np.float32), (N_ITEMS, 1))
CALIBRATION = Calibration()


def world(n_trials: int, seed: int = 0) -> tuple[Trials, np.ndarray]:
    """Trials of items whose corrections are drawn from the prior, and these corrections."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=PRIOR.shape) * np.sqrt(PRIOR)
    x = np.concatenate([np.ones((n_trials, 1)), rng.normal(size=(n_trials, N_FEATURES - 1))], axis=1).astype(
        np.float32
    )
    item = rng.integers(0, N_ITEMS, n_trials).astype(np.int32)
    score = rng.normal(-3, 1, n_trials).astype(np.float32)
    position = rng.integers(1, 11, n_trials).astype(np.int16)
    looks = rng.exponential(2, n_trials).astype(np.float32)
    logits = CALIBRATION.logits(score, looks) + (x * truth[item]).sum(axis=1)
    clicked = rng.random(n_trials) < CALIBRATION.examination(position) / (1 + np.exp(-logits))
    return Trials(item, x, score, position, clicked, np.arange(n_trials).astype(np.uint64), looks), truth


def test_without_trials_every_item_stands_at_its_prior() -> None:
    fitted = fit_posteriors(Trials.empty(N_FEATURES), PRIOR, CALIBRATION)
    assert len(fitted.item) == 0


def test_the_order_of_trials_does_not_matter() -> None:
    trials, _ = world(3_000)
    shuffled = trials.rows(np.random.default_rng(1).permutation(len(trials.item)))
    first, second = (fit_posteriors(part, PRIOR, CALIBRATION) for part in (trials, shuffled))
    assert first.item.tobytes() == second.item.tobytes()
    assert first.mean.tobytes() == second.mean.tobytes()
    assert first.variance.tobytes() == second.variance.tobytes()


def test_the_size_of_blocks_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    trials, _ = world(3_000)
    whole = fit_posteriors(trials, PRIOR, CALIBRATION)
    monkeypatch.setattr(posterior, "BLOCK_TRIALS", 100)
    blocked = fit_posteriors(trials, PRIOR, CALIBRATION)
    np.testing.assert_allclose(blocked.mean, whole.mean, atol=1e-5)


def test_intervals_of_ninety_percent_cover_the_truth_nine_times_in_ten() -> None:
    covered = []
    for seed in range(5):
        trials, truth = world(8_000, seed)
        fitted = fit_posteriors(trials, PRIOR, CALIBRATION)
        covered.append(np.abs(fitted.mean - truth[fitted.item]) < 1.645 * np.sqrt(fitted.variance))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.03)


def test_uncertainty_shrinks_with_every_impression_and_more_at_the_top_of_the_list() -> None:
    few, many = (fit_posteriors(world(n)[0], PRIOR, CALIBRATION) for n in (400, 40_000))
    assert many.variance[:, 0].mean() < 0.3 * few.variance[:, 0].mean()
    one = world(1)[0]
    high, low = (
        fit_posteriors(
            replace(one, position=np.array([p], np.int16), clicked=np.array([False])),
            PRIOR,
            CALIBRATION,
        )
        for p in (1, 10)
    )
    assert high.mean[0, 0] < low.mean[0, 0] < 0
    assert high.variance[0, 0] < low.variance[0, 0] < PRIOR[0, 0]


def test_a_click_raises_an_item_for_the_kind_of_user_who_clicked() -> None:
    trials, _ = world(1)
    x = np.array([[1, 1, 0, 0, 0]], np.float32)
    clicked = replace(trials, user_features=x, clicked=np.array([True]))
    fitted = fit_posteriors(clicked, PRIOR, CALIBRATION)
    like, unlike = x[0] @ fitted.mean[0], np.array([1, -1, 0, 0, 0]) @ fitted.mean[0]
    assert like > unlike > 0


def test_the_correction_of_an_item_without_a_posterior_is_nothing() -> None:
    known = Posteriors(
        np.array([3], np.int32), np.array([[1.0, 2.0]], np.float32), np.ones((1, 2), np.float32)
    )
    features = np.array([[1, 1], [1, -1], [1, 1]], np.float32)
    assert corrections(known, np.array([3, 3, 4], np.int32), features).tolist() == [3, -1, 0]
    assert corrections(Posteriors.empty(2), np.array([3], np.int32), features[:1]).tolist() == [0]


def test_newcomers_share_a_level_that_is_found_from_the_few_that_were_tried() -> None:
    trials, _ = world(60_000)
    better = replace(trials, log_score=trials.log_score - 3.0)
    tried = better.rows(better.item < 30)  # whose log odds are 3 * slope above what was thought
    level = 3 * CALIBRATION.slope * 30 / (30 + LEVEL_DOUBT)
    newcomers = np.ones(N_ITEMS, np.bool_)
    fitted, scale = fit_sharing(tried, PRIOR, CALIBRATION, newcomers)
    assert fitted.item.tolist() == list(range(N_ITEMS))
    assert fitted.mean[30:, 0] == pytest.approx(np.full(10, level), abs=0.2)
    assert (fitted.mean[30:, 1:] == 0).all() and (fitted.variance[30:, 1:] == PRIOR[30:, 1:]).all()
    assert fitted.variance[30:, 0] == pytest.approx(scale * PRIOR[30:, 0])


@pytest.mark.parametrize("times", [0.3, 1.0, 6.0])
def test_how_much_newcomers_vary_is_found_from_those_that_were_tried(times: float) -> None:
    trials, truth = world(60_000)
    expected = PRIOR / np.array([times, 1, 1, 1, 1], np.float32)
    _, scale = fit_sharing(trials, expected, CALIBRATION, np.ones(N_ITEMS, np.bool_))
    drawn = times * truth[:, 0].var()
    weight = N_ITEMS / (N_ITEMS + SCALE_DOUBT)
    assert scale == pytest.approx(weight * drawn + (1 - weight), rel=0.25)


def test_nobody_shares_a_level_without_a_newcomer_that_was_tried() -> None:
    trials, _ = world(2_000)
    newcomers = np.zeros(N_ITEMS, np.bool_)
    alone = fit_posteriors(trials, PRIOR, CALIBRATION)
    assert fit_sharing(trials, PRIOR, CALIBRATION, newcomers)[0].mean.tobytes() == alone.mean.tobytes()
    newcomers[:5] = True
    known = trials.rows(trials.item >= 5)
    assert fit_sharing(known, PRIOR, CALIBRATION, newcomers)[0].item.min() == 5
