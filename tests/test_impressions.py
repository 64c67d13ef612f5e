"""Every way to say what was shown, by UPDATE and by FULL: both must count the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from newfound.dataset.histories import EventSelection
from newfound.project import Project
from newfound.recipes.gather import Snapshots, evidence_rows, gather_full
from newfound.serving.bundle import open_bundle
from tests.worlds import HOUR, LATEST, lines

ALL = EventSelection()
Counts = dict[str, tuple[int, int]]


def shown_by_full(project: Project) -> dict[str, int]:
    inputs = gather_full(project.layout, Snapshots.take(project.layout), ALL, True, 0)
    return dict(zip(inputs.histories.item_ids, inputs.shown.tolist(), strict=True))


def seen(project: Project, *batches: list[dict[str, Any]]) -> Counts:
    """Put batches of events, with an UPDATE after each: impressions and clicks that they added, where any."""
    before = shown_by_full(project)
    for events in batches:
        project.put_events(lines(*events))
        version = project.train(mode="update")["solutionVersion"]
    bundle = open_bundle(project.layout.version("default", int(version.partition("@v")[2])) / "serving")
    after = shown_by_full(project)
    found: Counts = {}
    for code in range(bundle.n_items):
        item = bundle.item_id(code)
        shown = int(bundle.overlay["shown"][code]) - before.get(item, 0)
        assert after[item] - before.get(item, 0) == shown, f"FULL and UPDATE disagree on {item}"
        if shown:
            found[item] = (shown, int(bundle.overlay["clicked"][code]))
    trials = np.asarray(bundle.overlay["trial_item"])
    by_trial = {
        bundle.item_id(int(code)): (
            int((trials == code).sum()),
            int(bundle.overlay["trial_clicked"][trials == code].sum()),
        )
        for code in np.unique(trials)
    }
    assert by_trial == found
    return found


@pytest.fixture
def answer(project: Project) -> tuple[str, list[str]]:
    """A logged answer: its id and items."""
    found = project.recommend("u0", campaign="explore", num_results=3, seed=0)
    return found["recommendationId"], [entry["itemId"] for entry in found["itemList"]]


def event(**fields: Any) -> dict[str, Any]:
    return {"userId": "u0", "sentAt": LATEST + HOUR, **fields}


def test_an_explicit_list(project: Project) -> None:
    found = seen(project, [event(itemId="n1", impression=["i1", "n1", "n2"])])
    assert found == {"i1": (1, 0), "n1": (1, 1), "n2": (1, 0)}


def test_an_implicit_list(project: Project, answer: tuple[str, list[str]]) -> None:
    rid, items = answer
    found = seen(project, [event(itemId=items[1], recommendationId=rid)])
    assert found == {items[0]: (1, 0), items[1]: (1, 1), items[2]: (1, 0)}


@pytest.mark.parametrize("order", [1, -1])
def test_an_explicit_list_wins_over_the_response(
    project: Project, answer: tuple[str, list[str]], order: int
) -> None:
    rid, items = answer
    listed = event(itemId=items[0], recommendationId=rid, impression=[items[0], "i1"])
    found = seen(project, [listed, event(recommendationId=rid)][::order])
    assert found == {items[0]: (1, 1), "i1": (1, 0)}


def test_a_list_without_a_click(project: Project, answer: tuple[str, list[str]]) -> None:
    rid, items = answer
    found = seen(project, [event(recommendationId=rid), event(impression=["n9", "i9"], eventType="view")])
    assert found == {**dict.fromkeys(items, (1, 0)), "n9": (1, 0), "i9": (1, 0)}


def test_a_late_click_after_an_update_turns_the_impression(
    project: Project, answer: tuple[str, list[str]]
) -> None:
    rid, items = answer
    late = event(itemId=items[2], recommendationId=rid, sentAt=LATEST + 90 * HOUR)
    found = seen(project, [event(recommendationId=rid)], [late], [event(recommendationId=rid)])
    assert found == {items[0]: (1, 0), items[1]: (1, 0), items[2]: (1, 1)}


def test_the_same_again_counts_once(project: Project, answer: tuple[str, list[str]]) -> None:
    rid, items = answer
    click, listed = (
        event(itemId=items[0], recommendationId=rid),
        event(impression=["n9", "i9"], sessionId="s"),
    )
    again = event(impression=["n9", "i9"], sessionId="s", sentAt=LATEST + 50 * HOUR)
    found = seen(project, [click, click, listed, listed], [click, again])
    assert found == {items[0]: (1, 1), items[1]: (1, 0), items[2]: (1, 0), "n9": (1, 0), "i9": (1, 0)}


def test_one_event_id_counts_once(project: Project) -> None:
    listed = event(impression=["n9"], eventId="e1")
    assert seen(project, [listed, listed | {"impression": ["n8"]}]) == {"n9": (1, 0)}
    assert project.put_events(lines(listed))["duplicates"] == 1


def test_several_clicks_on_one_list(project: Project, answer: tuple[str, list[str]]) -> None:
    rid, items = answer
    found = seen(project, [event(itemId=item, recommendationId=rid) for item in items[:2]])
    assert found == {items[0]: (1, 1), items[1]: (1, 1), items[2]: (1, 0)}


def test_the_same_list_an_hour_or_a_session_later_is_another(project: Project) -> None:
    times = [event(impression=["n9"]), event(impression=["n9"], sentAt=LATEST + 3 * HOUR)]
    sessions = [event(impression=["n8"], sessionId=session) for session in "ab"]
    users = [event(impression=["n7"], userId=user) for user in ("u1", "u2")]
    assert seen(project, times + sessions + users) == {"n9": (2, 0), "n8": (2, 0), "n7": (2, 0)}


def test_unknown_ids_do_no_harm(project: Project) -> None:
    """An unknown response, user and item on a list; a click outside the list it names is no click on it."""
    found = seen(
        project,
        [
            event(itemId="i1", recommendationId="RID-404"),
            event(recommendationId="RID-405"),
            event(userId="nobody", impression=["nowhere", "n9"]),
            event(itemId="i2", impression=["n8"]),
        ],
    )
    assert found == {"n9": (1, 0), "n8": (1, 0)}


def test_a_click_on_an_unknown_item_of_a_list_makes_it_known(project: Project) -> None:
    assert seen(project, [event(itemId="brand new", impression=["brand new", "n9"])]) == {
        "brand new": (1, 1),
        "n9": (1, 0),
    }


def test_a_response_that_no_event_names_is_no_evidence(
    project: Project, answer: tuple[str, list[str]]
) -> None:
    assert seen(project, [event(itemId="i1")]) == {}


def test_imported_lists_and_responses_count_like_streamed_ones(
    project: Project, answer: tuple[str, list[str]], tmp_path: Path
) -> None:
    rid, items = answer
    before = shown_by_full(project)
    rows = [
        f"u0,{items[0]},click,{LATEST},,{rid}",
        f"u0,{items[1]},click,{LATEST},,{rid}",
        f"u1,i1,click,{LATEST},i1|n9,",
        f"u1,n9,click,{LATEST},i1|n9,",
        f"u2,i1,click,{LATEST},i1|n8,RID-404",
    ]
    path = tmp_path / "more.csv"
    path.write_text(
        "\n".join(["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP,IMPRESSION,RECOMMENDATION_ID", *rows, ""])
    )
    project.import_dataset("interactions", [path], mode="incremental")
    after = shown_by_full(project)
    added = {item: after[item] - before[item] for item in before if after[item] != before[item]}
    assert added == {**dict.fromkeys(items, 1), "i1": 2, "n9": 1, "n8": 1}
    found, responses = evidence_rows(project.layout, Snapshots.take(project.layout), [items[2]], ALL)
    assert [(row.user, row.item) for row in found if row.recommendation_id == rid] == [
        ("u0", items[0]),
        ("u0", items[1]),
    ]
    assert list(responses) == [rid]
