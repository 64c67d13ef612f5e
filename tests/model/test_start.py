"""What a training begins with: counts, as far as there are any."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest

from newfound.dataset import affinity
from newfound.model.data import TrainingData
from newfound.model.epoch import prepare, rehearse, start
from newfound.model.network import ITEM_SCALE
from newfound.model.train import compiling, fit
from newfound.model.validation import fold, validation_ndcg

from .builders import TINY, field_features, random_histories, training_data

N_ITEMS = 96
CONFIG = replace(TINY, lanes=8)


def camps(**options: object) -> TrainingData:
    """Users of two camps: each chooses among the items of the own half; the last event is hidden."""
    source = np.random.default_rng(0)
    histories = [
        (source.permutation(N_ITEMS // 2)[:12] + user % 2 * N_ITEMS // 2).tolist() for user in range(200)
    ]
    data = training_data(histories, N_ITEMS, hidden=[1] * 200, validate=True, **options)  # type: ignore[arg-type]  # options of several types
    table = affinity.build(data.items, data.offsets[:-1], data.ends, N_ITEMS, 0)
    return replace(data, directions=affinity.leading(table, N_ITEMS))


def test_before_any_update_everybody_gets_items_of_the_own_camp() -> None:
    data, config = camps(), replace(CONFIG, hidden_dimension=8)
    found, drawn = (
        validation_ndcg(start(trainer).best, trainer.items, trainer.data)
        for trainer in (prepare(data, config), prepare(replace(data, directions=None), config))
    )
    # 37 unseen items of the own half, and none of the other, against about 85 of both.
    assert found is not None
    assert drawn is not None
    assert found > 1.5 * drawn


def test_vectors_begin_with_the_directions_whatever_metadata_says() -> None:
    features = field_features([[[item % 3]] for item in range(N_ITEMS)], 3)
    data = camps(features=features)
    assert data.directions is not None
    data.directions[5] = np.nan
    trainer = prepare(data, CONFIG)
    params = start(trainer).best
    E = np.asarray(fold(params, trainer.items)[0])
    width = data.directions.shape[1]
    known = np.flatnonzero(trainer.items.known * (np.arange(N_ITEMS) != 5))
    directions = data.directions[known]
    scale = np.vdot(E[known, :width], directions) / np.vdot(directions, directions)
    np.testing.assert_allclose(E[known, :width], scale * directions, atol=1e-2 * ITEM_SCALE)
    assert np.sqrt(np.square(E[known, :width]).mean()) == pytest.approx(ITEM_SCALE, rel=1e-3)
    assert np.isfinite(E).all()


def test_a_direction_in_which_all_items_are_alike_is_no_trouble() -> None:
    trainer = prepare(replace(camps(), directions=np.full((N_ITEMS, 1), 7.0, np.float32)), CONFIG)
    vectors = np.asarray(start(trainer).best["ids"]["vectors"])
    np.testing.assert_allclose(vectors[:, 0], ITEM_SCALE, rtol=1e-4)
    none = replace(trainer.data, directions=np.full((N_ITEMS, 3), np.nan, np.float32))
    drawn = np.asarray(start(prepare(none, CONFIG)).best["ids"]["vectors"])
    assert np.isfinite(drawn).all()


def test_the_bias_begins_with_popularity_among_visible_events() -> None:
    data = training_data([[0, 1, 0, 2, 3], [0, 1, 0, 2, 3]], 5, hidden=[1, 1])
    bias = np.asarray(start(prepare(data, TINY)).best["ids"]["bias"])
    assert bias[0] > bias[1] == bias[2] > bias[3] == bias[4]
    assert bias.sum() == pytest.approx(0, abs=1e-6)


def test_what_was_compiled_meanwhile_is_not_compiled_again(caplog: pytest.LogCaptureFixture) -> None:
    data = training_data(random_histories(15, 20), 20, hidden=[1] * 15, validate=True)
    config = replace(TINY, hidden_dimension=34)
    # As in a program: the strictness of these tests holds in one thread, and what it compiles in no other.
    with jax.numpy_rank_promotion("allow"), compiling(data, config):
        pass
    with jax.numpy_rank_promotion("allow"), jax.log_compiles(), caplog.at_level("WARNING"):
        fit(data, config)
    assert "jit(step)" not in caplog.text


def test_rehearsing_changes_nothing() -> None:
    data = training_data(random_histories(15, 20), 20, hidden=[1] * 15, validate=True)
    plain = fit(data, TINY)
    trainer = prepare(data, TINY)
    assert rehearse(trainer, 5) > 0
    again = fit(data, TINY)
    for name, array in plain.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name], name)


def test_nobody_to_learn_from_compiles_nothing() -> None:
    with compiling(training_data([[1], [2, 3]], 4, hidden=[0, 1]), TINY):
        pass
