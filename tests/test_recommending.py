from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from newfound import batch as many
from newfound.dataset.age import UNTESTED_DAYS
from newfound.errors import InvalidFilterError, NewfoundError, NotFoundError, ResourceError, UsageError
from newfound.explore.settings import ExplorationSettings
from newfound.hashing import hash64
from newfound.progress import Progress
from newfound.project import Project
from newfound.serving.bundle import FADED_DAYS, Bundle
from newfound.serving.recommender import Recommender, Request
from newfound.store.tables import Table
from tests.worlds import DAY, HOUR, LATEST, N_NEW, N_OLD, World, answers, lines

UNSEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
BY_TYPE = "EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ($TYPES)"


@pytest.fixture(scope="module")
def shop(trained: Path) -> Project:
    """The trained project itself: for questions that leave no trace."""
    return Project.open(trained)


def ask(project: Project, user: str = "u0", **options: Any) -> dict[str, Any]:
    return project.recommend(user, **{"log": False, "seed": 0, "num_results": 10, **options})


def items(answer: dict[str, Any]) -> list[str]:
    return [entry["itemId"] for entry in answer["itemList"]]


def cold_share(project: Project, world: World, campaign: str, k: int = 5) -> float:
    shown = answers(project, world.users, campaign=campaign, num_results=k)
    return float(np.mean([item in world.new for slate in shown.values() for item in slate]))


# -- relevance and exploration


def test_weight_zero_is_the_order_of_relevance_and_shows_what_people_know(
    shop: Project, world: World
) -> None:
    answer = ask(shop, campaign="exploit", explain=True, num_results=N_OLD + N_NEW)
    relevance = [entry["relevance"] for entry in answer["itemList"]]
    assert relevance == sorted(relevance, reverse=True)
    scores = [entry["score"] for entry in answer["itemList"]]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, rel=1e-4)
    assert {entry["propensity"] for entry in answer["itemList"]} == {1.0}
    assert {entry["explorationBonus"] for entry in answer["itemList"]} == {0.0}
    assert not any(entry["explored"] for entry in answer["itemList"])
    assert cold_share(shop, world, "exploit") < 0.05
    assert world.seen("u0") & set(items(answer)[:10])


def test_the_share_of_new_items_grows_with_the_weight_to_a_clear_majority(
    project: Project, world: World
) -> None:
    for weight in (0.1, 0.6):
        project.create_campaign(f"w{weight * 10:.0f}", exploration_weight=weight)
    campaigns = ("exploit", "w1", "default", "w6", "explore")
    shares = [cold_share(project, world, campaign) for campaign in campaigns]
    assert shares == sorted(shares)
    assert shares[-1] > 0.5
    assert shares[2] > 0.01


def test_new_items_are_shown_to_people_who_like_their_genre(shop: Project, world: World) -> None:
    shown = answers(shop, world.users, campaign="explore", num_results=5)
    fits = [
        world.genre[item] == world.taste[user]
        for user, slate in shown.items()
        for item in slate
        if item in world.new
    ]
    assert len(fits) > 400
    assert np.mean(fits) > 3 * 0.25  # a quarter of the new items are of any one genre


def test_explored_items_are_young_and_absent_at_weight_zero(shop: Project, world: World) -> None:
    for user in world.users[:8]:
        greedy = items(ask(shop, user, campaign="exploit", num_results=5))
        bold = ask(shop, user, campaign="explore", num_results=5)
        for entry in bold["itemList"]:
            new = entry["itemId"] in world.new
            assert entry["young"] == new
            assert entry["explored"] == (new and entry["itemId"] not in greedy)
            assert 0 < entry["propensity"] <= 1


def test_an_explanation_tells_what_earlier_displays_took(project: Project) -> None:
    first = project.recommend("u0", campaign="explore", explain=True)
    assert {entry["impressionDiscount"] for entry in first["itemList"]} == {0.0}
    put(project, userId="u0", recommendationId=first["recommendationId"], sentAt=LATEST + HOUR)
    project.train(mode="update")
    project.create_campaign("after")
    again = ask(project, campaign="after", explain=True, num_results=500)
    lost = {entry["itemId"] for entry in again["itemList"] if entry["impressionDiscount"] > 0}
    assert lost == {entry["itemId"] for entry in first["itemList"]}


