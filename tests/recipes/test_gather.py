from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.worlds import DAY, HOUR, LATEST, World, lines

from newfound.dataset.histories import EventSelection
from newfound.errors import TooLittleDataError
from newfound.project import Project
from newfound.recipes.assemble import FullInputs
from newfound.recipes.gather import Snapshots, evidence_rows, gather_full

ALL = EventSelection()


def gathered(project: Project, selection: EventSelection = ALL) -> FullInputs:
    return gather_full(project.layout, Snapshots.take(project.layout), selection, True, 0)


def value(inputs: FullInputs, name: str, item: str) -> Any:
    return getattr(inputs, name)[inputs.histories.item_ids.index(item)]


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    Project.init(tmp_path / "empty")
    return Project.open(tmp_path / "empty")


def test_imported_and_streamed_interactions_are_one_history(project: Project, world: World) -> None:
    project.put_events(
        lines(
            {"userId": "u0", "itemId": "i9", "eventType": "BUY", "sentAt": LATEST + 2 * HOUR},
            {"userId": "late", "itemId": "fresh", "sentAt": LATEST + HOUR},
            {"userId": "late", "impression": ["i1"], "sentAt": LATEST + DAY},
        )
    )
    inputs = gathered(project)
    histories = inputs.histories
    assert len(histories.items) == len(world.rows) + 2
    assert histories.type_names == ("buy", "click", "watch")
    at = slice(*histories.offsets[histories.user_ids.index("late") :][:2].tolist())
    assert [histories.item_ids[code] for code in histories.items[at]] == ["fresh"]
    assert set(histories.item_ids) == {*world.old, *world.new, "fresh"}
    assert inputs.latest == LATEST + DAY
    assert inputs.event_offset == 3


def test_items_are_as_old_as_stated_or_as_their_first_interaction(project: Project) -> None:
    project.put_items(lines({"itemId": "undated"}, {"itemId": "i1"}))
    project.put_events(
        lines(*({"userId": "u0", "itemId": "fresh", "sentAt": LATEST + k * HOUR} for k in (3, 2, 5)))
    )
    inputs = gathered(project)
    assert value(inputs, "created", "i0") == LATEST - 200 * DAY
    assert value(inputs, "created", "n0") == LATEST
    assert value(inputs, "created", "fresh") == LATEST + 2 * HOUR
    assert value(inputs, "created", "undated") == np.iinfo(np.int64).max
    stated = {item: bool(value(inputs, "created_stated", item)) for item in ("i0", "i1", "fresh", "undated")}
    assert stated == {"i0": True, "i1": False, "fresh": False, "undated": False}


def test_impressions_count_from_imports_from_lists_and_from_responses(project: Project, world: World) -> None:
    before = gathered(project)
    listed = [row for row in world.rows if "n0" not in row[4] and "i5" in row[4].split("|")]
    assert listed
    assert value(before, "shown", "i5") == len(listed)
    answer = project.recommend("u0", num_results=3, seed=0, campaign="explore")
    rid, shown = answer["recommendationId"], [entry["itemId"] for entry in answer["itemList"]]
    project.recommend("u1", num_results=3)  # nobody refers to it: no evidence
    project.put_events(
        lines(
            {"userId": "u0", "recommendationId": rid, "sentAt": LATEST},
            {"userId": "u0", "recommendationId": rid, "itemId": shown[0], "sentAt": LATEST},
            {"userId": "u0", "impression": ["i5", "i5", "unknown"], "sentAt": LATEST},
        )
    )
    after = gathered(project)
    assert {
        item: value(after, "shown", item) - value(before, "shown", item) for item in shown
    } == dict.fromkeys(shown, 1)
    assert value(after, "shown", "i5") - value(before, "shown", "i5") == 1
    assert after.shown.sum() - before.shown.sum() == 4


def test_only_selected_events_train_and_all_are_history(project: Project, world: World) -> None:
    inputs = gathered(project, EventSelection("WATCH"))
    watches = sum(row[2] == "watch" for row in world.rows)
    assert inputs.histories.trained.sum() == watches < len(inputs.histories.items)


