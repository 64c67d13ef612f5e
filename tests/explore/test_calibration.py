from dataclasses import astuple

import numpy as np
import pytest

from newfound.explore import calibration
from newfound.explore.calibration import MINIMUM_SLOTS, Calibration, fit_calibration


def slots(n: int, truth: Calibration, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(-4, 1, n)
    corrections = rng.normal(0, 1, n)
    positions = rng.integers(1, 11, n)
    looks = rng.exponential(3, n)
    p = 1 / (1 + np.exp(-truth.logits(scores, looks) - corrections))
    clicked = rng.random(n) < truth.examination(positions) * p
    return scores, corrections, looks, positions, clicked


def test_parameters_are_found_again_from_enough_slots() -> None:
    truth = Calibration(0.9, 1.0, 0.8, 0.6)
    fitted = fit_calibration(*slots(200_000, truth), Calibration())
    assert fitted.slope == pytest.approx(truth.slope, rel=0.1)
    assert fitted.level == pytest.approx(truth.level, abs=0.25)
    assert fitted.examination_decay == pytest.approx(truth.examination_decay, rel=0.15)
    assert fitted.discount == pytest.approx(truth.discount, abs=0.08)


@pytest.mark.parametrize("truth", [Calibration(), Calibration(-0.5, -2.0, 0.4), Calibration(3.0, 4.0, 0.0)])
def test_a_few_steps_find_them_even_where_one_is_at_its_bound(
    truth: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    derivatives, calls = calibration._derivatives, []
    monkeypatch.setattr(calibration, "_derivatives", lambda *args: calls.append(1) or derivatives(*args))
    found = fit_calibration(*slots(20_000, truth), Calibration())
    assert len(calls) < 30
    again = fit_calibration(*slots(20_000, truth), found)
    assert astuple(again) == pytest.approx(astuple(found), abs=1e-3)


def test_too_few_slots_keep_what_was_there() -> None:
    start = Calibration(0.7, -1.0, 0.2)
    assert fit_calibration(*slots(MINIMUM_SLOTS - 1, Calibration()), start) is start


def test_no_click_at_all_keeps_what_was_there() -> None:
    *given, _ = slots(5_000, Calibration())
    start = Calibration()
    assert fit_calibration(*given, np.zeros(5_000, np.bool_), start) is start


def test_the_first_position_is_always_examined_and_unordered_slots_as_well() -> None:
    assert Calibration().examination(np.array([0, 1])).tolist() == [1, 1]
    later = Calibration().examination(np.arange(1, 20))
    assert (np.diff(later) < 0).all()
