"""Answers to many users as Parquet; tests/test_recommending.py holds what is the same in both formats."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from newfound import batch as many
from newfound.errors import BusyError, UsageError
from newfound.project import Project
from newfound.store.locks import lock
from newfound.store.tables import Table
from tests.worlds import World, lines

COLUMNS = {
    "userId": pl.String,
    "input": pl.String,
    "recommendationId": pl.String,
    "recommendedItems": pl.List(pl.String),
    "scores": pl.List(pl.Float64),
    "propensities": pl.List(pl.Float64),
    "explored": pl.List(pl.Boolean),
    "error": pl.String,
}
ASKED = lines(
    {"userId": "u0"},
    {"userId": 5},
    {"userId": ""},
    {"userId": "stranger", "itemList": ["i1", "x", "n2"]},
    {"userId": "u7", "at": 1_700_000_000},
)


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"".join([*ASKED, b"nonsense\n"]))
    return path


def test_parquet_has_the_content_of_the_json_lines(project: Project, tmp_path: Path, requests: Path) -> None:
    for name in ("out.jsonl", "out.parquet"):
        done = project.recommend_batch(requests, tmp_path / name, seed=3, log=False, campaign="explore")
        assert (done["lines"], done["errors"]) == (6, 2)
    table = pl.read_parquet(tmp_path / "out.parquet")
    assert dict(table.schema) == COLUMNS
    expected = [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    for found, row in zip(table.to_dicts(), expected, strict=True):
        assert json.loads(found["input"]) == row["input"]
        assert found["error"] == row["error"]
        assert found["userId"] == (str(row["input"]["userId"]) if row["error"] is None else None)
        output = row["output"] or dict.fromkeys(list(COLUMNS)[2:-1])
        assert {name: found[name] for name in output} == output


def test_answers_in_parquet_are_logged_first(
    project: Project, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "MAX_BLOCK", 4)
    monkeypatch.setattr(many, "ROWS_PER_COMMIT", 10)
    users = world.users[:30]
    (tmp_path / "in.jsonl").write_bytes(b"".join(lines(*({"userId": user} for user in users))))
    project.recommend_batch(tmp_path / "in.jsonl", tmp_path / "out.parquet", num_results=3)
    answered = pl.read_parquet(tmp_path / "out.parquet")
    assert answered["userId"].to_list() == list(users)
    log = Table(project.layout, "recommendations")
    logged = pl.DataFrame(log.read())
    assert logged["RECOMMENDATION_ID"].to_list() == answered["recommendationId"].to_list()
    assert logged["ITEM_IDS"].to_list() == answered["recommendedItems"].to_list()
    assert logged["PROPENSITIES"].to_list() == answered["propensities"].to_list()
    assert log.snapshot().version == 3


def test_no_answers_are_a_parquet_file_without_rows(project: Project, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"")
    project.recommend_batch(tmp_path / "in.jsonl", tmp_path / "out.parquet")
    assert dict(pl.read_parquet_schema(tmp_path / "out.parquet")) == COLUMNS


def test_what_goes_wrong_meanwhile_is_raised_as_it_is_and_the_old_file_stays(
    project: Project, tmp_path: Path, requests: Path
) -> None:
    output = tmp_path / "out.parquet"
    output.write_bytes(b"yesterday")
    waiting = replace(project, lock_timeout=0)
    with lock(project.layout.lock("recommendations"), 0, "test"), pytest.raises(BusyError):
        waiting.recommend_batch(requests, output)

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.recommend_batch(requests, output, progress=interrupt)
    assert output.read_bytes() == b"yesterday"
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.parquet", "copied"}


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl.gz"])
def test_an_output_in_another_format_is_refused_before_anything_is_logged(
    project: Project, tmp_path: Path, requests: Path, name: str
) -> None:
    before = Table(project.layout, "recommendations").snapshot().version
    with pytest.raises(UsageError, match="JSON Lines or Parquet"):
        project.recommend_batch(requests, tmp_path / name)
    assert not (tmp_path / name).exists()
    assert Table(project.layout, "recommendations").snapshot().version == before


def test_blocks_come_out_in_the_order_of_their_lines(
    project: Project, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "MAX_BLOCK", 1)
    users = [*world.users[:20], "", *world.users[20:40]]
    (tmp_path / "in.jsonl").write_bytes(b"".join(lines(*({"userId": user} for user in users))))
    done = project.recommend_batch(tmp_path / "in.jsonl", tmp_path / "out.jsonl", seed=1, num_results=3)
    assert (done["lines"], done["errors"]) == (41, 1)
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert [row["input"]["userId"] for row in found] == users
    for row in found[::10]:
        alone = project.recommend(row["input"]["userId"] or "u0", seed=1, num_results=3, log=False)
        if row["error"] is None:
            assert row["output"]["recommendedItems"] == [entry["itemId"] for entry in alone["itemList"]]


FORKED = """
import os, sys
from pathlib import Path
import newfound.batch as many
from newfound.errors import DamagedError
from newfound.project import Project
from newfound.workers import can_fork