def test_tokens_come_from_items_that_people_chose(project: Project) -> None:
    project.put_items(lines({"itemId": "odd", "properties": {"genres": "Opera|War"}}))
    inputs = gathered(project)
    assert "GENRES=War" in inputs.tokens.vocabulary
    assert "GENRES=Opera" not in inputs.tokens.vocabulary
    assert [field.name for field in inputs.fields] == ["GENRES", "TITLE", "CREATION_TIMESTAMP"]


def test_a_repeated_training_reads_the_tables_as_they_were(project: Project, world: World) -> None:
    at = Snapshots.take(project.layout)
    first = gather_full(project.layout, at, ALL, True, 0)
    project.put_events(lines({"userId": "u0", "itemId": "i9", "sentAt": LATEST + DAY}))
    project.put_items(lines({"itemId": "i0", "properties": {"genres": "Opera"}}))
    again = gather_full(project.layout, at, ALL, True, 0)
    assert again.latest == first.latest
    assert again.tokens.vocabulary == first.tokens.vocabulary
    np.testing.assert_array_equal(again.histories.items, first.histories.items)
    assert at.versions() == {"interactions": 1, "events": -1, "items": 1, "recommendations": -1}


@pytest.mark.parametrize("events", [[], [{"userId": "u", "impression": ["a"], "sentAt": LATEST}]])
def test_a_project_without_interactions_has_too_little_data(empty: Project, events: list[Any]) -> None:
    empty.put_events(lines(*events))
    with pytest.raises(TooLittleDataError):
        empty.train()
    assert empty.solutions() == []


def test_evidence_is_streamed_events_on_lists_and_imported_ones_that_showed_the_items(
    project: Project, world: World
) -> None:
    answer = project.recommend("u0", num_results=5, seed=0, campaign="explore")
    rid = answer["recommendationId"]
    new = next(entry["itemId"] for entry in answer["itemList"] if entry["itemId"] in world.new)
    project.put_events(
        lines(
            {"userId": "u1", "impression": [new, "i2"], "sentAt": LATEST + 2},
            {"userId": "u0", "recommendationId": rid, "sentAt": LATEST + 1},
            {"userId": "u2", "impression": ["i2"], "sentAt": LATEST},
            {"userId": "u3", "itemId": new, "sentAt": LATEST},
            {"userId": "u4", "itemId": new, "recommendationId": "RID-404", "sentAt": LATEST},
        )
    )
    at = Snapshots.take(project.layout)
    rows, responses = evidence_rows(project.layout, at, [new], ALL)
    expected = [("u2", LATEST), ("u0", LATEST + 1), ("u1", LATEST + 2)]
    assert [(row.user, row.time) for row in rows] == expected
    assert list(responses) == [rid]
    assert evidence_rows(project.layout, at, [], ALL) == (rows, responses)
    listed = gathered(project).histories
    assert not listed.listed.any()  # u4's click names a response that nobody knows
    bulk, _ = evidence_rows(project.layout, at, ["i5"], EventSelection("click"))
    listed = [row for row in world.rows if "i5" in row[4].split("|")]
    found = [(row.user, row.item, row.time, row.counts) for row in bulk if row.offset < 0]
    assert sorted(found) == sorted(
        (user, item, time, kind == "click") for user, item, kind, time, _ in listed
    )


def test_an_answer_is_one_that_was_logged_and_a_session_is_the_user_it_names(project: Project) -> None:
    rid = project.recommend("u0", num_results=3)["recommendationId"]
    project.put_events(
        lines(
            {"userId": "a", "itemId": "i1", "sentAt": LATEST, "recommendationId": rid},
            {"userId": "b", "itemId": "i1", "sentAt": LATEST, "recommendationId": "of-another-system"},
            {"userId": "c", "itemId": "i1", "sentAt": LATEST, "impression": ["i1"]},
            {"sessionId": "s", "itemId": "i1", "sentAt": LATEST},
            {"userId": "d", "sessionId": "s", "itemId": "i2", "sentAt": LATEST + 1},
        )
    )
    inputs = gathered(project)
    histories = inputs.histories
    listed = {
        user: histories.listed[
            slice(*histories.offsets[histories.user_ids.index(user) :][:2].tolist())
        ].tolist()
        for user in ("a", "b", "c", "d")
    }
    assert listed == {"a": [True], "b": [False], "c": [True], "d": [False, False]}
    assert "s" not in histories.user_ids
    assert inputs.logins == {"s": "d"}
