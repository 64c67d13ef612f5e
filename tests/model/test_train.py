from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from newfound.errors import TooLittleDataError
from newfound.model import epoch
from newfound.model.config import choose_config
from newfound.model.train import FitResult, fit
from newfound.model.validation import as_good
from newfound.progress import Progress

from .builders import TINY, field_features, random_histories, training_data

N_ITEMS = 20


def same(a: FitResult, b: FitResult) -> bool:
    return {k: v.tobytes() for k, v in a.arrays.items()} == {k: v.tobytes() for k, v in b.arrays.items()}


@pytest.fixture(scope="module")
def fitted() -> FitResult:
    return fit(training_data(random_histories(20, N_ITEMS), N_ITEMS, hidden=[1] * 20, validate=True), TINY)


def test_the_arrays_are_those_that_serving_reads(fitted: FitResult) -> None:
    d = TINY.hidden_dimension
    shapes = {"W": (d, 3 * d), "U": (d, 3 * d), "b": (3 * d,), "W_o": (d, d), "A": (d, d), "F": (64, d)}
    shapes |= {
        "G": (64, d),
        "T": (2, d),
        "M": (1, d, d),
        "fade": (1,),
        "Q": (d, 32),
        "V": (d, d),
        "lags": (33,),
    }
    shapes |= {"E": (N_ITEMS, d), "item_bias": (N_ITEMS,)}
    assert {name: array.shape for name, array in fitted.arrays.items()} == shapes
    assert all(a.dtype == np.float32 and np.isfinite(a).all() for a in fitted.arrays.values())


def test_history_tells_loss_and_validation_of_each_epoch(fitted: FitResult) -> None:
    assert [record.epoch for record in fitted.history] == [1, 2]
    assert all(
        record.loss > 0 and record.ndcg is not None and record.seconds > 0 for record in fitted.history
    )
    assert fitted.tokens_per_second > 0


def test_hidden_events_do_not_influence_the_arrays() -> None:
    histories = random_histories(20, N_ITEMS)
    changed = [[*history[:-2], 0, 1] for history in histories]
    results = [fit(training_data(h, N_ITEMS, hidden=[2] * 20), TINY) for h in (histories, changed)]
    assert histories != changed
    assert same(*results)


def test_the_seed_decides_the_arrays() -> None:
    data = training_data(random_histories(20, N_ITEMS), N_ITEMS)
    once, again, other = (fit(data, replace(TINY, epochs=1, seed=seed)) for seed in (1, 1, 2))
    assert same(once, again)
    assert not same(once, other)


def test_a_strict_cycle_is_learned() -> None:
    n = 12
    histories = [[(start + k) % n for k in range(30)] for start in range(36)]
    data = training_data(histories, n, hidden=[1] * 36, validate=True, exclude_seen=False)
    result = fit(data, replace(TINY, epochs=8, lanes=8))
    assert result.history[-1].loss < 0.2
    assert result.history[-1].ndcg is not None
    assert result.history[-1].ndcg > 0.98


def test_users_of_a_checkerboard_get_items_of_their_own_colour() -> None:
    rng = np.random.default_rng(0)
    histories = [(2 * rng.permutation(20)[:15] + user % 2).tolist() for user in range(60)]
    data = training_data(histories, 40, hidden=[1] * 60, validate=True)
    result = fit(data, replace(TINY, epochs=6, patience=6))
    # Five items of the right colour are left to each user: the target is somewhere among the first five.
    chance = np.mean(1 / np.log2(np.arange(5) + 2))
    assert result.history[-1].ndcg == pytest.approx(chance, abs=0.08)


def test_metadata_makes_untrained_items_usable() -> None:
    features = field_features([[[item % 2]] for item in range(N_ITEMS)], 2)
    histories = [[(2 * k + user) % (N_ITEMS - 2) for k in range(9)] for user in range(40)]
    result = fit(training_data(histories, N_ITEMS, features=features), replace(TINY, epochs=4))
    arrays = result.arrays
    np.testing.assert_allclose(arrays["E"][-2:], arrays["token_vectors"], rtol=1e-6)
    np.testing.assert_allclose(arrays["item_bias"][-2:], arrays["token_bias"], rtol=1e-6)
    assert not np.allclose(arrays["E"][0], arrays["token_vectors"][0])


