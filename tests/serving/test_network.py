from __future__ import annotations

import numpy as np
import pytest

from newfound.dataset.gaps import N_GAPS
from newfound.serving.network import Network

D, N_TYPES = 8, 2


@pytest.fixture
def network() -> Network:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    return Network.from_arrays(
        {
            "W": draw(D, 3 * D), "U": draw(D, 3 * D), "b": draw(3 * D), "W_o": draw(D, D), "A": draw(D, D),
            "F": draw(N_GAPS, D), "G": draw(N_GAPS, D), "T": draw(N_TYPES, D), "E": draw(99, D),
            "M": draw(2, D, D), "fade": np.array([0.5, 0.9]),
            "Q": draw(D, 3), "V": draw(D, D), "lags": draw(4),
        }
    )  # fmt: skip


def states_of(network: Network, h: np.ndarray) -> np.ndarray:
    """States whose memories are empty."""
    return np.pad(h, ((0, 0), (0, network.state_size - D)))


def test_one_step_is_the_gated_unit_of_the_model_specification(network: Network) -> None:
    rng = np.random.default_rng(1)
    x, h = rng.normal(size=(2, 5, D)).astype(np.float32)
    wx, uh = x @ network.W + network.b, h @ network.U
    z = 1 / (1 + np.exp(-(wx + uh)[:, :D]))
    r = 1 / (1 + np.exp(-(wx + uh)[:, D : 2 * D]))
    n = np.tanh(wx[:, 2 * D :] + r * uh[:, 2 * D :])
    np.testing.assert_allclose(network.step(x, states_of(network, h))[:, :D], (1 - z) * n + z * h, atol=1e-5)


def test_inputs_add_item_gaps_and_type_scaled_by_the_width(network: Network) -> None:
    items = np.ones((1, D), np.float32)
    before, after = np.array([3], np.uint8), np.array([33], np.uint8)
    x = network.inputs(items, before, after, np.array([1]))
    expected = np.sqrt(D) / 2 * (1 + network.F[3] + network.G[33] + network.T[1])
    np.testing.assert_allclose(x[0], expected, rtol=1e-5)


@pytest.mark.parametrize("kind", [-1, N_TYPES, 500])
def test_an_event_type_that_training_never_saw_is_read_as_the_first(network: Network, kind: int) -> None:
    items, gap = np.zeros((1, D), np.float32), np.zeros(1, np.uint8)
    x = network.inputs(items, gap, gap, np.array([kind]))
    np.testing.assert_array_equal(x, network.inputs(items, gap, gap, np.array([0])))


def test_states_stay_within_bounds_whatever_the_input(network: Network) -> None:
    x = np.full((1, D), 1e4, np.float32)
    state = np.zeros((1, network.state_size), np.float32)
    for sign in (1, -1, 1):
        state = network.step(sign * x, state)
        assert (np.abs(state[:, :D]) <= 1).all()


def test_memories_are_sums_that_fade_and_are_read_by_the_root_of_their_weight(network: Network) -> None:
    x = np.random.default_rng(4).normal(size=(3, 1, D)).astype(np.float32)
    state = np.zeros((1, network.state_size), np.float32)
    for row in x:
        state = network.step(row, state)
    memories = state[0, D:].reshape(2, D + 1)
    powers = np.array([[0.25, 0.5, 1.0], [0.81, 0.9, 1.0]])
    np.testing.assert_allclose(memories[:, :D], powers @ x[:, 0], rtol=1e-5)
    np.testing.assert_allclose(memories[:, D], powers.sum(axis=1), rtol=1e-5)
    read = sum(m[:D] / np.sqrt(m[D]) @ M for m, M in zip(memories, network.M, strict=True))
    nothing = np.zeros((1, 4, D), np.float32)
    o = state[:, :D] @ network.W_o + x[2] @ network.A + read
    expected = (o - o.mean()) / o.std()
    np.testing.assert_allclose(
        network.output(state, x[2], nothing, nothing[..., 0] == 0), expected, atol=1e-4
    )


def test_the_last_items_are_mixed_by_what_the_state_asks_for(network: Network) -> None:
    rng = np.random.default_rng(5)
    x, h = rng.normal(size=(2, 1, D)).astype(np.float32)
    items = rng.normal(size=(1, 4, D)).astype(np.float32)
    there = np.array([[False, True, True, True]])
    state = network.step(x, states_of(network, h))
    asked, scale = state[0, :D] @ network.Q, np.sqrt(D) / 2 / (4 * np.sqrt(3))
    scores = [asked @ items[0, 3 - lag, :3] * scale + network.lags[lag] for lag in range(3)]
    weights = np.exp(scores) / np.exp(scores).sum()
    mixed = sum(weight * items[0, 3 - lag] for lag, weight in enumerate(weights)) * np.sqrt(D) / 2
    memories = state[0, D:].reshape(2, D + 1)
    read = sum(m[:D] / np.sqrt(m[D]) @ M for m, M in zip(memories, network.M, strict=True))
    o = state[:, :D] @ network.W_o + x @ network.A + read + mixed @ network.V
    expected = (o - o.mean()) / o.std()
    np.testing.assert_allclose(network.output(state, x, items, there), expected, atol=1e-4)


def test_user_vectors_have_mean_zero_and_variance_one(network: Network) -> None:
    rng = np.random.default_rng(2)
    x, h = (30 * rng.normal(size=(2, 6, D))).astype(np.float32)
    items = rng.normal(size=(6, 4, D)).astype(np.float32)
    o = network.output(network.step(x, states_of(network, h)), x, items, np.ones((6, 4), bool))
    np.testing.assert_allclose(o.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose((o * o).mean(axis=1), 1, rtol=1e-3)


def test_each_user_is_worked_out_alone(network: Network) -> None:
    rng = np.random.default_rng(3)
    x, h = rng.normal(size=(2, 4, D)).astype(np.float32)
    h = states_of(network, h)
    together = network.step(x, h)
    for k in range(4):
        np.testing.assert_allclose(network.step(x[k : k + 1], h[k : k + 1])[0], together[k], atol=1e-6)
