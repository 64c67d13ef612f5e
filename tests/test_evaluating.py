"""Evaluation of the project's own log against a world whose click rates are known."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from newfound.errors import NotFoundError, QualityGateError, UsageError
from newfound.project import Project
from tests.worlds import HOUR, LATEST, World, answers, lines

K = 5
ROUNDS = 8


def click_rate(world: World, user: str, item: str, position: int) -> float:
    """People click what is of their genre, and one new item in three is a hit; further down they look less."""
    liked = 0.5 if world.genre[item] == world.taste[user] else 0.05
    hit = 1.6 if item.startswith("n") and int(item[1:]) % 3 == 0 else 0.8
    return liked * hit / (1 + 0.35 * (position - 1))


def show(
    project: Project, world: World, rounds: int, campaign: str = "default", silent: bool = False
) -> float:
    """Ask for everybody some times, then report what was clicked; returns clicks a shown place."""
    asked, answered = project.root.parent / "asked.jsonl", project.root.parent / "answered.jsonl"
    asked.write_bytes(b"".join(lines(*({"userId": user} for user in world.users))))
    rows: list[dict[str, Any]] = []
    for seed in range(rounds):
        project.recommend_batch(asked, answered, campaign=campaign, num_results=K, at=str(LATEST), seed=seed)
        rows += map(json.loads, answered.read_bytes().splitlines())
    chance = random.Random(3)
    events: list[dict[str, Any]] = []
    clicks = 0
    for row in rows:
        user, output = row["input"]["userId"], row["output"]
        seen = {"userId": user, "recommendationId": output["recommendationId"], "sentAt": LATEST + HOUR}
        clicked = [
            item
            for position, item in enumerate(output["recommendedItems"], 1)
            if chance.random() < click_rate(world, user, item, position)
        ]
        clicks += len(clicked)
        events += [seen | {"itemId": item} for item in clicked]
        events += [] if silent else [seen]
    project.put_events(lines(*events))
    return clicks / (len(rows) * K)


def truth(project: Project, world: World, campaign: str, draws: int = 20) -> float:
    """Expected clicks a place of a campaign, over draws of its noise."""
    rates = [
        click_rate(world, user, item, position)
        for seed in range(100, 100 + draws)
        for user, items in answers(
            project, world.users, campaign=campaign, seed=seed, num_results=K, at=str(LATEST)
        ).items()
        for position, item in enumerate(items, 1)
    ]
    return float(np.mean(rates))


@pytest.fixture
def shown(project: Project, world: World) -> Project:
    """A campaign that explores a good deal, with what it showed and what was clicked."""
    project.update_campaign("default", exploration_weight=0.5)
    show(project, world, 2)
    return project


def test_the_log_tells_what_other_weights_would_have_earned(project: Project, world: World) -> None:
    shown = project
    shown.update_campaign("default", exploration_weight=0.5)
    show(shown, world, ROUNDS)
    for weight in (0.4, 0.3):
        shown.create_campaign(f"w{10 * weight:.0f}", exploration_weight=weight)
        found = shown.evaluate(exploration_weight=weight, seed=1)
        expected = truth(shown, world, f"w{10 * weight:.0f}")
        for name in ("snips", "ips", "dr"):
            figures = found["estimators"][name]
            low, high = figures["interval"]
            # Three standard errors, as the trained model differs a little between machines.
            assert abs(figures["value"] - expected) < 0.75 * (high - low), (weight, name)
        assert found["effectiveSampleSize"] >= 100
        assert found["rewardPerResponse"] == pytest.approx(found["value"] * K)
        assert shown.evaluate(target=f"w{10 * weight:.0f}", seed=1)["value"] == found["value"]
    assert found["recomputed"] == {"responses": 200, "identical": 200}
    assert found["responses"] == len(world.users) * ROUNDS
    assert [row["position"] for row in found["slots"]] == [1, 2, 3, 4, 5]


def test_the_policy_that_was_logged_earned_what_it_earned(shown: Project) -> None:
    found = shown.evaluate(exploration_weight=0.5)
    assert found["value"] == pytest.approx(found["logged"]["value"])
    assert found["effectiveSampleSize"] == pytest.approx(found["responses"])


def test_evaluating_changes_nothing_and_says_the_same_again(shown: Project) -> None:
    before = shown.status()
    first = shown.evaluate(exploration_weight=0.4)
    assert shown.evaluate(exploration_weight=0.4) == first
    assert shown.status() == before


def test_a_log_without_exploration_cannot_answer(project: Project, world: World) -> None:
    show(project, world, 1, "exploit")
    with pytest.raises(
        QualityGateError, match=r"the log covers at most|effective sample size|never shows what the log shows"
    ):
        project.evaluate(campaign="exploit", exploration_weight=1)


def test_a_version_is_not_judged_by_what_it_learned_from(shown: Project, world: World) -> None:
    newer = shown.train(mode="update")["solutionVersion"]
    with pytest.raises(QualityGateError, match=r"400 older than what the target has learned from"):
        shown.evaluate(version=newer)
    shown.update_campaign(
        "default", exploration_weight=1
    )  # or the log would not cover what the newer one shows
    show(shown, world, 2)
    found = shown.evaluate(version=newer, clip=20)
    assert found["leftOut"]["learnedFrom"] == len(world.users) * 2
    assert found["target"]["solutionVersion"] == newer


def test_silence_is_no_answer_unless_it_is_said_to_be_one(project: Project, world: World) -> None:
    project.update_campaign("default", exploration_weight=0.5)
    rate = show(project, world, 2, silent=True)
    with pytest.raises(QualityGateError, match="lists without a click are not reported"):
        project.evaluate(exploration_weight=0.5)
    assert project.evaluate(exploration_weight=0.5, count_silent=True)["value"] == pytest.approx(rate)


def test_a_list_that_was_shown_otherwise_is_left_out(shown: Project) -> None:
    answer = shown.recommend("u0", num_results=K)
    items = [entry["itemId"] for entry in answer["itemList"]]
    event = {"userId": "u0", "recommendationId": answer["recommendationId"], "sentAt": LATEST + HOUR}
    shown.put_events(lines(event | {"impression": items}))
    assert shown.evaluate(exploration_weight=0.5)["leftOut"]["otherListShown"] == 0
    shown.put_events(lines(event | {"impression": items[::-1]}))
    assert shown.evaluate(exploration_weight=0.5)["leftOut"]["otherListShown"] == 1


def test_only_events_of_a_type_may_count(shown: Project) -> None:
    found = shown.evaluate(exploration_weight=0.5, event_type="purchase")
    assert found["value"] == 0


def test_questions_without_an_answer(project: Project, world: World) -> None:
    with pytest.raises(UsageError, match="no policy"):
        project.evaluate()
    with pytest.raises(UsageError, match="--target"):
        project.evaluate(target="explore", exploration_weight=0.1)
    with pytest.raises(NotFoundError, match="nowhere"):
        project.evaluate(campaign="nowhere", exploration_weight=0.1)
    with pytest.raises(NotFoundError, match="v9"):
        project.evaluate(version="default@v9")
    with pytest.raises(QualityGateError, match="none was logged"):
        project.evaluate(exploration_weight=0.1)
    with pytest.raises(UsageError, match="outside"):
        project.evaluate(exploration_weight=7)
    with pytest.raises(UsageError, match="cut-off -1"):
        project.evaluate(exploration_item_age_cutoff=-1)
    project.recommend("u0")
    with pytest.raises(QualityGateError, match="1 that no event names"):
        project.evaluate(exploration_weight=0.1)