project, source, folder = Project(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3])
many.MAX_BLOCK, many.WORKERS = 3, 3
assert can_fork()

def childless():
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
"""


def in_a_new_process(project: Project, source: Path, folder: Path, script: str) -> str:
    """What a process prints that can be copied, as that of the tests cannot: it has native threads.

    The command line, too, lets numpy start none.
    """
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        FORKED + script,
        str(project.root),
        str(source),
        str(folder),
    ]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_processes_and_threads_give_the_same_files_and_log(
    project: Project, world: World, tmp_path: Path
) -> None:
    asked = [*ASKED, *lines(*({"userId": user} for user in world.users[:20])), b"nonsense\n"]
    (tmp_path / "in.jsonl").write_bytes(b"".join(asked))
    script = """
for name in ("jsonl", "parquet"):
    for way in (can_fork, lambda: False):
        many.can_fork = way
        done = project.recommend_batch(source, folder / f"{way.__name__}.{name}", seed=3, campaign="explore", log=False)
        print(done["lines"], done["errors"], childless())
many.can_fork = can_fork
project.recommend_batch(source, folder / "logged.parquet", num_results=3)
"""
    assert in_a_new_process(project, tmp_path / "in.jsonl", tmp_path, script) == "26 2 True\n" * 4
    for name in ("jsonl", "parquet"):
        forked, threaded = (tmp_path / f"{way}.{name}" for way in ("can_fork", "<lambda>"))
        assert forked.read_bytes() == threaded.read_bytes()
    answered = pl.read_parquet(tmp_path / "logged.parquet").filter(pl.col("error").is_null())
    logged = pl.DataFrame(Table(project.layout, "recommendations").read())[-len(answered) :]
    assert logged["RECOMMENDATION_ID"].to_list() == answered["recommendationId"].to_list()
    # An item to rank that is unknown has none, and is not logged.
    assert logged["PROPENSITIES"].to_list() == answered["propensities"].list.drop_nulls().to_list()


def test_an_interruption_or_an_error_of_a_process_leaves_neither_output_nor_processes(
    project: Project, world: World, tmp_path: Path
) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"".join(lines(*({"userId": user} for user in world.users[:20]))))
    before = Table(project.layout, "recommendations").snapshot().version
    script = """
def interrupt(_):
    raise KeyboardInterrupt

def fail(*_):
    raise DamagedError("what happened", "what to do", "where")

for name in ("out.jsonl", "out.parquet"):
    try:
        project.recommend_batch(source, folder / name, progress=interrupt)
    except KeyboardInterrupt:
        print("interrupted", childless())
many._answer_block = fail
try:
    project.recommend_batch(source, folder / "out.jsonl")
except DamagedError as error:
    print(error.message, error.hint, error.path, childless(), sep="|")
"""
    expected = "interrupted True\n" * 2 + "what happened|what to do|where|True\n"
    (tmp_path / "made").mkdir()
    assert in_a_new_process(project, tmp_path / "in.jsonl", tmp_path / "made", script) == expected
    assert not list((tmp_path / "made").iterdir())
    assert Table(project.layout, "recommendations").snapshot().version == before
