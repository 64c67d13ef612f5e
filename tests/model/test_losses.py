from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from newfound.model import losses
from newfound.model.losses import smoothing_loss, softmax_loss

pytestmark = pytest.mark.usefixtures("no_silent_conversion")

B, K, D = 12, 9, 4


def random_inputs(seed: int = 0) -> dict[str, jax.Array]:
    rng = np.random.default_rng(seed)
    floats = {"o": (B, D), "E": (K, D), "b": (K,), "target_E": (B, D), "target_b": (B,)}
    inputs = {name: jnp.array(rng.normal(size=shape), jnp.float32) for name, shape in floats.items()}
    return inputs | {
        "hit": jnp.arange(K),
        "targets": jnp.array(rng.integers(K, size=B)),
        "weights": jnp.array(rng.random(B) * (rng.random(B) > 0.3), jnp.float32),
    }


def plain_loss(
    o: jax.Array, E: jax.Array, b: jax.Array, target_E: jax.Array, target_b: jax.Array, **fixed: jax.Array
) -> jax.Array:
    """The formula, for automatic differentiation: the target against the candidates that are not it."""
    target = jnp.sum(o * target_E, axis=1) + target_b
    others = jnp.where(fixed["hit"][None] == fixed["targets"][:, None], -jnp.inf, o @ E.T + b[None])
    log_total = jax.nn.logsumexp(jnp.concatenate([target[:, None], others], axis=1), axis=1)
    return jnp.sum(fixed["weights"] * (log_total - target))


@pytest.mark.parametrize("rows_per_chunk", [512, 5])
def test_loss_and_gradients_are_those_of_plain_automatic_differentiation(
    monkeypatch: pytest.MonkeyPatch, rows_per_chunk: int
) -> None:
    monkeypatch.setattr(losses, "ROWS_PER_CHUNK", rows_per_chunk)
    inputs = random_inputs()
    fixed = {name: inputs.pop(name) for name in ("hit", "targets", "weights")}

    def value(f: object) -> tuple[jax.Array, dict[str, jax.Array]]:
        return jax.value_and_grad(lambda p: 3.0 * f(**p, **fixed))(inputs)  # type: ignore[operator]  # jax leaves f untyped

    def positional(**a: jax.Array) -> jax.Array:
        names = ("o", "E", "b", "target_E", "target_b", "hit", "targets", "weights")
        return softmax_loss(*(a[name] for name in names))

    (loss, gradient), (plain, plain_gradient) = value(positional), value(plain_loss)
    np.testing.assert_allclose(loss, plain, rtol=1e-5)
    for name, expected in plain_gradient.items():
        np.testing.assert_allclose(gradient[name], expected, rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_whole_catalogue_as_candidates_is_cross_entropy() -> None:
    inputs = random_inputs()
    o, E, b, targets = inputs["o"], inputs["E"], inputs["b"], inputs["targets"]
    loss = softmax_loss(o, E, b, E[targets], b[targets], jnp.arange(K), targets, jnp.ones(B))
    log_p = jax.nn.log_softmax(o @ E.T + b[None], axis=1)
    np.testing.assert_allclose(loss, -jnp.sum(log_p[jnp.arange(B), targets]), rtol=1e-5)


def test_weight_zero_equals_deleting_the_row() -> None:
    inputs = random_inputs()
    kept = np.flatnonzero(np.array(inputs["weights"]))
    by_row = ("o", "target_E", "target_b", "targets", "weights")
    deleted = {name: a[kept] if name in by_row else a for name, a in inputs.items()}
    np.testing.assert_allclose(softmax_loss(*inputs.values()), softmax_loss(*deleted.values()), rtol=1e-5)


def test_huge_logits_keep_loss_and_gradient_finite() -> None:
    inputs = random_inputs()
    inputs["o"] = 1e4 * inputs["o"]
    loss, gradient = jax.value_and_grad(softmax_loss)(*inputs.values())
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()


def test_smoothing_is_cross_entropy_with_targets_spread_over_the_candidates() -> None:
    inputs, share = random_inputs(), 0.3
    o, E, b, targets, weights = (inputs[name] for name in ("o", "E", "b", "targets", "weights"))
    spread = (1 - share) * jax.nn.one_hot(targets, K) + share / K
    expected = -jnp.sum(weights[:, None] * spread * jax.nn.log_softmax(o @ E.T + b[None], axis=1))
    loss = softmax_loss(o, E, b, E[targets], b[targets], jnp.arange(K), targets, weights)
    smoothed = loss + share * smoothing_loss(o, E, b, E[targets], b[targets], weights)
    np.testing.assert_allclose(smoothed, expected, rtol=1e-5)