def test_an_explanation_adds_up(shop: Project, world: World) -> None:
    lasting = UNTESTED_DAYS / (UNTESTED_DAYS + FADED_DAYS)
    for entry in ask(shop, campaign="explore", explain=True)["itemList"]:
        new = entry["itemId"] in world.new
        assert entry["ageDays"] == (0 if new else 200)
        assert (entry["uncertainty"] > 0) == new == (entry["explorationBonus"] > 0)
        assert entry["clicks"] == 0
        assert ("Exploration" in entry["reason"]) == entry["explored"]
        if new:
            assert entry["impressions"] == 0
            assert entry["explorationBonus"] == pytest.approx(lasting * entry["uncertainty"])


def test_items_at_the_cutoff_are_not_explored_and_a_long_cutoff_makes_all_young(
    project: Project, world: World
) -> None:
    project.create_campaign("all", exploration_weight=1, exploration_item_age_cutoff=201)
    entries = ask(project, campaign="all", num_results=N_OLD + N_NEW)["itemList"]
    assert all(entry["young"] for entry in entries)
    project.update_campaign("all", exploration_item_age_cutoff=200)
    entries = ask(project, campaign="all", num_results=N_OLD + N_NEW)["itemList"]
    assert {entry["itemId"] for entry in entries if entry["young"]} == set(world.new)


def test_the_time_of_the_request_does_not_change_the_age_of_items(shop: Project) -> None:
    later = ask(shop, at=str(LATEST + 300 * DAY), explain=True, num_results=N_OLD + N_NEW)
    assert {entry["ageDays"] for entry in later["itemList"]} == {0, 200}


# -- one answer


def test_an_unknown_user_gets_an_answer(shop: Project) -> None:
    answer = ask(shop, "nobody-ever-saw-them", num_results=7)
    assert len(set(items(answer))) == 7
    assert answer["userId"] == "nobody-ever-saw-them"


