from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from newfound.model.config import TrainingConfig
from newfound.model.data import TrainingData
from newfound.model.epoch import prepare
from newfound.model.export import export_arrays
from newfound.model.train import FitResult, fit
from newfound.model.warm import judge_weights, shorter, start_from

from .builders import TINY, field_features, training_data

N = 12
CONFIG = replace(TINY, epochs=8, lanes=8)


def walks(n_users: int = 36, length: int = 30) -> list[list[int]]:
    return [[(start + k) % N for k in range(length)] for start in range(n_users)]


def data(**options: object) -> TrainingData:
    features = field_features([[[item % 2]] for item in range(N)], 2)
    return training_data(
        walks(), N, hidden=[1] * 36, validate=True, exclude_seen=False, features=features, **options
    )  # type: ignore[arg-type]  # options of several types


@pytest.fixture(scope="module")
def taught() -> FitResult:
    return fit(data(), CONFIG)


def test_beginning_from_exported_weights_is_where_training_stopped(taught: FitResult) -> None:
    trainer = prepare(data(), CONFIG)
    run = start_from(trainer, taught.arrays)
    again = export_arrays(run.best, trainer.items, np.ones(64, bool), np.ones(64, bool))
    assert again.keys() == taught.arrays.keys()
    for name, array in again.items():
        np.testing.assert_allclose(array, taught.arrays[name], atol=1e-6, err_msg=name)


def test_good_weights_are_worth_beginning_from_and_random_ones_are_not(taught: FitResult) -> None:
    found = judge_weights(data(), CONFIG, taught.arrays)
    assert found["used"]
    assert found["ndcg"] == pytest.approx(max(record.ndcg or 0 for record in taught.history), abs=1e-6)
    rng = np.random.default_rng(0)
    noise = {name: rng.normal(size=a.shape).astype(np.float32) for name, a in taught.arrays.items()}
    poor = judge_weights(data(), CONFIG, noise)
    assert not poor["used"]
    assert poor["ndcg"] < poor["popularity"]


@pytest.mark.parametrize("change", [{"hidden_dimension": 48}, {}])
def test_weights_of_another_shape_are_left_alone(taught: FitResult, change: dict[str, int]) -> None:
    weights = taught.arrays if change else {k: v for k, v in taught.arrays.items() if k != "M"}
    config = replace(CONFIG, **change)
    assert judge_weights(data(), config, weights)["used"] is False
    with pytest.raises(ValueError, match="another shape"):
        start_from(prepare(data(), config), weights)


def test_what_is_new_starts_as_drawn(taught: FitResult) -> None:
    weights = {name: array.copy() for name, array in taught.arrays.items()}
    weights["E"][3], weights["item_bias"][3] = np.nan, np.nan
    weights["token_vectors"][1] = np.nan
    params = start_from(prepare(data(), CONFIG), weights).best
    assert all(np.isfinite(a).all() for part in params.values() for a in part.values())
    assert np.abs(params["ids"]["vectors"][3]).max() < 0.3  # N(0, .05^2)


def test_a_few_epochs_from_good_weights_do_as_well_as_many_from_the_seed(taught: FitResult) -> None:
    config = shorter(CONFIG)
    assert config.epochs == 3
    warm, cold = fit(data(), config, weights=taught.arrays), fit(data(), config)
    assert warm.history[-1].loss < 0.5 * cold.history[-1].loss
    same = fit(data(), config, weights=taught.arrays)
    assert {k: v.tobytes() for k, v in warm.arrays.items()} == {
        k: v.tobytes() for k, v in same.arrays.items()
    }


def test_the_plan_is_shorter_but_never_empty() -> None:
    assert [shorter(replace(TrainingConfig(), epochs=n)).epochs for n in (1, 5, 10, 20)] == [1, 2, 3, 6]
