from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from newfound.model import epoch
from newfound.model.batches import epoch_batches
from newfound.model.network import init, state_size
from newfound.model.step import batch_loss
from newfound.progress import silent

from .builders import TINY, field_features, random_histories, training_data


@pytest.mark.parametrize(("n_items", "negatives"), [(20, 0), (20, 5), (500, 5)])
def test_the_second_epoch_compiles_nothing(
    n_items: int, negatives: int, caplog: pytest.LogCaptureFixture
) -> None:
    data = training_data(random_histories(15, 20), n_items, hidden=[1] * 15, validate=True)
    trainer = epoch.prepare(data, replace(TINY, negatives=negatives))
    run = epoch.start(trainer)
    schedule = epoch.Schedule(2 * trainer.n_steps, 0.0)
    run = epoch.train_epoch(trainer, run, schedule, silent)
    with jax.log_compiles(), caplog.at_level("WARNING"):
        epoch.train_epoch(trainer, run, schedule, silent)
    assert "compil" not in caplog.text.lower()


def test_rows_that_an_update_does_not_touch_stay_as_they_are() -> None:
    data = training_data(random_histories(2, 20), 500)
    trainer = epoch.prepare(data, replace(TINY, negatives=5, lanes=2))
    schedule = epoch.Schedule(2 * trainer.n_steps, 0.0)
    run = epoch.train_epoch(trainer, epoch.start(trainer), schedule, silent)  # the first rate is 0
    before = np.array(run.state.params["ids"]["vectors"])
    after = np.array(epoch.train_epoch(trainer, run, schedule, silent).state.params["ids"]["vectors"])
    changed = np.flatnonzero((before != after).any(axis=1))
    assert not trainer.sampler.dense
    assert set(np.unique(data.items)) <= set(changed)
    assert changed.size < 200


@pytest.mark.usefixtures("no_silent_conversion")
@pytest.mark.parametrize("negatives", [0, 5])
def test_the_loss_converts_no_type_silently(negatives: int) -> None:
    features = field_features([[[item % 3]] for item in range(20)], 3)
    data = training_data(random_histories(3, 20), 20, features=features)
    config = replace(TINY, negatives=negatives, min_item_events=1)
    trainer = epoch.prepare(data, config)
    params = init(np.random.default_rng(0), 32, 20, 2, 3)
    rng = np.random.default_rng(0)
    batch = next(epoch_batches(data, trainer.users, config.lanes, config.bptt, rng))
    update = trainer.sampler.touch(batch, rng)
    h0 = jnp.zeros((config.lanes, state_size(32)))
    loss_of = jax.grad(batch_loss, has_aux=True)
    gradient, (_, h) = loss_of(params, update, h0, config, jnp.float32(0.1), jax.random.key(1))
    assert h.shape == h0.shape
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    dead = jax.tree.leaves_with_path(jax.tree.map(lambda leaf: bool(~np.any(leaf)), gradient))
    assert [path for path, is_dead in dead if is_dead] == []
