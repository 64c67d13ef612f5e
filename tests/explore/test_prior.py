import numpy as np
import pytest

from newfound.explore.prior import fit_ridge, principal_user_features


def test_features_of_a_user_are_one_and_centred_projections() -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(500, 3)) @ rng.normal(size=(3, 32)) + 5).astype(np.float32)
    features = principal_user_features(vectors)
    x = features.of(vectors)
    assert (x[:, 0] == 1).all()
    np.testing.assert_allclose(x[:, 1:].mean(axis=0), 0, atol=1e-3)
    # Three directions hold everything that there is.
    rebuilt = x[:, 1:4] @ features.directions[:3] + features.center
    np.testing.assert_allclose(rebuilt, vectors, atol=1e-2)


def test_the_residual_variance_of_a_ridge_fit_is_out_of_fold() -> None:
    rng = np.random.default_rng(0)
    features = (rng.random((60, 50)) < 0.3).astype(np.float32)
    noise = rng.normal(size=60).astype(np.float32)
    fit = fit_ridge(features, noise, seed=0)
    in_sample = np.mean((noise - fit.predict(features)) ** 2)
    assert fit.residual_variance > 0.9 > in_sample


def test_a_ridge_fit_finds_a_linear_truth() -> None:
    rng = np.random.default_rng(0)
    features = (rng.random((3_000, 4)) < 0.4).astype(np.float32)
    target = (features @ np.array([1, -1, 2, 0], np.float32) + 0.5).astype(np.float32)
    fit = fit_ridge(features, target, seed=0)
    assert fit.coefficients == pytest.approx([1, -1, 2, 0, 0.5], abs=0.03)
    assert fit.residual_variance < 0.01
