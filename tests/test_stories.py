from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from newfound.errors import NotFoundError
from newfound.explore.posterior import TRIAL_FIELDS, Trials
from newfound.explore.settings import ExplorationSettings
from newfound.project import Project
from newfound.serving.bundle import Bundle
from newfound.stories import DROPPED, ESTABLISHED, LEARNING, PROMOTED, Story, report, tell, usual_quality
from tests.worlds import HOUR, LATEST, N_NEW, World, lines

SETTINGS = ExplorationSettings()


def with_trials(bundle: Bundle, clicks: dict[str, list[bool]]) -> Bundle:
    """The bundle after these items were shown in first place, clicked or not."""
    rows = [(bundle.item_code(item), clicked) for item, trials in clicks.items() for clicked in trials]
    n, k = len(rows), len(bundle.base["prior_variance"])
    trials = Trials(
        np.array([code for code, _ in rows], np.int32),
        np.zeros((n, k), np.float32),
        np.zeros(n, np.float32),
        np.ones(n, np.int16),
        np.array([clicked for _, clicked in rows], np.bool_),
        np.arange(n, dtype=np.uint64),
        np.zeros(n, np.float32),
    )
    overlay = dict(bundle.overlay) | {f"trial_{name}": getattr(trials, name) for name in TRIAL_FIELDS}
    return Bundle(bundle.meta, bundle.base, overlay)


def stories(bundle: Bundle, *items: str) -> dict[str, Story]:
    codes = np.array([bundle.item_code(item) for item in items])
    return {story.item: story for story in tell(bundle, codes, SETTINGS)}


def test_before_anything_was_shown_nothing_is_said_of_quality(bundle: Bundle) -> None:
    story = stories(bundle, "n1")["n1"]
    assert (story.quality, story.interval, story.verdict) == (None, None, LEARNING)
    assert usual_quality(bundle) is None
    assert story.uncertainty > 0
    assert story.learned == 0


def test_the_verdict_follows_the_clicks(bundle: Bundle) -> None:
    seen = with_trials(
        bundle,
        {
            "n1": [True] * 12 + [False] * 20,
            "n2": [False] * 60,
            "n3": [True] + [False] * 6,
            "i1": [True] * 10 + [False] * 90,
        },
    )
    found = stories(seen, "n3", "n1", "i1", "n2", "n4")
    assert usual_quality(seen) == pytest.approx(23 / 199)
    verdicts = {item: story.verdict for item, story in found.items()}
    assert verdicts == {"n1": PROMOTED, "n2": DROPPED, "n3": LEARNING, "n4": LEARNING, "i1": ESTABLISHED}
    assert found["n4"].quality == pytest.approx(23 / 199)


def test_the_interval_holds_nine_tenths_of_what_is_believed(bundle: Bundle) -> None:
    seen = with_trials(bundle, {"n1": [True] * 3 + [False] * 40, "i1": [True] * 30 + [False] * 60})
    story, usual = stories(seen, "n1")["n1"], usual_quality(seen)
    assert story.interval is not None
    assert usual is not None
    believed = np.random.default_rng(0).gamma(4, 1 / (1 / usual + 43), 200_000)
    low, high = story.interval
    assert np.mean((believed > low) & (believed < high)) == pytest.approx(0.9, abs=0.01)
    assert story.quality == pytest.approx(believed.mean(), rel=0.01)


def test_a_report_counts_all_young_items_and_lists_the_most_shown(bundle: Bundle) -> None:
    found = report(with_trials(bundle, {"n1": [True] * 9, "i1": [False] * 90}), SETTINGS, 5)
    assert found["youngItems"] == N_NEW
    assert found["promoted"] + found["stillLearning"] + found["dropped"] == N_NEW
    assert found["promoted"] == 1
    assert len(found["items"]) == 5


def test_where_nothing_explores_no_item_is_being_tried(bundle: Bundle) -> None:
    still = Bundle(replace(bundle.meta, explores=False), bundle.base, bundle.overlay)
    found = report(with_trials(still, {"n1": [True] * 9}), SETTINGS, 5)
    assert (found["youngItems"], found["stillLearning"], found["items"]) == (0, 0, [])
    assert stories(still, "n1")["n1"].verdict == ESTABLISHED


def test_the_report_follows_an_update(project: Project, world: World) -> None:
    for user in world.users[:30]:
        answer = project.recommend(user, campaign="explore", num_results=5)
        event = {"userId": user, "recommendationId": answer["recommendationId"], "sentAt": LATEST + HOUR}
        young = [entry["itemId"] for entry in answer["itemList"] if entry["young"]]
        project.put_events(lines(event, *(event | {"itemId": item} for item in young[:1])))
    before = project.campaign_report("explore")
    assert (before["shownItems"], before["usualQuality"]) == (0, None)
    project.train(mode="update")
    project.update_campaign("explore")
    after = project.campaign_report("explore", limit=3)
    assert after["solutionVersion"] == "default@v2"
    assert after["shownItems"] > 0
    first = after["items"][0]
    assert first["impressions"] >= first["clicks"]
    assert project.solution("default@v2", first["itemId"])["verdict"] == first["verdict"]
    told = project.recommend("u1", campaign="explore", explain=True, log=False)["itemList"]
    assert {entry["verdict"] for entry in told} <= {PROMOTED, LEARNING, DROPPED, ESTABLISHED}


def test_an_item_that_a_version_does_not_know_has_no_story(project: Project) -> None:
    with pytest.raises(NotFoundError, match="knows no item 'x'"):
        project.solution("default@v1", "x")
    assert project.solution("default", "n1")["solutionVersion"] == "default@v1"
