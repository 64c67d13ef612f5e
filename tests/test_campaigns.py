from __future__ import annotations

from typing import Any

import pytest

from newfound.errors import AlreadyExistsError, NotFoundError, UsageError
from newfound.project import Project
from newfound.store.layout import Layout
from newfound.store.versions import fail_version, publish_version, start_version
from tests.worlds import HOUR, LATEST, lines


def updated(project: Project, user: str = "u9") -> str:
    """A further version."""
    project.put_events(lines({"userId": user, "itemId": "i1", "sentAt": LATEST + HOUR}))
    return str(project.train(mode="update")["solutionVersion"])


def plain_solution(project: Project) -> str:
    """An ACTIVE version, without content, of a recipe that does not explore."""
    project.create_solution("plain", "hrnn-metadata")
    record: dict[str, Any] = {"trainingMode": "FULL", "recipe": "hrnn-metadata", "parent": None}
    started = start_version(project.layout, "plain", record | {"fullEventOffset": 0, "eventOffset": 0})
    return publish_version(project.layout, started, {"full": started.name}).name


def serving(project: Project, name: str = "default") -> str:
    return str(project.recommend("u0", campaign=name, log=False)["solutionVersion"])


def test_a_campaign_is_pinned_to_the_version_it_was_made_on(project: Project) -> None:
    assert updated(project) == "default@v2"
    assert serving(project) == "default@v1"
    assert project.create_campaign("later")["solutionVersion"] == "default@v2"
    assert project.create_campaign("older", solution="default@v1")["solutionVersion"] == "default@v1"


def test_an_update_without_options_moves_to_the_newest_version(project: Project) -> None:
    newest = updated(project)
    moved = project.update_campaign()
    assert (moved["solutionVersion"], moved["updated"]) == (newest, True)
    assert serving(project) == newest
    assert project.update_campaign()["updated"] is False


def test_an_update_of_exploration_keeps_the_version(project: Project) -> None:
    updated(project)
    changed = project.update_campaign(exploration_weight=0.7)
    assert (changed["solutionVersion"], changed["explorationWeight"]) == ("default@v1", 0.7)
    assert project.update_campaign(exploration_item_age_cutoff=3)["explorationWeight"] == 0.7
    assert project.campaign()["explorationItemAgeCutoff"] == 3


def test_a_campaign_rolls_back_to_any_active_version(project: Project) -> None:
    updated(project)
    project.update_campaign()
    back = project.update_campaign(solution="default@v1")
    assert back["solutionVersion"] == serving(project) == "default@v1"
    assert back["explorationWeight"] == 0.3


def test_a_campaign_that_follows_serves_each_new_version(project: Project) -> None:
    project.create_campaign("news", follow_latest=True)
    assert serving(project, "news") == "default@v1"
    newest = updated(project)
    assert serving(project, "news") == newest
    assert project.campaign("news")["servingVersion"] == newest
    assert serving(project) == "default@v1"
    project.update_campaign("news", solution=newest, follow_latest=False)
    updated(project, "u10")
    assert serving(project, "news") == newest


def test_a_campaign_that_follows_is_rolled_back_by_the_name_of_a_version(project: Project) -> None:
    project.create_campaign("news", follow_latest=True)
    newest = updated(project)
    back = project.update_campaign("news", solution="default@v1")
    assert (back["servingVersion"], back["followLatest"], back["updated"]) == ("default@v1", False, True)
    assert serving(project, "news") == "default@v1"
    again = project.update_campaign("news", solution="default", follow_latest=True)
    assert (again["servingVersion"], again["followLatest"]) == (newest, True)


def test_a_campaign_that_follows_goes_on_following_whatever_else_changes(project: Project) -> None:
    project.create_campaign("news", follow_latest=True)
    changes: list[dict[str, Any]] = [{}, {"exploration_weight": 0.7}, {"solution": "default"}]
    assert all(project.update_campaign("news", **change)["followLatest"] for change in changes)


def test_a_campaign_that_ceases_to_follow_keeps_what_it_serves(project: Project) -> None:
    project.create_campaign("news", follow_latest=True)
    newest = updated(project)
    kept = project.update_campaign("news", follow_latest=False)
    assert (kept["solutionVersion"], kept["servingVersion"]) == (newest, newest)


def test_to_follow_and_to_keep_to_a_version_contradict_each_other(project: Project) -> None:
    before = project.campaigns()
    for change in (project.create_campaign, project.update_campaign):
        with pytest.raises(UsageError, match="follows a solution or keeps to one version"):
            change(solution="default@v1", follow_latest=True)
    assert project.campaigns() == before


def test_every_description_of_a_campaign_says_what_it_serves(project: Project) -> None:
    made = project.create_campaign("news", follow_latest=True)
    assert made["servingVersion"] == "default@v1"
    newest = updated(project)
    [listed] = [one for one in project.campaigns() if one["name"] == "news"]
    assert listed["servingVersion"] == newest
    assert listed in project.status()["campaigns"]
    assert project.create_campaign("news", follow_latest=True)["servingVersion"] == newest
    assert project.update_campaign("news", exploration_weight=0.7)["servingVersion"] == newest


