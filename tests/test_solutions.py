from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newfound import solutions
from newfound.errors import AlreadyExistsError, NotFoundError, UsageError
from newfound.project import Project
from newfound.solutions import RECIPES, find_recipe
from tests.worlds import HOUR, LATEST, lines


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    Project.init(tmp_path / "empty")
    return Project.open(tmp_path / "empty")


def updated(project: Project, user: str = "u9") -> str:
    project.put_events(lines({"userId": user, "itemId": "i1", "sentAt": LATEST + HOUR}))
    return str(project.train(mode="update")["solutionVersion"])


@pytest.mark.parametrize("prefix", ["", "aws-", "arn:aws:personalize:::recipe/aws-"])
def test_a_recipe_is_known_by_its_short_its_aws_and_its_full_name(empty: Project, prefix: str) -> None:
    made = empty.create_solution("shop", f"{prefix}user-personalization")
    assert made["recipe"] == "user-personalization"
    assert find_recipe(f"{prefix}hrnn-metadata").explores is False
    assert find_recipe(f"{prefix}popularity-count").learns is False


def test_an_unknown_recipe_is_refused_and_the_known_ones_are_named(empty: Project) -> None:
    with pytest.raises(UsageError, match="no recipe 'magic'") as caught:
        empty.create_solution("shop", "magic")
    assert all(name in caught.value.hint for name in RECIPES)
    assert empty.solutions() == []


def test_a_solution_keeps_its_settings(empty: Project) -> None:
    made = empty.create_solution(
        "shop", event_type="Watch", event_value_threshold=3.5, hyperparameters={"hidden_dimension": "64"}
    )
    assert made["created"] is True
    found = empty.solution("shop")
    assert {key: found[key] for key in ("name", "recipe", "eventType", "eventValueThreshold")} == {
        "name": "shop",
        "recipe": "user-personalization",
        "eventType": "Watch",
        "eventValueThreshold": 3.5,
    }
    assert found["hyperparameters"] == {"hidden_dimension": "64"}
    assert found["latestSolutionVersion"] is None


def test_creating_the_same_solution_again_changes_nothing(empty: Project) -> None:
    first = empty.create_solution("shop", event_type="watch")
    again = empty.create_solution("shop", "aws-user-personalization", event_type="watch")
    assert again == first | {"created": False}


@pytest.mark.parametrize(
    "other",
    [
        {"recipe": "hrnn-metadata"},
        {"event_type": "click"},
        {"event_value_threshold": 1.0},
        {"hyperparameters": {"bptt": "16"}},
    ],
)
def test_creating_it_with_other_settings_is_refused(empty: Project, other: dict[str, Any]) -> None:
    first = empty.create_solution("shop")
    with pytest.raises(AlreadyExistsError, match="'shop' exists with other settings"):
        empty.create_solution("shop", **other)
    assert empty.solution("shop")["creationDateTime"] == first["creationDateTime"]


@pytest.mark.parametrize("hyperparameters", [{"magic": "1"}, {"hidden_dimension": "12"}, {"bptt": "x"}])
def test_hyperparameters_out_of_range_are_refused_at_once(
    empty: Project, hyperparameters: dict[str, str]
) -> None:
    with pytest.raises(UsageError, match="hyperparameter"):
        empty.create_solution("shop", hyperparameters=hyperparameters)
    assert empty.solutions() == []


def test_an_unknown_solution_is_not_found(empty: Project) -> None:
    for question in (empty.solution, empty.versions, empty.metrics, empty.delete_solution):
        with pytest.raises(NotFoundError, match="no solution 'shop'"):
            question("shop")


def test_solutions_are_listed_with_their_newest_version(project: Project) -> None:
    project.create_solution("another", "hrnn-metadata")
    newest = updated(project)
    assert project.solutions() == [
        {
            "name": "another",
            "recipe": "hrnn-metadata",
            "solutionVersion": None,
            "status": None,
            "versions": 0,
        },
        {
            "name": "default",
            "recipe": "user-personalization",
            "solutionVersion": newest,
            "status": "ACTIVE",
            "versions": 2,
        },
    ]
    assert project.solution("default")["latestSolutionVersion"] == newest


def test_a_version_in_service_is_not_deleted(project: Project) -> None:
    updated(project)
    with pytest.raises(UsageError, match="campaign 'default' serves default@v1"):
        project.delete_solution("default@v1")
    with pytest.raises(UsageError, match="campaign 'default' serves default"):
        project.delete_solution("default")
    assert project.recommend("u0", log=False)["solutionVersion"] == "default@v1"


def test_a_version_that_a_campaign_follows_is_in_service(project: Project) -> None:
    project.create_campaign("news", follow_latest=True)
    newest = updated(project)
    with pytest.raises(UsageError, match=f"campaign 'news' serves {newest}"):
        project.delete_solution(newest)


def test_a_full_version_is_kept_while_updates_stand_on_it(project: Project) -> None:
    newest = updated(project)
    for campaign in project.campaigns():
        project.delete_campaign(campaign["name"])
    with pytest.raises(UsageError, match=rf"default@v1 is the FULL version of {newest}"):
        project.delete_solution("default@v1")
    assert project.delete_solution(newest) == {"name": newest, "deleted": True}
    project.delete_solution("default@v1")
    assert project.versions() == []


def test_a_deleted_update_leaves_the_shared_arrays_of_its_full_version(project: Project) -> None:
    newest = updated(project)
    project.delete_solution(newest)
    assert [version["solutionVersion"] for version in project.versions()] == ["default@v1"]
    project.verify()
    assert len(project.recommend("u0", log=False)["itemList"]) == 25
    assert updated(project, "u10") == "default@v3"


def test_a_deleted_solution_is_gone_with_its_versions(project: Project) -> None:
    for campaign in project.campaigns():
        project.delete_campaign(campaign["name"])
    assert project.delete_solution("default") == {"name": "default", "deleted": True}
    assert project.solutions() == []
    with pytest.raises(NotFoundError):
        project.train(mode="update")


def test_a_deletion_that_was_killed_can_be_done_again_and_hides_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for campaign in project.campaigns():
        project.delete_campaign(campaign["name"])

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(solutions.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            project.delete_solution("default")
    assert project.versions() == []
    project.delete_solution("default")
    assert project.solutions() == []