def test_the_seed_decides_the_noise_and_every_user_has_noise_of_its_own(shop: Project) -> None:
    first, again, other = (ask(shop, campaign="explore", seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert items(first) != items(other)
    # u0 and u4 like the same; with the same noise they would be shown the same new items.
    young = [
        [entry["itemId"] for entry in ask(shop, user, campaign="explore")["itemList"] if entry["young"]]
        for user in ("u0", "u4")
    ]
    assert young[0] != young[1]


def test_without_a_seed_every_answer_has_noise_of_its_own(shop: Project) -> None:
    slates = {tuple(items(ask(shop, campaign="explore", seed=None))) for _ in range(4)}
    assert len(slates) > 1


@pytest.mark.parametrize("k", [0, 501, -1])
def test_one_to_500_results_can_be_asked_for(shop: Project, k: int) -> None:
    with pytest.raises(UsageError, match="results cannot be asked for"):
        ask(shop, num_results=k)


def test_more_results_than_items_are_all_items(shop: Project) -> None:
    assert len(set(items(ask(shop, num_results=500, campaign="explore")))) == N_OLD + N_NEW


@pytest.mark.parametrize("at", ["yesterday", "2023-11-15T00:00:00", "1700000000000", "nan", ""])
def test_a_time_that_is_none_is_refused(shop: Project, at: str) -> None:
    with pytest.raises(UsageError, match="at: "):
        ask(shop, at=at)


def test_a_time_can_be_seconds_or_iso_8601_and_lie_in_the_future(shop: Project) -> None:
    one, other = (ask(shop, at=at) for at in (str(LATEST + HOUR), "2023-11-15T00:13:20+01:00"))
    assert one == other
    assert len(items(ask(shop, at="2100-01-01T00:00:00Z"))) == 10


def test_an_unknown_campaign_is_not_found(shop: Project) -> None:
    with pytest.raises(NotFoundError, match="no campaign 'nothing'"):
        ask(shop, campaign="nothing")


# -- ranking


def test_ranked_items_share_one_and_unknown_ones_come_last_without_a_score(shop: Project) -> None:
    named = ["i1", "x", "n2", "i4", "y", "i1"]
    answer = ask(shop, rank_items=named, campaign="exploit")
    entries = answer["itemList"]
    assert sorted(items(answer)[:3]) == ["i1", "i4", "n2"]
    assert sum(entry["score"] for entry in entries[:3]) == pytest.approx(1)
    assert [entry["score"] for entry in entries[:3]] == sorted(
        (entry["score"] for entry in entries[:3]), reverse=True
    )
    assert items(answer)[3:] == ["x", "y"]
    assert all(entry["score"] is entry["propensity"] is None for entry in entries[3:])


def test_what_will_be_shown_of_a_ranking_is_its_beginning(project: Project, tmp_path: Path) -> None:
    named = ["i1", "x", "n2", "i4", "y"]
    whole = ask(project, rank_items=named, campaign="exploit")["itemList"]
    for k in (1, 2, 4, 5, 9):
        assert ask(project, rank_items=named, campaign="exploit", num_results=k)["itemList"] == whole[:k]
    logged = project.recommend("u0", rank_items=named, num_results=2)
    lists: list[dict[str, Any] | bytes] = [{"userId": "u0", "itemList": named}]
    _, [row] = batch(project, tmp_path, lists, num_results=4)
    assert [len(row["ITEM_IDS"]) for row in log(project)] == [2, 3]
    assert log(project)[0]["ITEM_IDS"] == items(logged)
    assert len(row["output"]["recommendedItems"]) == len(row["output"]["scores"]) == 4
    assert row["output"]["recommendedItems"][3] == "x"


def test_all_that_are_ranked_come_without_a_number_and_else_25(shop: Project, world: World) -> None:
    assert len(items(ask(shop, rank_items=world.old[:40], num_results=None))) == 40
    assert len(items(ask(shop, num_results=None))) == 25


def test_ranking_agrees_with_recommending(shop: Project, world: World) -> None:
    whole = items(ask(shop, campaign="exploit", num_results=N_OLD + N_NEW))
    some = list(reversed(whole[::7]))
    assert items(ask(shop, campaign="exploit", rank_items=some, num_results=None)) == whole[::7]


def test_a_filter_takes_ranked_items_off_the_list(shop: Project, world: World) -> None:
    seen = min(world.seen("u0"))
    answer = ask(shop, rank_items=[seen, "n1", "x"], filter=UNSEEN)
    assert items(answer) == ["n1", "x"]
    assert [entry["score"] for entry in answer["itemList"]] == [pytest.approx(1), None]


def test_ranking_only_unknown_items_gives_them_back(shop: Project) -> None:
    assert items(ask(shop, rank_items=["x", "y"], campaign="explore")) == ["x", "y"]


@pytest.mark.parametrize("named", [[], ["i1"] * 501])
def test_one_to_500_items_can_be_ranked(shop: Project, named: list[str]) -> None:
    with pytest.raises(UsageError, match="items cannot be ranked"):
        ask(shop, rank_items=named)


@pytest.mark.parametrize("text", ["", "x" * 257, "a\0b"])
def test_what_is_no_id_is_refused_and_not_logged(shop: Project, text: str) -> None:
    with pytest.raises(UsageError, match="user: an id"):
        shop.recommend(text)
    with pytest.raises(UsageError, match="items to rank: an id"):
        shop.recommend("u0", rank_items=["i1", text])
    assert not log(shop)
    assert ask(shop, "x" * 256)["itemList"]


# -- filters


def test_a_filter_can_be_an_expression_or_a_name(project: Project, world: World) -> None:
    project.create_filter("unseen", UNSEEN)
    by_name, inline = (ask(project, filter=text) for text in ("unseen", UNSEEN))
    assert by_name == inline
    assert not set(items(inline)) & world.seen("u0")


def test_values_fill_in_the_parameters_of_a_filter(shop: Project, world: World) -> None:
    watched = {item for user, item, kind, *_ in world.rows if (user, kind) == ("u0", "watch")}
    everything = N_OLD + N_NEW
    hidden = ask(shop, filter=BY_TYPE, filter_values={"TYPES": '"Watch"'}, num_results=everything)
    assert {*world.old, *world.new} - set(items(hidden)) == watched
    assert len(items(ask(shop, filter=BY_TYPE, num_results=everything))) == everything


def test_joined_conditions_are_about_one_interaction(shop: Project, world: World) -> None:
    clicked = {item for user, item, kind, *_ in world.rows if (user, kind) == ("u0", "click")}
    joined = UNSEEN + ' AND Interactions.EVENT_TYPE NOT IN ("watch")'
    hidden = ask(shop, filter=joined, num_results=N_OLD + N_NEW)
    assert {*world.old, *world.new} - set(items(hidden)) == clicked


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "EXCLUDE nothing"},
        {"filter": "EXCLUDE nonsense"},
        {"filter": BY_TYPE, "filter_values": {"OTHER": "x"}},
        {"filter_values": {"TYPES": "x"}},
    ],
)
def test_a_bad_filter_is_refused(shop: Project, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilterError):
        ask(shop, **options)