def test_creating_the_same_campaign_again_changes_nothing(project: Project) -> None:
    first = project.create_campaign("bold", exploration_weight=0.9)
    assert first["created"] is True
    updated(project)
    assert project.create_campaign("bold", exploration_weight=0.9) == first | {"created": False}
    assert project.campaign("bold")["solutionVersion"] == "default@v1"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"exploration_weight": 0.8},
        {"exploration_weight": 0.9, "exploration_item_age_cutoff": 5},
        {"exploration_weight": 0.9, "follow_latest": True},
        {"exploration_weight": 0.9, "solution": "default@v2"},
    ],
)
def test_creating_it_with_other_settings_is_refused(project: Project, options: dict[str, Any]) -> None:
    project.create_campaign("bold", exploration_weight=0.9)
    updated(project)
    before = project.campaign("bold")
    with pytest.raises(AlreadyExistsError, match="'bold' exists with other settings") as caught:
        project.create_campaign("bold", **options)
    assert caught.value.exit_code == 2
    assert project.campaign("bold") == before


@pytest.mark.parametrize(
    "options", [{"exploration_weight": 1.5}, {"exploration_item_age_cutoff": 0}, {"solution": "default@1"}]
)
def test_values_out_of_range_are_refused_and_nothing_is_made(
    project: Project, options: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        project.create_campaign("bold", **options)
    with pytest.raises(NotFoundError):
        project.campaign("bold")
    before = project.campaign()
    with pytest.raises(UsageError):
        project.update_campaign(**options)
    assert project.campaign() == before


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "x" * 64, "ä"])
def test_a_name_has_letters_digits_and_dashes(project: Project, name: str) -> None:
    with pytest.raises(UsageError, match="campaign name"):
        project.create_campaign(name)


@pytest.mark.parametrize("reference", ["nothing", "default@v9", "nothing@v1"])
def test_a_version_that_is_not_there_is_not_found(project: Project, reference: str) -> None:
    with pytest.raises(NotFoundError):
        project.create_campaign("bold", solution=reference)
    with pytest.raises(NotFoundError):
        project.update_campaign(solution=reference)
    assert serving(project) == "default@v1"


def test_a_failed_version_does_not_serve(project: Project) -> None:
    project.create_solution("other")
    started = start_version(
        project.layout, "other", {"trainingMode": "FULL", "recipe": "user-personalization"}
    )
    fail_version(project.layout, started, "the disk is full")
    with pytest.raises(NotFoundError, match="no ACTIVE version"):
        project.create_campaign("bold", solution="other")
    with pytest.raises(UsageError, match="other@v1 is CREATE FAILED"):
        project.create_campaign("bold", solution="other@v1")


def test_exploration_options_are_refused_for_a_recipe_that_does_not_explore(project: Project) -> None:
    plain = plain_solution(project)
    for options in ({"exploration_weight": 0.3}, {"exploration_item_age_cutoff": 5}):
        with pytest.raises(UsageError, match="hrnn-metadata does not explore"):
            project.create_campaign("plain", solution="plain", **options)  # type: ignore[arg-type]  # options of several types
    made = project.create_campaign("plain", solution="plain")
    assert (made["solutionVersion"], made["explorationWeight"]) == (plain, None)
    assert made["explorationItemAgeCutoff"] is None
    with pytest.raises(UsageError, match="does not explore"):
        project.update_campaign("plain", exploration_weight=0.5)


def test_a_campaign_can_move_to_a_recipe_that_does_not_explore_and_back(project: Project) -> None:
    plain = plain_solution(project)
    moved = project.update_campaign("explore", solution="plain")
    assert (moved["solutionVersion"], moved["explorationWeight"]) == (plain, None)
    back = project.update_campaign("explore", solution="default")
    assert (back["solutionVersion"], back["explorationWeight"]) == ("default@v1", 0.3)


def test_campaigns_are_listed_by_name_with_their_settings(project: Project) -> None:
    found = project.campaigns()
    assert [(one["name"], one["explorationWeight"]) for one in found] == [
        ("default", 0.3),
        ("exploit", 0.0),
        ("explore", 1.0),
    ]
    assert all(one["status"] == "ACTIVE" and one["explorationItemAgeCutoff"] == 30 for one in found)


def test_times_say_when_a_campaign_was_made_and_last_changed(project: Project) -> None:
    made = project.create_campaign("bold")
    assert made["creationDateTime"] == made["lastUpdatedDateTime"]
    changed = project.update_campaign("bold", exploration_weight=0.5)
    assert changed["creationDateTime"] == made["creationDateTime"] < changed["lastUpdatedDateTime"]


def test_a_deleted_campaign_is_gone_and_its_version_stays(project: Project) -> None:
    assert project.delete_campaign("explore") == {"name": "explore", "deleted": True}
    with pytest.raises(NotFoundError, match="no campaign 'explore'"):
        project.recommend("u0", campaign="explore")
    with pytest.raises(NotFoundError):
        project.delete_campaign("explore")
    assert project.solution("default@v1")["status"] == "ACTIVE"
    assert len(project.campaigns()) == 2


def test_two_campaigns_serve_one_version_with_their_own_exploration(project: Project) -> None:
    slates = {
        name: [
            entry["itemId"] for entry in project.recommend("u0", campaign=name, log=False, seed=0)["itemList"]
        ]
        for name in ("exploit", "explore")
    }
    assert slates["exploit"] != slates["explore"]


def test_there_are_no_campaigns_in_a_new_project(tmp_path: Any) -> None:
    Project.init(tmp_path / "empty")
    project = Project(Layout(tmp_path / "empty").root)
    assert project.campaigns() == []
    with pytest.raises(NotFoundError, match="no solution 'default'"):
        project.create_campaign()
