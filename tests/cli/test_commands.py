"""What holds for every command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from jsonschema import Draft202012Validator
from typer.core import TyperGroup
from typer.main import get_command

from newfound.errors import BusyError, DamagedError, NotFoundError
from newfound_cli.app import COMMANDS as LISTED
from newfound_cli.app import root

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Double

OUTPUTS = Path(__file__).parents[2] / "schemas" / "output"


def test_json_is_one_document_that_fits_its_schema(
    cli: Cli, project: Double, line: str, method: str, schema: str
) -> None:
    outcome = cli(*shlex.split(line), "--json")
    assert outcome.code == 0
    assert outcome.out.endswith("\n") and outcome.out.count("\n") == 1
    assert [name for name, _, _ in project.calls] == [method]
    Draft202012Validator(orjson.loads((OUTPUTS / f"{schema}.json").read_bytes())).validate(outcome.json)


def test_a_person_gets_words_and_no_json(cli: Cli, line: str) -> None:
    outcome = cli(*shlex.split(line))
    assert outcome.code == 0
    assert outcome.out.strip()
    assert not outcome.out.startswith("{") or line.startswith("schema ")


def test_global_options_work_before_and_after_the_command(cli: Cli, project: Double, line: str) -> None:
    options = ["-C", "shop", "--json", "-q", "--no-color", "--lock-timeout", "3"]
    before, after = cli(*options, *shlex.split(line)), cli(*shlex.split(line), *options)
    assert before == after
    assert project.calls[0] == project.calls[1]


def test_quiet_leaves_standard_error_empty(cli: Cli, line: str) -> None:
    assert cli(*shlex.split(line), "-q").err == ""


def test_help_shows_an_example_that_starts_with_the_command(cli: Cli, line: str) -> None:
    words = shlex.split(line)
    single = words[0] in ("init", "status", "recommend", "simulate", "evaluate", "verify", "compact")
    command = words[:1] if single else words[:2]
    outcome = cli(*command, "--help")
    assert outcome.code == 0
    example = outcome.out.partition("Example:")[2]
    assert "newfound " in example and f" {' '.join(command)}" in example


@pytest.mark.parametrize(
    "error", [NotFoundError("no such thing"), BusyError("busy"), DamagedError("bad bytes")]
)
def test_errors_keep_their_exit_code_and_are_json_too(
    cli: Cli, project: Double, line: str, method: str, error: NotFoundError
) -> None:
    project.answers[method] = error
    outcome = cli("--json", *shlex.split(line))
    assert outcome.code == error.exit_code
    assert outcome.json["error"]["code"] == error.code
    assert outcome.err == f"error: {error.message}\n"


def test_every_leaf_of_the_tree_of_commands_is_exercised_here(lines: list[str]) -> None:
    def leaves(command: TyperGroup, *path: str) -> Iterator[tuple[str, ...]]:
        if not isinstance(command, TyperGroup):
            yield path
            return
        for name in command.list_commands(None):
            yield from leaves(command.get_command(None, name), *path, name)

    exercised = {" ".join(line.split()[:n]) for line in lines for n in (1, 2)}
    assert {" ".join(path) for path in leaves(get_command(root))} <= exercised | {"demo"}


@pytest.mark.parametrize("name", LISTED)
def test_the_line_in_the_list_of_commands_is_the_first_line_of_their_help(cli: Cli, name: str) -> None:
    help_text = cli(name, "--help").out.partition("\n\n")[2].strip().splitlines()[0]
    assert help_text == LISTED[name]


@pytest.mark.parametrize("path", sorted(OUTPUTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_schema_is_valid_and_open(path: Path) -> None:
    document = orjson.loads(path.read_bytes())
    Draft202012Validator.check_schema(document)
    assert document["$schema"].endswith("draft/2020-12/schema")
    assert document["additionalProperties"] is True


def test_metrics_show_slices_and_end_in_words(cli: Cli) -> None:
    out = cli("solution", "metrics").out
    assert "longHistories" in out
    assert out.endswith("good: better than popularity: NDCG@10 +100% [+50%, +150%]\n")


def test_trials_are_a_table_with_the_best_marked(cli: Cli, project: Double) -> None:
    settings = {"hidden_dimension": 64, "bptt": 32, "recency_mask": True}
    trial = {"hyperparameters": settings, "ndcg": 0.2, "interval": [0.1, 0.3], "seconds": 9.5}
    trials = [{"trial": 1, **trial, "best": False}, {"trial": 2, **trial, "best": True}]
    project.answers["train"] = {**project.answers["train"], "trainingMode": "FULL", "trials": trials}
    lines = cli("solution", "train", "--tune", "2").out.splitlines()
    assert lines[0].split() == [
        "trial",
        "hidden_dimension",
        "bptt",
        "recency_mask",
        "ndcg",
        "interval",
        "seconds",
        "best",
    ]
    assert lines[2].split() == ["2", "64", "32", "yes", "0.2", "0.1,", "0.3", "9.5", "yes"]