def test_sampled_softmax_over_touched_rows_learns_too() -> None:
    n = 300
    histories = [[(start + 7 * k) % n for k in range(20)] for start in range(0, n, 3)]
    data = training_data(histories, n, hidden=[1] * len(histories), validate=True)
    config = replace(TINY, negatives=40, epochs=8, bptt=8, lanes=8, patience=8)
    result = fit(data, config)
    assert result.history[-1].ndcg is not None
    assert result.history[-1].ndcg > 0.9


def test_a_time_limit_ends_training_cleanly() -> None:
    data = training_data(random_histories(20, N_ITEMS), N_ITEMS)
    result = fit(data, replace(TINY, epochs=100_000), max_minutes=0.05)
    assert result.seconds < 60
    assert len(result.history) < 100_000
    assert np.isfinite(result.arrays["E"]).all()


def test_within_a_time_limit_only_late_epochs_are_judged_and_none_that_is_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    free, limited = epoch.Schedule(1_000, 0.0), epoch.Schedule(1_000, 0.0, 100.0)
    for seconds, judged, judged_alone in ((20, False, False), (80, True, True), (100, True, False)):
        now[0] = seconds
        assert free.judges(0, anything=False)
        assert limited.judges(10 * seconds, anything=False)  # the plan ends in time
        assert limited.judges(0, anything=True) is judged
        assert limited.judges(0, anything=False) is judged_alone


def test_without_validation_the_whole_plan_is_trained() -> None:
    data = training_data(random_histories(20, N_ITEMS), N_ITEMS)
    assert len(fit(data, replace(TINY, epochs=4, patience=1)).history) == 4


def test_training_stops_when_validation_falls() -> None:
    histories = random_histories(20, N_ITEMS)
    data = training_data(histories, N_ITEMS, hidden=[1] * 20, validate=True)
    config = replace(TINY, epochs=40, patience=2)
    result = fit(data, config)
    ndcg = [record.ndcg for record in result.history]
    good = [k for k, value in enumerate(ndcg) if value >= as_good(max(ndcg), data)]  # type: ignore[operator,type-var]  # epochs may be unjudged, these are not
    assert len(ndcg) < 40
    assert len(ndcg) - 1 - good[-1] == 2


def test_epochs_that_nobody_judged_end_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    data = training_data(random_histories(20, N_ITEMS), N_ITEMS, hidden=[1] * 20, validate=True)
    judged = iter([True, *[False] * 5, True, True])
    monkeypatch.setattr(epoch.Schedule, "judges", lambda *_, **__: next(judged))
    assert len(fit(data, replace(TINY, epochs=8, patience=3)).history) == 8


def test_the_last_epoch_as_good_as_the_best_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    data = training_data(random_histories(20, N_ITEMS), N_ITEMS, hidden=[1] * 20, validate=True)
    config = replace(TINY, epochs=4)
    # As good as .50 is from .44 on: half of a standard error, .5 / sqrt(20), below.
    told = iter([0.30, 0.50, 0.45, 0.43])
    monkeypatch.setattr(epoch, "validation_ndcg", lambda *_: next(told))
    after: list[bytes] = []
    real = epoch.train_epoch

    def watched(*arguments: Any) -> epoch.Run:
        run = real(*arguments)
        after.append(np.asarray(run.best["net"]["W"]).tobytes())
        return run

    monkeypatch.setattr(epoch, "train_epoch", watched)
    kept = fit(data, config)
    assert kept.arrays["W"].tobytes() == after[2] == after[3]
    assert len(set(after)) == 3


def test_reports_count_steps_and_tell_the_loss() -> None:
    reports: list[Progress] = []
    data = training_data(random_histories(60, N_ITEMS), N_ITEMS, hidden=[1] * 60, validate=True)
    fit(data, TINY, progress=reports.append)
    assert reports
    assert all(report.stage == "train" and 0 < report.done <= (report.total or 0) for report in reports)
    assert reports[-1].note.startswith("epoch 2/2 loss ")
    assert "NDCG@10" in reports[-1].note


def test_the_smallest_data_allowed_trains_in_seconds() -> None:
    rng = np.random.default_rng(0)
    histories = [rng.integers(50, size=40).tolist() for _ in range(25)]
    result = fit(training_data(histories, 50), choose_config(1000, 50))
    assert result.seconds < 30
    assert np.isfinite(result.arrays["E"]).all()


def test_nobody_with_two_visible_events_is_too_little_data() -> None:
    with pytest.raises(TooLittleDataError):
        fit(training_data([[1], [2, 3]], 4, hidden=[0, 1]), TINY)
