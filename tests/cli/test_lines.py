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
    "nan": "nan",
    "[1]": "[1]",
    "": "",
    "2020-01-01T00:00:00Z": "2020-01-01T00:00:00Z",
}


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
    assert lines[0].startswith("error: 30 of the lines rejected, 0 accepted")
    assert lines[1:] == [f"  line {k}: no userId" for k in range(1, 21)]
    as_json = cli("events", "put", "/dev/null", "--json")
    assert as_json.code == 3
    assert as_json.json["rejected"] == rejected
    assert as_json.json["error"]["code"] == "bad-rows"


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
