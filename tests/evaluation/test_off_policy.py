from __future__ import annotations

import numpy as np
import pytest
from tests.slot_worlds import N_ITEMS, Truth, make_truth, sample

from newfound.errors import QualityGateError, UsageError
from newfound.evaluation import off_policy
from newfound.evaluation.off_policy import (
    ESTIMATORS,
    Method,
    Slots,
    Target,
    effective_sample_size,
    estimate,
    evaluate_target,
    slot_figures,
)


def values(slots: Slots, target: Target, clip: float = np.inf) -> dict[str, float]:
    found = estimate(slots, target, clip, np.ones(slots.n_responses))
    return dict(zip((*ESTIMATORS, "logged"), found.tolist(), strict=True))


def test_estimators_agree_with_the_truth_over_many_logs() -> None:
    """IPS and DR are unbiased, SNIPS nearly; the model of DR may be nonsense. Replay and the log itself are not."""
    truth = make_truth()
    nonsense = np.full_like(truth.reward, 0.3)
    runs = [values(*sample(truth, 400, seed, nonsense)) for seed in range(300)]
    means = {name: np.mean([run[name] for run in runs]) for name in runs[0]}
    errors = {name: np.std([run[name] for run in runs]) / np.sqrt(len(runs)) for name in runs[0]}
    for name in ("ips", "dr", "snips"):
        assert abs(means[name] - truth.value) < 4 * errors[name] + 1e-3 * (name == "snips")
    assert abs(means["logged"] - truth.value) > 10 * errors["logged"]
    assert abs(means["replay"] - truth.value) > 4 * errors["replay"]


def test_normalising_and_a_good_model_make_estimates_steadier() -> None:
    truth = make_truth()
    runs = [values(*sample(truth, 400, seed, truth.reward)) for seed in range(100)]
    spread = {name: np.std([run[name] for run in runs]) for name in ("ips", "snips", "dr")}
    assert max(spread["dr"], spread["snips"]) < spread["ips"]


def test_replay_is_right_when_the_log_is_uniformly_random() -> None:
    truth = make_truth()
    uniform = Truth(np.full_like(truth.log, 1 / N_ITEMS), truth.target, truth.reward)
    runs = [values(*sample(uniform, 400, seed))["replay"] for seed in range(200)]
    assert abs(np.mean(runs) - truth.value) < 4 * np.std(runs) / np.sqrt(len(runs)) + 1e-3


def test_intervals_cover_the_truth_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(off_policy, "N_RESAMPLES", 200)
    truth = make_truth()
    covered = dict.fromkeys(("snips", "ips", "dr"), 0)
    n = 200
    for seed in range(n):
        found = evaluate_target(*sample(truth, 400, seed, truth.reward), Method(seed=seed))
        for name in covered:
            low, high = found["estimators"][name]["interval"]
            covered[name] += low <= truth.value <= high
    # 95 % intervals, less about three standard errors of 200 trials.
    assert all(count / n >= 0.9 for count in covered.values()), covered


def test_the_same_policy_earns_what_the_log_earned() -> None:
    slots, _ = sample(make_truth(), 300, 1)
    found = evaluate_target(slots, Target(slots.propensity), Method())
    assert found["value"] == pytest.approx(found["logged"]["value"])
    assert found["difference"] == {"value": pytest.approx(0), "interval": pytest.approx([0, 0])}
    assert found["effectiveSampleSize"] == pytest.approx(300)
    assert found["overlap"]["meanWeight"] == pytest.approx(1)


def test_the_effective_sample_size_is_that_of_the_weights_of_responses() -> None:
    response = np.array([0, 1, 2, 2])
    slots = Slots(response, np.array([0, 0, 0, 1]), np.ones(4), np.zeros(4))
    assert effective_sample_size(slots, np.array([1.0, 3, 1, 3])) == pytest.approx(6**2 / (1 + 9 + 4))
    assert effective_sample_size(slots, np.zeros(4)) == 0


def test_clipping_bounds_the_weight_of_a_place() -> None:
    slots = Slots(np.arange(2), np.zeros(2, np.int64), np.array([0.5, 0.001]), np.array([0.0, 1.0]))
    target = Target(np.array([0.5, 0.5]))
    assert values(slots, target)["ips"] == pytest.approx(250)
    assert values(slots, target, clip=10)["ips"] == pytest.approx(5)


@pytest.mark.parametrize("estimator", ["snips", "ips", "replay"])
def test_too_small_an_effective_sample_is_refused(estimator: str) -> None:
    slots, target = sample(make_truth(), 60, 0)
    with pytest.raises(QualityGateError, match="effective sample size is"):
        evaluate_target(slots, target, Method(estimator))


def test_a_target_that_shows_what_the_log_never_tried_is_refused() -> None:
    truth = make_truth()
    log = truth.log.copy()
    log[:, :6] = 0
    log /= log.sum(axis=1, keepdims=True)
    slots, target = sample(Truth(log, truth.target, truth.reward), 2_000, 0)
    with pytest.raises(QualityGateError, match="the log covers at most"):
        evaluate_target(slots, target, Method())
    with pytest.raises(QualityGateError, match="never shows"):
        evaluate_target(slots, Target(np.zeros(len(slots.slot))), Method())


def test_doubly_robust_needs_a_model() -> None:
    slots, target = sample(make_truth(), 500, 0)
    with pytest.raises(QualityGateError, match="dr needs"):
        evaluate_target(slots, target, Method("dr"))
    assert evaluate_target(slots, target, Method())["estimators"]["dr"] is None


def test_each_slot_is_reported_on_its_own() -> None:
    truth = make_truth()
    slots, target = sample(truth, 4_000, 0)
    figures = slot_figures(slots, target, np.inf)
    per_slot = (truth.target * truth.reward).sum(axis=1)
    assert [row["value"] for row in figures] == pytest.approx(per_slot.tolist(), abs=0.03)
    assert all(row["shown"] == 4_000 for row in figures)
    assert np.mean([row["value"] for row in figures]) == pytest.approx(values(slots, target)["snips"])


@pytest.mark.parametrize("bad", [{"estimator": "magic"}, {"clip": 0.0}, {"clip": float("nan")}])
def test_bad_methods_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Method(**bad)  # type: ignore[arg-type]  # wrong on purpose
