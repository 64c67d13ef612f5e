from __future__ import annotations

import numpy as np
import pytest

from newfound.evaluation.reward_model import N_FOLDS, fit_reward_model


def test_rewards_of_known_items_and_slots_are_found_again() -> None:
    rng = np.random.default_rng(0)
    n = 40_000
    response, slot, item = np.arange(n), rng.integers(2, size=n), rng.integers(4, size=n)
    truth = np.array([0.4, 0.2])[:, None] * np.array([0.5, 1.0, 1.0, 1.5])
    reward = (rng.random(n) < truth[slot, item]).astype(np.float64)
    model = fit_reward_model(response, slot, item, reward, 2, 4)
    for place in range(2):
        found = model.predict(np.zeros(4, np.int64), np.full(4, place), np.arange(4))
        assert found == pytest.approx(truth[place], abs=0.03)


def test_a_reward_does_not_count_for_the_prediction_of_its_own_fold() -> None:
    response = np.arange(10)
    nothing = np.zeros(10, np.int64)
    reward = (response % N_FOLDS == 0).astype(np.float64)
    model = fit_reward_model(response, nothing, nothing, reward, 1, 1)
    predicted = model.predict(response, nothing, nothing)
    assert predicted[reward == 1].max() < predicted[reward == 0].min()


def test_an_item_that_was_never_logged_earns_what_its_slot_does() -> None:
    zeros = np.zeros(20, np.int64)
    model = fit_reward_model(np.arange(20), zeros, zeros, np.ones(20), 1, 1)
    assert model.predict(np.array([0]), np.array([0]), np.array([-1])) == pytest.approx(model.base[0, 0])
