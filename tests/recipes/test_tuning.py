from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.model.config import choose_config
from newfound.progress import silent
from newfound.recipes import tuning
from newfound.recipes.tuning import best_trial, draw_settings, run_trials


@given(st.integers(1, 40), st.integers(0, 2**32))
def test_settings_lie_in_the_ranges_and_depend_on_the_seed_alone(n: int, seed: int) -> None:
    drawn = draw_settings(n, {}, seed)
    assert drawn == draw_settings(n, {}, seed)
    assert len(drawn) == n
    assert drawn[0] == {}  # what training chooses by itself
    for settings in drawn:
        choose_config(10_000, 10_000, settings)  # raises out of range


def test_more_trials_begin_with_the_same_ones() -> None:
    assert draw_settings(9, {}, 0)[:4] == draw_settings(4, {}, 0)


def test_what_the_solution_fixes_is_in_every_trial() -> None:
    assert {settings["bptt"] for settings in draw_settings(20, {"bptt": "8"}, 0)} == {"8"}


def test_the_first_of_the_best_wins() -> None:
    trials = [{"trial": k + 1, "ndcg": ndcg} for k, ndcg in enumerate([0.1, 0.3, 0.2, 0.3])]
    assert best_trial(trials)["trial"] == 2


def test_a_search_goes_on_after_the_trials_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []

    def attempt(_at: object, settings: object, *_: object) -> dict[str, Any]:
        if len(tried) == 2:
            tried.append("killed")
            raise KeyboardInterrupt
        tried.append(settings)
        return {"ndcg": 0.1}

    monkeypatch.setattr(tuning, "_try", attempt)
    settings = draw_settings(4, {}, 0)
    kept: list[list[tuning.Trial]] = []
    at: Any = None
    with pytest.raises(KeyboardInterrupt):
        run_trials(at, settings, [], lambda done: kept.append(list(done)), None, silent)
    assert [len(done) for done in kept] == [1, 2]
    done = run_trials(at, settings, kept[-1], lambda _: None, None, silent)
    assert tried == [*settings[:2], "killed", *settings[2:]]
    assert [trial["trial"] for trial in done] == [1, 2, 3, 4]
