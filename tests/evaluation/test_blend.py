from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from newfound.evaluation.blend import fit

Sample = tuple[np.ndarray, np.ndarray]


def sample(weights: list[float], n: int, m: int = 30, seed: int = 0) -> Sample:
    """Examples whose targets, in column 0, were drawn from the softmax of the true weights."""
    rng = np.random.default_rng(seed)
    components = rng.normal(size=(n, m, len(weights)))
    chosen = np.argmax(components @ weights + rng.gumbel(size=(n, m)), axis=1)
    rows = np.arange(n)
    components[rows, 0], components[rows, chosen] = components[rows, chosen], components[rows, 0].copy()
    return components.astype(np.float32), np.zeros((n, m), np.float32)


def objective(data: Sample, weights: np.ndarray, defaults: np.ndarray, ridge: float) -> float:
    logits = data[0].astype(np.float64) @ weights + data[1]
    log_likelihood = logits[:, 0] - np.log(np.exp(logits).sum(axis=1))
    return float(-log_likelihood.sum() + ridge / 2 * ((weights - defaults) ** 2).sum())


def test_the_true_weights_come_back_within_their_errors() -> None:
    truth = np.array([1.5, 0.4, 0.8])
    result = fit(*sample([*truth], 3000), defaults=[1.0, 0.5, 0.5], ridge=1e-3)
    assert (np.abs(result.weights - truth) < 4 * result.standard_errors).all()
    assert (result.standard_errors < 0.05).all()
    assert result.after > result.before


def test_standard_errors_are_those_of_the_logistic_model() -> None:
    gaps = np.array([2.0, -1.0, 0.5])
    components = np.stack([gaps, np.zeros(3)], axis=1)[:, :, None].astype(np.float32)
    result = fit(components, np.zeros((3, 2), np.float32), defaults=[0.7], ridge=4.0)
    chance = 1 / (1 + np.exp(-gaps * result.weights))
    information = (chance * (1 - chance) * gaps**2).sum() + 4.0
    assert result.standard_errors == pytest.approx(1 / np.sqrt(information))
    assert result.after == pytest.approx(np.log(chance).mean())


def test_a_component_that_misleads_gets_weight_zero_unless_signed() -> None:
    data = sample([1.0, -0.7], 2000)
    assert fit(*data, defaults=[1.0, 0.5]).weights[1] == 0
    signed = fit(*data, defaults=[1.0, 0.5], signed=[False, True])
    assert signed.weights[1] == pytest.approx(-0.7, abs=0.1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.booleans())
def test_no_nearby_weights_are_better(seed: int, signed: bool) -> None:
    data = sample([0.9, -0.3, 0.2], 60, 8, seed)
    defaults = np.array([0.5, 0.5, 0.0])
    found = fit(*data, defaults=defaults, signed=signed, ridge=2.0).weights
    best = objective(data, found, defaults, 2.0)
    for move in np.vstack([np.eye(3), -np.eye(3)]) * 1e-2:
        other = found + move if signed else np.maximum(found + move, 0)
        assert objective(data, other, defaults, 2.0) >= best - 1e-7


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_examples_leave_the_defaults_nearly_as_they_are(n: int) -> None:
    components, offsets = sample([5.0, 0.0], 3)
    result = fit(components[:n], offsets[:n], defaults=[1.0, 0.3])
    assert np.abs(result.weights - [1.0, 0.3]).max() <= 0.1 * n
    assert np.isfinite(result.standard_errors).all()


def test_more_examples_move_further_from_the_defaults() -> None:
    components, offsets = sample([3.0], 2000)
    fitted = [fit(components[:n], offsets[:n], defaults=[0.5]).weights[0] for n in (2, 50, 2000)]
    assert fitted == sorted(fitted)
    assert fitted[-1] > 2


def test_filler_and_offsets_count_as_they_should() -> None:
    components, offsets = sample([1.0, 0.5], 400, 10)
    filler = np.full((400, 5, 2), 100, np.float32)
    padded = np.concatenate([components, filler], axis=1)
    hidden = np.concatenate([offsets, np.full((400, 5), -np.inf, np.float32)], axis=1)
    doubled = np.concatenate([components, components[:, 1:]], axis=1)
    halved = np.concatenate([offsets[:, :1], np.full((400, 18), np.log(0.5), np.float32)], axis=1)
    plain = fit(components, offsets, [1.0, 1.0]).weights
    assert fit(padded, hidden, [1.0, 1.0]).weights == pytest.approx(plain, abs=1e-6)
    assert fit(doubled, halved, [1.0, 1.0]).weights == pytest.approx(plain, abs=1e-4)


def test_a_shift_of_a_component_changes_nothing() -> None:
    components, offsets = sample([1.0, 0.5], 300)
    shifted = components + np.float32([64, -32])
    assert fit(shifted, offsets, [1, 1]).weights == pytest.approx(
        fit(components, offsets, [1, 1]).weights, abs=1e-4
    )


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(0, 5), st.integers(1, 4), st.just(3)),
        elements=st.sampled_from([-80.0, -1.0, 0.0, 0.5, 1e3]),
    )
)
def test_degenerate_components_give_finite_weights_that_do_no_harm(components: np.ndarray) -> None:
    result = fit(components, np.zeros(components.shape[:2], np.float32), defaults=[1.0, 0.0, 0.5])
    assert np.isfinite([*result.weights, *result.standard_errors, result.before, result.after]).all()
    assert (result.weights >= 0).all()
    assert result.after >= result.before - 1e-9


def test_equal_components_share_the_weight() -> None:
    components, offsets = sample([1.0], 500)
    twins = np.repeat(components, 2, axis=2)
    weights = fit(twins, offsets, defaults=[0.2, 0.2]).weights
    assert weights[0] == pytest.approx(weights[1], abs=1e-6)
    assert weights.sum() == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    components, offsets = sample([1.0], 3)
    components[1, 2, 0] = bad
    with pytest.raises(ValueError, match="finite"):
        fit(components, offsets, [1.0])
