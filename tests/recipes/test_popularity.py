"""popularity-count by its commands: the items of most unique users, the same for all."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import count
from typing import Any

import pytest
from tests.worlds import HOUR, LATEST, World, lines

from newfound.errors import UsageError
from newfound.project import Project

UNSEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'


@pytest.fixture
def popular(project: Project) -> Project:
    project.create_solution("popular", "arn:aws:personalize:::recipe/aws-popularity-count")
    project.train("popular")
    project.create_campaign("popular", solution="popular")
    return project


def ask(project: Project, user: str = "u0", **options: Any) -> list[dict[str, Any]]:
    answer = project.recommend(user, campaign="popular", log=False, **{"num_results": 144, **options})
    return list(answer["itemList"])


def users_of(world: World, extra: list[tuple[str, str]] | None = None) -> Counter[str]:
    chosen = defaultdict(set)
    for user, item, *_ in world.rows:
        chosen[item].add(user)
    for user, item in extra or []:
        chosen[item].add(user)
    return Counter({item: len(users) for item, users in chosen.items()})


def check(project: Project, truth: Counter[str]) -> None:
    entries = ask(project)
    counts = [truth[entry["itemId"]] for entry in entries]
    assert counts == sorted(counts, reverse=True)
    total = truth.total()
    for entry in entries:
        assert entry["score"] == pytest.approx(truth[entry["itemId"]] / total, rel=1e-3, abs=1e-6)
        assert (entry["propensity"], entry["explored"]) == (1.0, False)


def test_items_are_ranked_by_their_unique_users_for_everybody(popular: Project, world: World) -> None:
    check(popular, users_of(world))
    assert ask(popular, "u1") == ask(popular, "nobody") == ask(popular)
    described = popular.campaign("popular")
    assert (described["explorationWeight"], described["explorationItemAgeCutoff"]) == (None, None)


def test_filters_and_rankings_work_as_elsewhere(popular: Project, world: World) -> None:
    assert world.seen("u3").isdisjoint(entry["itemId"] for entry in ask(popular, "u3", filter=UNSEEN))
    ranked = ask(popular, rank_items=["n1", "i1", "nowhere"])
    assert [entry["itemId"] for entry in ranked] == ["i1", "n1", "nowhere"]


def test_an_update_counts_each_user_once(popular: Project, world: World) -> None:
    known = next(row[1] for row in world.rows if row[0] == "u5")
    new = [("fresh", "i3"), ("fresh", "i3"), ("u5", known), ("u5", "n2"), ("fresh", "never seen")]
    time = count(LATEST + HOUR)
    for extra in (new, [("u5", "n2"), ("other", "n2"), ("other", "never seen"), ("third", "late")]):
        events = [{"userId": user, "itemId": item, "sentAt": next(time)} for user, item in extra]
        popular.put_events(lines(*events, {"userId": "u1", "impression": ["n4"], "sentAt": next(time)}))
        assert popular.train("popular", "update")["trainingMode"] == "UPDATE"
        new = new + extra
        popular.update_campaign("popular")
        check(popular, users_of(world, new))
    [before] = [
        version for version in popular.versions("popular") if version["solutionVersion"] == "popular@v1"
    ]
    assert before["status"] == "ACTIVE"


def test_an_update_equals_counting_everything_anew(popular: Project, world: World) -> None:
    events = [{"userId": f"u{k}", "itemId": f"n{k % 7}", "sentAt": LATEST + k} for k in range(250)]
    popular.put_events(lines(*events))
    popular.train("popular", "update")
    popular.update_campaign("popular")
    updated = {entry["itemId"]: entry["score"] for entry in ask(popular)}
    popular.train("popular")
    popular.update_campaign("popular")
    anew = {entry["itemId"]: entry["score"] for entry in ask(popular)}
    assert updated == pytest.approx(anew, rel=1e-4, abs=1e-8)


def test_it_has_metrics_and_no_dial(popular: Project) -> None:
    found = popular.metrics("popular")
    assert found["metrics"].keys() == found["baseline"].keys()
    assert 0 < found["metrics"]["precision_at_10"] < 1
    with pytest.raises(UsageError, match="does not explore"):
        popular.update_campaign("popular", exploration_weight=0.3)
    with pytest.raises(UsageError, match="no hyperparameters"):
        popular.create_solution("other", "popularity-count", hyperparameters={"bptt": "8"})
