"""No text from outside acts on a terminal, and JSON gives it back exactly."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.errors import NotFoundError, RowError
from newfound_cli.text import clean, dump_json, heading, iso, show

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Double

BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
HOSTILE = [
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m",
    "\u202egnp.exe",
    "\x00nul",
    "\x7fdel",
    "one\ntwo\rthree\tfour",
    "\u2028\u2029\u2066\u200f",
    "[/bold] [link=http://x]y[/link]",
]


def is_safe(text: str) -> bool:
    return not any(
        unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(letter) in BIDI
        for letter in text
    )


@given(st.text(st.characters(), max_size=50))
def test_clean_text_is_one_line_without_control_characters(text: str) -> None:
    assert is_safe(clean(text))
    assert len(clean(text)) == len(text)
    assert clean(clean(text)) == clean(text)


@given(st.text(st.characters(codec="utf-8"), max_size=50))
def test_json_is_safe_to_print_and_gives_every_string_back(text: str) -> None:
    written = dump_json({text: [text]})
    assert is_safe(written)
    assert orjson.loads(written) == {text: [text]}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_hostile_titles_and_ids_reach_no_output(
    cli: Cli, project: Double, hostile: str, options: list[str]
) -> None:
    item = {"itemId": hostile, "title": hostile, "score": 0.5, "propensity": 1.0, "explored": False}
    answer = {**project.answers["recommend"], "userId": hostile, "itemList": [item], "warnings": [hostile]}
    project.answers["recommend"] = answer
    outcome = cli("recommend", "--user", "1", *options)
    assert outcome.code == 0
    assert all(is_safe(line) for line in (outcome.out + outcome.err).split("\n"))
    assert len(outcome.out.splitlines()) == (1 if options else 3)
    if options:
        assert outcome.json["itemList"] == [item]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_errors_and_arguments_stay_one_line(cli: Cli, project: Double, hostile: str) -> None:
    project.answers["status"] = NotFoundError(hostile, hostile, hostile)
    row = {"file": hostile, "row": 2, "column": hostile, "value": hostile, "reason": hostile}
    project.answers["verify"] = RowError("bad rows", rows=[row])
    for arguments in (["status"], ["verify"], [hostile], ["status", f"--{hostile}"], ["recommend", hostile]):
        outcome = cli(*arguments)
        assert outcome.code > 1
        assert outcome.err.count("\n") == (2 if arguments == ["verify"] else 1)
        assert all(is_safe(line) for line in outcome.err.split("\n"))


def test_values_are_written_for_a_person() -> None:
    written = {
        ("rows", 1204): "1,204",
        ("score", 0.01234567): "0.01235",
        ("parent", None): "-",
        ("followLatest", True): "yes",
        ("lastTimestamp", 1597266000): "1597266000 (2020-08-12T21:00:00Z)",
        ("creationDateTime", 1.5): "1 (1970-01-01T00:00:01Z)",
        ("userId", "007"): "007",
    }
    assert {pair: show(*pair) for pair in written} == written
    assert show("interval", [0.1, 0.25]) == "0.1, 0.25"
    assert show("parameters", []) == "-"
    assert show("metrics", {"coverage": 0.5}) == "coverage=0.5"


def test_a_time_outside_the_calendar_stays_a_number() -> None:
    assert iso(1e18) == "1e+18"


def test_keys_become_words() -> None:
    assert heading("explorationItemAgeCutoff") == "exploration item age cutoff"
    assert heading("precision_at_5") == "precision_at_5"
