"""`newfound evaluate --log` on real files: no project needed, exit codes as the contract says."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from newfound_cli.dispatch import run

HEADER = "ITEM_ID,POSITION,PROPENSITY,TARGET_PROPENSITY,REWARD"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two items, evenly shown; the target prefers the better one, which earns 0.4 instead of 0.2."""
    chance = random.Random(0)
    rows = []
    for _ in range(2_000):
        good = chance.random() < 0.5
        rows.append(
            f"{'good' if good else 'bad'},1,0.5,{0.9 if good else 0.1},{int(chance.random() < (0.4 if good else 0.2))}"
        )
    path = tmp_path / "log.csv"
    path.write_text("\n".join([HEADER, *rows, ""]))
    return path


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = run(["evaluate", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_log_from_elsewhere_needs_no_project(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "--log", log, "--json")
    found: dict[str, Any] = orjson.loads(out)
    low, high = found["interval"]
    assert (code, low < 0.38 < high) == (0, True)
    assert found["difference"]["interval"][0] > 0
    code, out, _ = call(capsys, "--log", log)
    assert code == 0
    assert "better" in out
    assert "snips" in out


@pytest.mark.parametrize(
    ("text", "words", "code", "message"),
    [
        ("ITEM_ID,REWARD\na,1\n", [], 7, "no propensities"),
        (f"{HEADER}\na,1,0.5,0.5,1\n", [], 7, "effective sample size"),
        (f"{HEADER}\na,1,2,0.5,1\n", [], 3, "not a propensity"),
        ("ITEM_ID,PROPENSITY\na,1\n", [], 3, "no column REWARD"),
        ("ITEM_ID,PROPENSITY,REWARD\na,1,1\n", [], 2, "TARGET_PROPENSITY"),
        (f"{HEADER}\na,1,0.5,0.5,1\n", ["--exploration-weight", "0.1"], 2, "its own target"),
        (f"{HEADER}\na,1,0.5,0.5,1\n", ["--clip", "-1"], 2, "clipped"),
        (f"{HEADER}\na,1,0.5,0.5,1\n", ["--map", "X=Y"], 3, "no column"),
    ],
)
def test_what_cannot_be_answered_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: list[str], code: int, message: str
) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    found, out, err = call(capsys, "--log", path, *words, "--json")
    assert (found, message in err) == (code, True), err
    assert orjson.loads(out)["error"]["message"] in err


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "--log", tmp_path / "none.csv")[0] == 4
    assert call(capsys, "--target-log", tmp_path / "none.csv")[0] == 2
