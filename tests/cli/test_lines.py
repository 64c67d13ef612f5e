"""Events, items and users as lines, and what the command says of rejected ones."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import orjson
import pytest

from newfound.errors import RowError

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Double


def test_one_event_is_built_from_options(cli: Cli, project: Double) -> None:
    typed = "events put --user 1 --item 007 --event-type buy --value 2.5 --timestamp 1700000000 --session s"
    assert cli(*f"{typed} --event-id e --recommendation-id RID-1 --impression 007,8".split()).code == 0
    _, ([line],), options = project.calls[0]
    assert options == {"on_error": "fail"}
    assert orjson.loads(line) == {
        "userId": "1",
        "itemId": "007",
        "eventType": "buy",
        "eventValue": 2.5,
        "sentAt": 1700000000,
        "sessionId": "s",
        "eventId": "e",
        "recommendationId": "RID-1",
        "impression": ["007", "8"],
    }


TIMES = {
    "17": 17,
    "17.5": 17.5,
    "2020-01-01T00:00:00Z": 1_577_836_800,
    "2020-01-01T01:00:00+01:00": 1_577_836_800,
}


@pytest.mark.parametrize("typed", ["nan", "1e999", "[1]", "", "yesterday", "2020-01-01"])
def test_what_is_no_time_is_a_bad_option(cli: Cli, project: Double, typed: str) -> None:
    outcome = cli("events", "put", "--user", "1", "--item", "2", "--timestamp", typed, "--json")
    assert outcome.code == 2
    assert outcome.json["error"]["message"].startswith("--timestamp: ")
    assert not project.calls


@pytest.mark.parametrize(("typed", "sent"), TIMES.items())
def test_a_time_is_a_number_or_text(cli: Cli, project: Double, typed: str, sent: object) -> None:
    cli("events", "put", "--user", "1", "--timestamp", typed)
    assert orjson.loads(project.calls[0][1][0][0])["sentAt"] == sent


@pytest.mark.parametrize("group", ["events", "items", "users"])
@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_many_lines_come_from_standard_input(
    cli: Cli, project: Double, group: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}\n\n{}\n")))
    assert cli(group, "put", *arguments, "--on-error", "skip").code == 0
    assert project.calls == [(f"put_{group}", ([b"{}\n", b"\n", b"{}\n"],), {"on_error": "skip"})]


def test_rejected_lines_are_exit_3_and_named(cli: Cli, project: Double) -> None:
    rejected = [{"line": k, "reason": "no userId"} for k in range(1, 31)]
    project.answers["put_events"] = {"accepted": 0, "duplicates": 0, "rejected": rejected}
    outcome = cli("events", "put", "/dev/null")
    assert outcome.code == 3
    lines = outcome.err.splitlines()
    assert lines[0] == (
        "error: 30 of the lines rejected, 0 accepted; the first is /dev/null:1; "
        "put them again once corrected; --on-error skip stores the good ones"
    )
    assert lines[1:] == [f"  /dev/null:{k}: no userId" for k in range(1, 21)]
    as_json = cli("events", "put", "/dev/null", "--json", "--on-error", "skip")
    assert as_json.code == 3
    assert as_json.json["rejected"] == rejected
    error = as_json.json["error"]
    assert (error["code"], error["path"]) == ("bad-rows", "/dev/null")
    assert error["hint"] == "put them again once corrected"


@pytest.mark.parametrize("group", ["events", "items", "users"])
def test_rejected_lines_of_standard_input_are_numbered(
    cli: Cli, project: Double, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}\n")))
    project.answers[f"put_{group}"] = {"accepted": 0, "rejected": [{"line": 1, "reason": "no userId"}]}
    outcome = cli(group, "put", "-", "--json")
    assert "the first is line 1;" in outcome.err
    assert "  line 1: no userId" in outcome.err
    assert (outcome.code, outcome.json["error"]["path"]) == (3, "")


def test_a_refused_event_of_options_has_no_lines(cli: Cli, project: Double) -> None:
    rejected = [{"line": 1, "reason": "sentAt: more than a day ahead"}]
    project.answers["put_events"] = {"accepted": 0, "duplicates": 0, "rejected": rejected}
    outcome = cli("events", "put", "--user", "1", "--item", "2", "--json")
    assert outcome.err == (
        "error: the event is refused: sentAt: more than a day ahead; give it with other options\n"
    )
    assert (outcome.code, outcome.json["rejected"]) == (3, rejected)


def test_bad_rows_of_an_import_are_shown_with_their_place(cli: Cli, project: Double) -> None:
    rows = [
        {"file": "i.csv", "row": k, "column": "TIMESTAMP", "value": "x", "reason": "not an integer"}
        for k in range(2, 32)
    ]
    project.answers["import_dataset"] = RowError("30 bad rows", "correct them", "i.csv", rows)
    outcome = cli("dataset", "import", "interactions", "i.csv")
    assert outcome.code == 3
    lines = outcome.err.splitlines()
    assert lines[0] == "error: 30 bad rows (i.csv); correct them"
    assert lines[1] == "  i.csv:2:TIMESTAMP: not an integer: 'x'"
    assert len(lines) == 21
    as_json = cli("dataset", "import", "interactions", "i.csv", "--json").json["error"]
    assert as_json["rows"] == rows[:20]


def test_a_row_that_is_bad_as_a_whole_has_no_column(cli: Cli, project: Double) -> None:
    row = {"file": "i.csv", "row": 2, "column": "", "value": "a,b,c", "reason": "not 2 fields"}
    project.answers["import_dataset"] = RowError("1 bad row", "correct it", "i.csv", [row])
    assert "  i.csv:2: not 2 fields: 'a,b,c'\n" in cli("dataset", "import", "interactions", "i.csv").err


def test_skipped_rows_are_a_line_each_beside_the_table(cli: Cli, project: Double) -> None:
    rows = [
        {"file": "i.csv", "row": k, "column": "TIMESTAMP", "value": "x", "reason": "not whole"}
        for k in (2, 3)
    ]
    project.answers["import_dataset"] = {"rowsRead": 2, "rowsRejected": 2, "rejected": rows}
    outcome = cli("dataset", "import", "interactions", "i.csv", "--on-error", "skip")
    assert "i.csv" not in outcome.out
    assert outcome.err.splitlines()[:2] == [f"  i.csv:{k}:TIMESTAMP: not whole: 'x'" for k in (2, 3)]
    as_json = cli("dataset", "import", "interactions", "i.csv", "--on-error", "skip", "--json")
    assert as_json.json["rejected"] == rows
