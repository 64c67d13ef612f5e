"""Where the project is found, and how options become arguments of the core."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from newfound.errors import NotFoundError, UsageError
from newfound_cli import context

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Double


def test_the_project_option_and_the_lock_timeout_reach_the_project(cli: Cli, project: Double) -> None:
    cli("-C", "shop", "status", "--lock-timeout", "2.5")
    assert (project.opened, project.lock_timeout) == (Path("shop"), 2.5)
    cli("status")
    assert (project.opened, project.lock_timeout) == (None, 60.0)


def test_init_takes_its_directory_from_the_argument_else_from_the_project_option(
    cli: Cli, project: Double
) -> None:
    for arguments in (["init", "a"], ["-C", "b", "init"], ["init"]):
        cli(*arguments)
    assert [arguments for _, arguments, _ in project.calls] == [(Path("a"),), (Path("b"),), (Path(),)]


def test_pairs_split_at_the_first_equals_sign() -> None:
    assert context.pairs(["A=1", "B=x=y", "C="], "--map") == {"A": "1", "B": "x=y", "C": ""}
    assert context.pairs(None, "--map") == {}


@pytest.mark.parametrize("values", [["A"], ["=1"], ["A=1", "A=2"]])
def test_malformed_pairs_are_refused(values: list[str]) -> None:
    with pytest.raises(UsageError):
        context.pairs(values, "--map")


OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "recommend --user 007 -k 5 --filter f --filter-value G=a --explain --seed 3 --no-log "
    "--at 2020-01-01T00:00:00Z": (
        "recommend",
        {
            "rank_items": None,
            "campaign": "default",
            "num_results": 5,
            "filter": "f",
            "filter_values": {"G": "a"},
            "explain": True,
            "seed": 3,
            "log": False,
            "at": "2020-01-01T00:00:00Z",
        },
    ),
    "solution train buyers --mode update --seed 4 --parent buyers@v1 --resume --max-minutes 1.5 --tune 3 --in-time "
    "--from-scratch": (
        "train",
        {
            "mode": "update",
            "seed": 4,
            "parent": "buyers@v1",
            "resume": True,
            "max_minutes": 1.5,
            "tune": 3,
            "in_time": True,
            "from_scratch": True,
        },
    ),
    "dataset import items s3://b/x --map M=ITEM_ID --mode incremental --dry-run --on-error skip "
    "--rejects r": (
        "import_dataset",
        {
            "schema": None,
            "mode": "incremental",
            "mapping": {"M": "ITEM_ID"},
            "dry_run": True,
            "on_error": "skip",
            "rejects": Path("r"),
        },
    ),
    "campaign update bold --solution default@v1 --exploration-item-age-cut-off 7": (
        "update_campaign",
        {
            "solution": "default@v1",
            "exploration_weight": None,
            "exploration_item_age_cutoff": 7.0,
            "follow_latest": None,
        },
    ),
    "solution create b --recipe sims --event-type buy --event-value-threshold 3 --hyperparameter bptt=8": (
        "create_solution",
        {
            "recipe": "sims",
            "event_type": "buy",
            "event_value_threshold": 3.0,
            "hyperparameters": {"bptt": "8"},
        },
    ),
}


@pytest.mark.parametrize("typed", OPTIONS)
def test_options_reach_the_core_as_typed(cli: Cli, project: Double, typed: str) -> None:
    assert cli(*typed.split()).code == 0
    name, arguments, options = project.calls[0]
    options.pop("progress", None)
    assert (name, options) == OPTIONS[typed]
    if name == "import_dataset":
        assert arguments == ("items", ["s3://b/x"])


def test_compact_turns_days_into_a_time(cli: Cli, project: Double) -> None:
    cli("compact")
    cli("compact", "--older-than", "90")
    (_, (never,), _), (_, (before,), _) = project.calls
    assert never is None
    assert abs(time.time() - 90 * 86_400 - before) < 60


def test_lines_come_from_a_file_or_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"1\n2\n")
    with context.open_lines(str(tmp_path / "a.jsonl")) as stream:
        assert list(stream) == [b"1\n", b"2\n"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"3\n")))
    with context.open_lines("-") as stream:
        assert list(stream) == [b"3\n"]


def test_a_missing_file_is_exit_4_and_a_directory_exit_3(cli: Cli, tmp_path: Path) -> None:
    assert cli("events", "put", str(tmp_path / "none.jsonl")).code == 4
    assert cli("items", "put", str(tmp_path)).code == 3


def complete(words: str, *, named: list[str], error: bool = False) -> list[str]:
    code = f"""
import sys
import time
from newfound.errors import NotFoundError
from newfound_cli import context, main
class Project:
    @classmethod
    def open(cls, directory):
        if {error}: raise NotFoundError("none")
        return cls()
    def campaigns(self): return [{{"name": name}} for name in {named}]
    solutions = filters = campaigns
    def versions(self, name):
        kinds = {{1: "ACTIVE", 2: "CREATE FAILED"}}
        return [{{"solutionVersion": f"{{name}}@v{{n}}", "status": kind}} for n, kind in kinds.items()]
context.facade = lambda: sys.modules[__name__]
main.main()
"""
    environment = {
        **os.environ,
        "_NEWFOUND_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    "words",
    [
        "campaign describe ",
        "solution train ",
        "filter delete ",
        "recommend --campaign ",
        "recommend --filter ",
    ],
)
def test_completion_offers_names(words: str) -> None:
    assert complete(f"newfound {words}b", named=["bold", "default"]) == ["bold"]


@pytest.mark.parametrize("words", ["solution metrics ", "campaign update --solution "])
def test_completion_offers_versions_that_can_serve(words: str) -> None:
    assert complete(f"newfound {words}b", named=["bold", "default"]) == ["bold", "bold@v1"]


def test_completion_is_silent_where_there_is_no_project() -> None:
    assert complete("newfound campaign describe ", named=["bold"], error=True) == []


def test_completion_offers_commands() -> None:
    assert complete("newfound rec", named=[]) == ["recommend"]


def test_completion_never_prints_a_name_that_could_act_on_the_terminal() -> None:
    assert complete("newfound campaign describe ", named=["\x9b2J", "\u202e", "a\nb", "fine"]) == ["fine"]


def test_no_project_is_exit_4(cli: Cli, project: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nowhere:
        @staticmethod
        def open(directory: Path | None) -> None:
            raise NotFoundError("no project here", "newfound init", str(directory))

    monkeypatch.setattr(context, "facade", lambda: SimpleNamespace(Project=Nowhere))
    assert cli("status").code == 4
