from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from newfound.model.attention import KEYS, SOFTNESS, WINDOW, attend, window_size

T, L, D = 2 * WINDOW, 3, 40


def drawn() -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Queries, inputs, starts of users (one within each lane, at other steps) and weights of lags."""
    rng = np.random.default_rng(0)
    queries, inputs = rng.normal(size=(T, L, KEYS)), rng.normal(size=(T, L, D))
    keep = np.ones((T, L))
    keep[[0, 5, WINDOW + 3], [0, 1, 2]] = 0
    lags = rng.normal(size=WINDOW + 1)
    return (jnp.array(queries, jnp.float32), jnp.array(inputs, jnp.float32), jnp.array(keep, jnp.float32),
            jnp.array(lags, jnp.float32))  # fmt: skip


def test_each_step_mixes_the_last_items_of_its_own_user() -> None:
    queries, inputs, keep, lags = map(np.array, drawn())
    mixed, _ = attend(*drawn(), jnp.zeros((L, window_size(D))))
    for lane in range(L):
        first = 0
        for t in range(T):
            first = t if keep[t, lane] == 0 else first
            seen = np.arange(max(first, t - WINDOW), t + 1)
            scores = (
                inputs[seen, lane, :KEYS] @ queries[t, lane] / (SOFTNESS * np.sqrt(KEYS)) + lags[t - seen]
            )
            weights = np.exp(scores) / np.exp(scores).sum()
            np.testing.assert_allclose(mixed[t, lane], weights @ inputs[seen, lane], atol=1e-5)


def test_where_a_stream_is_cut_into_batches_does_not_matter() -> None:
    queries, inputs, keep, lags = drawn()
    whole, last = attend(queries, inputs, keep, lags, jnp.zeros((L, window_size(D))))
    window, parts = jnp.zeros((L, window_size(D))), []
    for part in (slice(0, 7), slice(7, WINDOW), slice(WINDOW, T)):
        mixed, window = attend(queries[part], inputs[part], keep[part], lags, window)
        parts.append(mixed)
    np.testing.assert_allclose(jnp.concatenate(parts), whole, atol=1e-5)
    np.testing.assert_allclose(window, last, atol=1e-6)


def test_no_gradient_of_an_item_before_the_batch() -> None:
    queries, inputs, keep, lags = drawn()
    half = T // 2

    def loss(inputs: jax.Array) -> jax.Array:
        _, window = attend(queries[:half], inputs[:half], keep[:half], lags, jnp.zeros((L, window_size(D))))
        return attend(queries[half:], inputs[half:], keep[half:], lags, window)[0].sum()

    gradient = jax.grad(loss)(inputs)
    assert not gradient[:half].any()
    assert gradient[half:].any()