def test_a_filter_of_an_unknown_name_is_not_found(shop: Project, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no filter 'zz'"):
        ask(shop, filter="zz")
    (tmp_path / "in.jsonl").write_bytes(b"".join(lines({"userId": "u0"})))
    for options in ({"filter": "zz"}, {"filter": "EXCLUDE nothing"}, {"at": "soon"}, {"campaign": "zz"}):
        with pytest.raises((NotFoundError, UsageError)):
            shop.recommend_batch(tmp_path / "in.jsonl", tmp_path / "out.jsonl", **options)
    assert not (tmp_path / "out.jsonl").exists()


# -- events


def put(project: Project, **event: Any) -> None:
    assert project.put_events(lines(event))["accepted"] == 1


def test_an_event_counts_for_its_users_very_next_answer_and_for_nobody_elses(project: Project) -> None:
    before = {user: ask(project, user) for user in ("u0", "u1", "stranger")}
    put(project, userId="u0", itemId="i1", sentAt=LATEST + HOUR)
    after = {user: ask(project, user) for user in before}
    assert items(after["u0"]) != items(before["u0"])
    assert after["u1"] == before["u1"]
    assert after["stranger"] == before["stranger"]


def test_an_event_changes_no_other_line_of_a_batch(project: Project, world: World, tmp_path: Path) -> None:
    asked = tmp_path / "asked.jsonl"
    asked.write_bytes(b"".join(lines(*({"userId": user} for user in world.users[:20]))))

    def run() -> list[bytes]:
        project.recommend_batch(asked, tmp_path / "out.jsonl", seed=0, log=False, campaign="explore")
        return (tmp_path / "out.jsonl").read_bytes().splitlines()

    before = run()
    put(project, userId="u3", itemId="i1", sentAt=LATEST + HOUR)
    after = run()
    assert [k for k in range(20) if before[k] != after[k]] == [3]


def test_a_new_users_first_events_move_it_from_popularity_to_its_taste(
    project: Project, world: World
) -> None:
    def fit() -> float:
        return float(np.mean([world.genre[item] == "War" for item in items(ask(project, "fresh"))]))

    assert fit() < 0.7
    for k, item in enumerate(("i3", "i7", "i11", "i15")):
        put(project, userId="fresh", itemId=item, sentAt=LATEST + HOUR + k)
    assert fit() > 0.8


def test_an_anonymous_session_is_a_user_of_that_name(project: Project) -> None:
    before = ask(project, "session-1")
    put(project, sessionId="session-1", itemId="i2", sentAt=LATEST + HOUR)
    assert items(ask(project, "session-1")) != items(before)


def test_impressions_nobody_clicked_move_no_state(project: Project) -> None:
    before = ask(project, at=str(LATEST + 2 * HOUR))
    put(project, userId="u0", impression=["i1", "n2"], sentAt=LATEST + HOUR)
    assert ask(project, at=str(LATEST + 2 * HOUR)) == before


def test_events_after_the_time_of_the_request_are_left_out(project: Project) -> None:
    options = {"at": str(LATEST + HOUR), "filter": UNSEEN, "num_results": 50}
    before = ask(project, **options)
    put(project, userId="u0", itemId="n1", sentAt=LATEST + 2 * HOUR)
    assert ask(project, **options) == before
    assert ask(project, **{**options, "at": str(LATEST + 2 * HOUR)}) != before


# -- the response log


def log(project: Project) -> list[dict[str, Any]]:
    rows = Table(project.layout, "recommendations").read()
    columns = {name: rows[name].to_pylist() for name in rows.schema.names}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_the_log_holds_what_was_answered_and_how_likely_it_was(project: Project) -> None:
    answer = ask(project, campaign="explore", log=True, filter=UNSEEN, at=str(LATEST + HOUR))
    [row] = log(project)
    entries = answer["itemList"]
    assert answer["recommendationId"].startswith("RID-") and len(answer["recommendationId"]) <= 40
    assert row == {
        "RESPONSE_OFFSET": 0,
        "RECOMMENDATION_ID": answer["recommendationId"],
        "USER_ID": "u0",
        "USER_HASH": int(np.uint64(hash64("u0")).astype(np.int64)),
        "CAMPAIGN": "explore",
        "SOLUTION_VERSION": "default@v1",
        "TIMESTAMP": LATEST + HOUR,
        "EXPLORATION_WEIGHT": 1.0,
        "EXPLORATION_ITEM_AGE_CUTOFF": 30.0,
        "SEED": "0:u0",
        "EVENTS_SEEN": 0,
        "NUM_RESULTS": 10,
        "ITEM_IDS": [entry["itemId"] for entry in entries],
        "SCORES": [entry["score"] for entry in entries],
        "PROPENSITIES": [entry["propensity"] for entry in entries],
        "EXPLORED": [entry["explored"] for entry in entries],
        "FILTER": UNSEEN,
        "FILTER_VALUES": None,
        "CANDIDATES": None,
    }


def test_a_logged_answer_can_be_given_again_from_its_row(project: Project, bundle: Bundle) -> None:
    answer = ask(project, campaign="explore", log=True, seed=None)
    [row] = log(project)
    assert row["SEED"] == answer["recommendationId"]
    settings = ExplorationSettings(row["EXPLORATION_WEIGHT"])
    request = Request(row["USER_ID"], len(row["ITEM_IDS"]), row["SEED"], at=row["TIMESTAMP"])
    [again] = Recommender(bundle, settings, now=0).answer([request], {})
    assert [bundle.item_id(code) for code in again.slate.items.tolist()] == row["ITEM_IDS"]
    assert again.slate.propensities.tolist() == row["PROPENSITIES"]


def test_an_unlogged_answer_has_no_id_and_leaves_no_row(project: Project) -> None:
    assert ask(project)["recommendationId"] is None
    assert Table(project.layout, "recommendations").snapshot().version < 0


def test_unknown_items_of_a_ranking_are_not_logged_as_shown(project: Project) -> None:
    ask(project, rank_items=["x", "i1"], log=True)
    assert [row["ITEM_IDS"] for row in log(project)] == [["i1"]]


# -- many at once


def batch(
    project: Project,
    folder: Path,
    asked: list[dict[str, Any] | bytes],
    **options: Any,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    text = b"".join(one if isinstance(one, bytes) else lines(one)[0] for one in asked)
    (folder / "in.jsonl").write_bytes(text)
    done = project.recommend_batch(folder / "in.jsonl", folder / "out.jsonl", **options)
    return done, [json.loads(line) for line in (folder / "out.jsonl").read_bytes().splitlines()]


def test_a_batch_answers_as_one_at_a_time_would(project: Project, tmp_path: Path) -> None:
    put(project, userId="u3", itemId="i1", sentAt=LATEST + HOUR)
    asked: list[dict[str, Any] | bytes] = [
        {"userId": "u0"},
        {"userId": "u3"},
        {"userId": "stranger", "itemList": ["i1", "x", "n2"]},
        {"userId": "u1", "filterValues": {"TYPES": '"watch"'}},
        {"userId": "u2", "at": LATEST + HOUR},
        {"userId": "u2", "at": "2023-11-15T00:00:00Z"},
    ]
    _, found = batch(project, tmp_path, asked, seed=5, log=False, campaign="explore", filter=BY_TYPE)
    for line, row in zip(asked, found, strict=True):
        assert row["input"] == line
        assert row["error"] is None
        assert isinstance(line, dict)
        alone = project.recommend(
            line["userId"],
            rank_items=line.get("itemList"),
            filter=BY_TYPE,
            filter_values=line.get("filterValues"),
            at=str(line["at"]) if "at" in line else None,
            seed=5,
            log=False,
            campaign="explore",
        )
        entries, output = alone["itemList"], row["output"]
        assert output["recommendedItems"] == [entry["itemId"] for entry in entries]
        assert output["explored"] == [entry["explored"] for entry in entries]
        for key, name in (("scores", "score"), ("propensities", "propensity")):
            values = [entry[name] for entry in entries]
            known = [value for value in values if value is not None]
            assert output[key][: len(known)] == pytest.approx(known, rel=1e-4)
            assert output[key][len(known) :] == values[len(known) :]
        assert output["recommendationId"] is None


BAD_LINES = [
    (b"nonsense\n", "not JSON"),
    (b"\xff\xfe\n", "not JSON"),
    ({"itemId": "i1"}, "userId"),
    ({"userId": 5.5}, "userId: not a string"),
    ({"userId": True}, "userId: not a string"),
    ({"userId": ""}, "userId: an id of 0 characters"),
    ({"userId": "x" * 257}, "userId: an id of 257 characters"),
    ({"userId": "a\0b"}, "userId: an id with a NUL in it"),
    (b"[1]\n", "userId"),
    ({"userId": "u1", "itemList": "i1"}, "itemList"),
    ({"userId": "u1", "itemList": []}, "0 items"),
    ({"userId": "u1", "itemList": ["i1", ""]}, "items to rank: an id of 0 characters"),
    ({"userId": "u1", "itemList": [None]}, "items to rank: not a string"),
    ({"userId": "u1", "at": "yesterday"}, "at: "),
    ({"userId": "u1", "filterValues": ["x"]}, "filterValues"),
    ({"userId": "u1", "filterValues": {"TYPES": 5}}, "filterValues"),
    ({"userId": "u1", "filterValues": {"OTHER": "x"}}, "OTHER"),
    ({"userId": "u1", "filterValues": {"TYPES": '"'}}, "TYPES"),
]


def test_a_bad_line_reports_in_its_place_and_the_job_goes_on(project: Project, tmp_path: Path) -> None:
    asked: list[dict[str, Any] | bytes] = []
    for line, _ in BAD_LINES:
        asked += [line, {"userId": "u1"}, b"\n"]
    done, found = batch(project, tmp_path, asked, filter=BY_TYPE)
    assert (done["lines"], done["errors"]) == (2 * len(BAD_LINES), len(BAD_LINES))
    for (line, reason), row in zip(BAD_LINES, found[::2], strict=True):
        assert row["output"] is None
        assert reason in row["error"], line
        if isinstance(line, dict):
            assert row["input"] == line
    assert all(row["error"] is None and len(row["output"]["recommendedItems"]) == 25 for row in found[1::2])
    assert len(log(project)) == len(BAD_LINES)


def test_whole_numbers_are_the_ids_that_they_spell(project: Project, tmp_path: Path) -> None:
    put(project, userId=7, itemId=12, sentAt=LATEST + HOUR)
    project.train(mode="update")
    project.update_campaign("exploit")
    asked: list[dict[str, Any] | bytes] = [
        {"userId": number(7), "itemList": [number(12), "i1"]} for number in (int, str)
    ]
    _, found = batch(project, tmp_path, asked, log=False, campaign="exploit")
    assert found[0]["input"] == {"userId": 7, "itemList": [12, "i1"]}
    assert found[0]["output"] == found[1]["output"]
    assert None not in found[0]["output"]["scores"]


def test_an_input_that_is_not_json_lines_is_said_to_be_none(project: Project, tmp_path: Path) -> None:
    done, _ = batch(project, tmp_path, [b"USER_ID\n", b"1\n"])
    [warning] = done["warnings"]
    assert "in.jsonl does not look like JSON Lines" in warning
    assert (done["lines"], done["errors"]) == (2, 2)
    for asked in ([b"\n"], [b"nonsense\n", {"userId": "u1"}]):
        assert batch(project, tmp_path, asked)[0]["warnings"] == []


def test_a_file_that_cannot_be_read_or_written_is_named(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"".join(lines({"userId": "u1"})))
    plain_open = Path.open

    def refuse(path: Path, *arguments: Any) -> Any:
        if path == source:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return plain_open(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        with pytest.raises(ResourceError, match=r"in\.jsonl: permission denied") as caught:
            project.recommend_batch(source, target)
    assert caught.value.hint == "make it readable, then run the command again"
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(ResourceError, match=r"out\.jsonl: No space") as caught:
        project.recommend_batch(source, target, log=False)
    assert caught.value.path == str(target)


def full_disk(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_batch_is_logged_in_order_before_its_lines_come_out(
    project: Project, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "MAX_BLOCK", 8)
    monkeypatch.setattr(many, "ROWS_PER_COMMIT", 20)
    users = world.users[:50]
    done, found = batch(project, tmp_path, [{"userId": user} for user in users], num_results=3)
    assert [row["input"]["userId"] for row in found] == list(users)
    assert done["lines"] == 50
    rows = log(project)
    assert [row["USER_ID"] for row in rows] == list(users)
    assert [row["RECOMMENDATION_ID"] for row in rows] == [row["output"]["recommendationId"] for row in found]
    assert [row["ITEM_IDS"] for row in rows] == [row["output"]["recommendedItems"] for row in found]
    # Blocks of 8 are released at 24, 48 and at the end.
    assert Table(project.layout, "recommendations").snapshot().version == 3


def test_the_output_of_a_batch_is_replaced_whole_or_not_at_all(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "MAX_BLOCK", 1)
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"".join(lines({"userId": "u1"}, {"userId": "u2"})))
    target.write_text("yesterday's answers\n")

    def interrupt(report: Progress) -> None:
        if report.done == 2:
            raise KeyboardInterrupt

    before = set(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        project.recommend_batch(source, target, progress=interrupt)
    assert target.read_text() == "yesterday's answers\n"
    assert set(tmp_path.iterdir()) == before
    project.recommend_batch(source, target)
    assert len(target.read_bytes().splitlines()) == 2


def test_a_batch_of_nothing_is_an_empty_file(project: Project, tmp_path: Path) -> None:
    done, found = batch(project, tmp_path, [b"\n"])
    assert (done["lines"], done["errors"], found) == (0, 0, [])
    assert done["solutionVersion"] == "default@v1"


def test_a_batch_needs_an_input_that_is_not_its_output(project: Project, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"in\.jsonl"):
        project.recommend_batch(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    (tmp_path / "in.jsonl").write_bytes(b"")
    with pytest.raises(UsageError, match="same file"):
        project.recommend_batch(tmp_path / "in.jsonl", tmp_path / "in.jsonl")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(LATEST + 5 * HOUR))


@pytest.mark.usefixtures("clock")
def test_by_default_a_request_is_made_now(project: Project) -> None:
    put(project, userId="u0", itemId="i1", sentAt=LATEST + 4 * HOUR)
    assert ask(project) == ask(project, at=str(LATEST + 5 * HOUR))
    ask(project, log=True)
    assert log(project)[0]["TIMESTAMP"] == LATEST + 5 * HOUR


def test_a_byte_order_mark_before_the_input_is_no_part_of_it(project: Project, tmp_path: Path) -> None:
    done, [row] = batch(project, tmp_path, [b'\xef\xbb\xbf{"userId": "u1"}\n'])
    assert (row["error"], row["input"], done["warnings"]) == (None, {"userId": "u1"}, [])


def test_a_filter_without_a_name_is_no_filter_that_lets_everything_through(project: Project) -> None:
    with pytest.raises(NewfoundError) as refused:
        ask(project, filter="")
    assert refused.value.exit_code == 2


def test_an_unknown_item_that_is_ranked_is_explained_by_nothing(project: Project) -> None:
    known, unknown = ask(project, rank_items=["i1", "x"], explain=True)["itemList"]
    assert known.keys() == unknown.keys()
    assert unknown["reason"] == "not known to this version"
    assert not any(unknown[name] for name in known.keys() - {"itemId", "reason"})
