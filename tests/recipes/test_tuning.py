from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.errors import UsageError
from newfound.evaluation.findings import MEASURE
from newfound.model.config import choose_config
from newfound.progress import silent
from newfound.project import Project
from newfound.recipes import tuning
from newfound.recipes.tuning import SEARCHED, Settings, Trial, best_trial, draw_settings, run_trials


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


@dataclass
class Twin:
    """A model of these settings, whose NDCG@10 is the number of users that it is asked for."""

    settings: object

    def __post_init__(self) -> None:
        self.learned = SimpleNamespace(training={"configuration": dict.fromkeys(SEARCHED, 32)})

    def judge(self, users: list[int]) -> dict[str, Any]:
        return {"metrics": {MEASURE: len(users)}, "intervals": {MEASURE: [0, 1]}, "asked": users}


def search(
    monkeypatch: pytest.MonkeyPatch,
    settings: Sequence[Settings],
    done: list[Trial],
    lives: int,
) -> tuple[list[Trial], list[list[Trial]], list[object]]:
    """Trials at the end, what was kept after each, and the settings that were trained before the process was killed."""
    trained: list[object] = []

    def train(_at: object, chosen: object, *_: object) -> Twin:
        if len(trained) == lives:
            raise KeyboardInterrupt
        trained.append(chosen)
        return Twin(chosen)

    monkeypatch.setattr(tuning, "train_twin", train)
    at: Any = SimpleNamespace(split=SimpleNamespace(test_users=[1, 2, 3]))
    kept: list[list[Trial]] = []
    try:
        trials = run_trials(at, settings, done, lambda now: kept.append(list(now)), None, silent)
    except KeyboardInterrupt:
        trials = []
    return trials, kept, trained


def test_a_search_goes_on_after_the_trials_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = draw_settings(4, {}, 0)
    _, kept, trained = search(monkeypatch, settings, [], lives=2)
    assert (trained, [len(done) for done in kept]) == (settings[:2], [1, 2])
    trials, _, trained = search(monkeypatch, settings, kept[-1], lives=9)
    assert trained == settings[2:]
    assert [trial["trial"] for trial in trials] == [1, 2, 3, 4]


def test_who_chooses_has_no_part_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    trials, _, _ = search(monkeypatch, draw_settings(2, {}, 0), [], lives=9)
    assert [(trial["ndcg"], trial["report"]["asked"]) for trial in trials] == [(2, [2])] * 2
    [alone], _, _ = search(monkeypatch, draw_settings(1, {}, 0), [], lives=9)
    assert (alone["ndcg"], alone["report"]["asked"]) == (3, [1, 2, 3])


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_a_training_needs_some_time(project: Project, minutes: float) -> None:
    with pytest.raises(UsageError, match="--max-minutes"):
        project.train(max_minutes=minutes)


def test_a_killed_search_is_resumed_with_what_it_had(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, calls = tuning.train_twin, []

    def killed_at_the_second(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*arguments)

    monkeypatch.setattr(tuning, "train_twin", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        project.train(tune=2, max_minutes=0.2)
    versions = project.root / "solutions/default/versions"
    [kept] = json.loads((versions / ".v2.building/trials.json").read_bytes())["trials"]
    with pytest.raises(UsageError, match="--max-minutes, --from-scratch"):
        project.train(resume=True, tune=2, max_minutes=0.3, from_scratch=True)
    done = project.train(resume=True, max_minutes=0.2)
    assert len(calls) == 3
    assert done["trials"][0]["seconds"] == kept["seconds"]
    assert [trial["best"] for trial in done["trials"]].count(True) == 1
    assert not (versions / "v2/trials.json").exists()
