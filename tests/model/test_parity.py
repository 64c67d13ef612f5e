from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from newfound.model.batches import last_steps
from newfound.model.network import FADE, encode, init, state_size
from newfound.serving.network import Network

from .builders import random_histories, training_data

pytestmark = pytest.mark.usefixtures("no_silent_conversion")


def test_serving_in_numpy_gives_the_logits_of_training() -> None:
    n_items, d = 30, 32
    data = training_data(random_histories(5, n_items), n_items)
    params = init(np.random.default_rng(0), d, n_items, 2, 0)
    rng = np.random.default_rng(0)
    net = {
        name: a + jnp.array(0.1 * rng.normal(size=a.shape), jnp.float32) for name, a in params["net"].items()
    }
    E = 5 * params["ids"]["vectors"]
    bias = jnp.array(rng.normal(size=n_items), jnp.float32)
    steps = last_steps(data, np.arange(5), data.times[data.ends - 1] + 86400, 12)
    o, _ = encode(net, E, steps, jnp.zeros((5, state_size(d))))
    expected = o[-1] @ E.T + bias[None, :]

    serving = Network.from_arrays({"fade": np.array(FADE)} | {name: np.array(a) for name, a in net.items()})
    state = np.zeros((5, serving.state_size), np.float32)
    for t in range(12):
        x = serving.inputs(
            np.array(E)[steps.items[t]],
            steps.gaps[t].astype(np.uint8),
            steps.next_gaps[t].astype(np.uint8),
            steps.types[t],
        )
        state = serving.step(x, steps.keep[t][:, None] * state)
    first = np.array([max(np.flatnonzero(keep == 0)) for keep in steps.keep.T])  # the step a user begins with
    at = np.arange(11 - serving.window, 12)
    there = at >= first[:, None]
    items = np.array(E)[steps.items[np.maximum(at, 0)].T]
    logits = serving.output(state, x, items, there) @ np.array(E).T + np.array(bias)
    np.testing.assert_allclose(logits, expected, atol=1e-4)
