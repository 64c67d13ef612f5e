"""What `status` says is stale, and the command that it says to run next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newfound.project import Project
from newfound.serving.bundle import DESCRIPTION
from newfound.solutions import Solution, create_solution
from newfound.store.versions import start_version
from tests.worlds import HOUR, LATEST, lines

UPDATE, FULL = "newfound solution train --mode update", "newfound solution train --mode full"


def told(project: Project) -> tuple[list[str], str]:
    found = project.status()
    return found["stale"], found["next"]


def write_rows(folder: Path, *rows: str) -> Path:
    path = folder / "more.csv"
    path.write_text("\n".join(["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP,IMPRESSION", *rows, ""]))
    return path


def test_a_project_where_all_is_learned_and_served_has_nothing_stale(project: Project) -> None:
    assert told(project) == ([], "newfound recommend --user USER")


def test_new_items_wait_for_an_update(project: Project) -> None:
    record: dict[str, Any] = {"properties": {"genres": "War"}}
    project.put_items(lines({"itemId": "brandnew", **record}, {"itemId": "i1", **record}))
    assert told(project) == ([f"2 items since default@v1; run `{UPDATE}`"], UPDATE)
    project.put_events(lines({"userId": "u1", "itemId": "brandnew", "sentAt": LATEST + HOUR}))
    assert told(project) == ([f"1 event and 2 items since default@v1; run `{UPDATE}`"], UPDATE)
    project.train(mode="update")
    project.update_campaign()
    found = project.status()["solutions"][0]
    assert (found["newEvents"], found["newItems"], found["newInteractions"]) == (0, 0, 0)


@pytest.mark.parametrize(("mode", "rows"), [("incremental", 2), ("full", 2)])
def test_imported_interactions_wait_for_a_full_training(
    project: Project, tmp_path: Path, mode: str, rows: int
) -> None:
    path = write_rows(tmp_path, f"u1,i1,click,{LATEST + HOUR},", f"u2,i1,click,{LATEST + HOUR},")
    project.import_dataset("interactions", [path], mode=mode)
    project.compact()
    expected = [f"{rows} imported interactions since default@v1; run `{FULL}`"]
    assert told(project) == (expected, FULL)
    project.put_events(lines({"userId": "u1", "itemId": "i1", "sentAt": LATEST + HOUR}))
    project.train(mode="update")
    assert told(project)[0][0] == f"{rows} imported interactions since default@v2; run `{FULL}`"


def test_an_interrupted_training_is_the_first_to_go_on_with(tmp_path: Path) -> None:
    Project.init(tmp_path / "shop")
    project = Project.open(tmp_path / "shop")
    path = write_rows(tmp_path, f"u1,i1,click,{LATEST},")
    project.import_dataset("interactions", [path])
    assert told(project) == ([], FULL)
    create_solution(project.layout, Solution("buyers"))
    assert told(project) == ([], "newfound solution train buyers --mode full")
    start_version(project.layout, "buyers", {"trainingMode": "FULL", "recipe": "user-personalization"})
    command = "newfound solution train buyers --resume"
    assert told(project) == ([f"training of buyers@v1 was interrupted; run `{command}`"], command)


def test_a_bundle_that_cannot_be_read_hides_nothing_else(project: Project) -> None:
    project.put_events(lines({"userId": "u1", "itemId": "i1", "sentAt": LATEST + HOUR}))
    (project.root / "solutions/default/versions/v1/serving" / DESCRIPTION).unlink()
    assert told(project) == ([f"1 event since default@v1; run `{UPDATE}`"], UPDATE)


def test_a_campaign_whose_version_is_gone_says_so(project: Project) -> None:
    for path in (project.root / "solutions/default/versions").iterdir():
        path.rename(project.root.parent / path.name)
    stale, then = told(project)
    assert "campaign default cannot answer: default@v1 is gone" in stale
    assert then == FULL
