"""The demo tells its story with commands that anyone can type."""

from __future__ import annotations

import csv
import re
import shlex
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from newfound_cli import demo_views, demo_world
from newfound_cli.demo_world import World
from newfound_cli.tables import draw

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Double

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_world, "sample_data", lambda: ROOT / "sample_data")


@pytest.fixture
def story(project: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Double:
    """A project that shows everybody films 1 to 10, half of them new after the UPDATE."""
    monkeypatch.chdir(tmp_path)
    shown = [str(item) for item in range(1, 11)]

    def recommend(user: str, **options: Any) -> dict[str, Any]:
        items = [{"itemId": item, "score": 0.1, "propensity": 0.5, "explored": False} for item in shown]
        return {
            "recommendationId": "RID-1",
            "campaign": "x",
            "solutionVersion": "default@v1",
            "itemList": items,
        }

    def batch(source: Path, output: Path, **options: Any) -> dict[str, Any]:
        lines = [orjson.loads(line) for line in source.read_bytes().splitlines()]
        answer = {"recommendationId": "RID-1", "recommendedItems": [*shown[:9], "1840"]}
        output.write_bytes(
            b"".join(orjson.dumps({"input": line, "output": answer, "error": None}) + b"\n" for line in lines)
        )
        return summary

    summary = project.answers["recommend_batch"]
    project.answers |= {"recommend": recommend, "recommend_batch": batch}
    return project


def test_the_story_types_every_command_and_each_can_be_typed_again(cli: Cli, story: Double) -> None:
    outcome = cli("demo", "-q")
    assert outcome.code == 0 and outcome.err == ""
    typed = re.findall(r"^\$ newfound (.*)$", outcome.out.replace(" \\\n", " "), re.MULTILINE)
    names = [name for name, _, _ in story.calls]
    assert len(typed) == len(names)
    assert names == [
        "init",
        *["import_dataset"] * 2,
        "train",
        "metrics",
        *["create_campaign"] * 2,
        *["recommend"] * 2,
        "recommend_batch",
        "put_events",
        "train",
        *["update_campaign"] * 2,
        *["recommend"] * 2,
        "recommend_batch",
    ]
    again = [cli(*shlex.split(line), "-q").code for line in typed]
    assert not any(again)
    assert max(map(len, outcome.out.splitlines())) <= 100


def test_the_story_as_json_fits_its_schema(cli: Cli, story: Double) -> None:
    outcome = cli("demo", "tale", "--json", "-q")
    document = orjson.loads((ROOT / "schemas" / "output" / "demo.json").read_bytes())
    Draft202012Validator(document).validate(outcome.json)
    assert outcome.json["commands"][0] == "newfound init tale"


def test_a_directory_that_is_not_empty_is_refused(cli: Cli, story: Double, tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine.txt").write_text("precious")
    outcome = cli("demo")
    assert outcome.code == 2
    assert "name a new one" in outcome.err
    assert story.calls == []


def test_a_step_that_fails_ends_the_story_with_its_code(cli: Cli, story: Double) -> None:
    story.answers["train"] = MemoryError()
    assert cli("demo").code == 8
    assert cli("demo", "other", "--json").json["error"]["code"] == "resources"


def test_the_sample_data_is_moved_so_that_it_ends_an_hour_ago(tmp_path: Path) -> None:
    world = demo_world.write_sample(tmp_path / "sample")
    with (tmp_path / "sample" / "interactions.csv").open(newline="") as file:
        moved = list(csv.DictReader(file))
    with (ROOT / "sample_data" / "bandits-demo-interactions.csv").open(newline="") as file:
        original = list(csv.DictReader(file))
    shifts = {int(a["TIMESTAMP"]) - int(b["TIMESTAMP"]) for a, b in zip(moved, original, strict=True)}
    assert len(shifts) == 1
    assert abs(max(int(row["TIMESTAMP"]) for row in moved) - (time.time() - 3600)) < 60
    assert len(world.new) == 191 and all(int(item) > 1800 for item in world.new)
    assert len(world.tastes) == 1500 and {len(taste) for taste in world.tastes.values()} == {3}


def small_world() -> World:
    titles = {str(item): f"Film {item}" for item in range(8)}
    genres = {item: frozenset(["War"] if int(item) % 2 else ["Drama"]) for item in titles}
    return World(titles, genres, frozenset("4567"), {"u": frozenset(["War"])})


def test_people_click_good_new_films_of_their_genres_only() -> None:
    world = small_world()
    clicked = {item for item in world.titles if world.clicks("u", item)}
    assert clicked == {item for item in ("5", "7") if world.is_good(item)}


def test_every_page_gets_one_event_that_refers_to_it() -> None:
    world = small_world()
    good = next((item for item in ("5", "7") if world.is_good(item)), None)
    pages = [["0", "1"], ["0", "5", "7"]]
    answers = [
        {"input": {"userId": "u"}, "output": {"recommendationId": f"RID-{k}", "recommendedItems": page}}
        for k, page in enumerate(pages)
    ]
    without, with_ = demo_world.feedback(world, answers)
    assert without["eventType"] == "impression" and "itemId" not in without
    assert with_.get("itemId") == good
    assert [without["recommendationId"], with_["recommendationId"]] == ["RID-0", "RID-1"]
    assert demo_world.places(world, answers) == Counter({"5": 1, "7": 1})


def test_lists_stand_side_by_side_with_new_films_marked() -> None:
    table = demo_views.side_by_side(small_world(), {"a": ["0", "4"], "b": ["5", "6"]}, ["a", "b"])
    lines = draw(table, no_color=True).splitlines()
    assert lines[1].split() == ["0", "Film", "0", "*", "5", "Film", "5"]
    assert lines[-1].split("  ")[-1].strip() == "2 of 2 are new"


def pages(*shown: str) -> list[dict[str, Any]]:
    outputs = [{"recommendationId": "RID", "recommendedItems": list(items)} for items in shown]
    return [{"input": {"userId": "u"}, "output": output} for output in outputs]


def test_movement_and_effect_count_what_rose_and_what_fell() -> None:
    world = small_world()
    before, after = pages("04", "05", "45"), pages("57", "75")
    rows = demo_views.movement(world, before, after).rows
    assert [row[0].split()[1] for row in rows[:2]] == ["7", "5"]
    assert {row[0].split()[1]: list(row[2:]) for row in rows} == {
        "4": ["2", "0"],
        "5": ["2", "2"],
        "7": ["0", "2"],
    }
    effect = demo_views.effect(world, before, after)
    good, poor = effect["placesOfGoodNewFilms"], effect["placesOfPoorNewFilms"]
    assert (good[0] + poor[0], good[1] + poor[1]) == (4, 4)
    liked = [item for item in "57" if world.clicks("u", item)]
    assert effect["pagesWithClick"] == [2 * ("5" in liked), 2 * bool(liked)]
