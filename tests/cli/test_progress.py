"""Long work tells how far it is: a bar on a terminal, few lines elsewhere, nothing on request."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from newfound.progress import Progress

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Double

REPORTS = [
    Progress("reading \x1b[2J", 1, 3),
    Progress("reading \x1b[2J", 2, 3),
    Progress("training", 1, None, "epoch 1"),
    Progress("training", 2, 2, "epoch 1 of 2, 3 s left"),
    Progress("training", 3, 4, "epoch 2 [red]"),
]


def train(project: Double) -> None:
    answer = project.answers["train"]

    def work(*_: object, progress: Callable[[Progress], None], **__: object) -> Any:
        for report in REPORTS:
            progress(report)
        return answer

    project.answers["train"] = work


def test_without_a_terminal_there_is_one_line_per_stage_or_epoch(cli: Cli, project: Double) -> None:
    train(project)
    outcome = cli("solution", "train", "--json")
    assert outcome.err.splitlines() == [
        "reading \N{REPLACEMENT CHARACTER}[2J",
        "training: epoch 1",
        "training: epoch 2 [red]",
    ]
    assert outcome.json == project.answers["train"](progress=lambda _: None)


def test_quiet_work_is_silent(cli: Cli, project: Double) -> None:
    train(project)
    assert cli("solution", "train", "-q").err == ""


def test_a_terminal_gets_a_bar_and_no_escape_sequence_of_others() -> None:
    code = """
import sys
from newfound.progress import Progress
from newfound_cli import context, main
class Project:
    @classmethod
    def open(cls, directory): return cls()
    def train(self, *_, progress, **__):
        for done in range(3): progress(Progress("stage \\x1b]0;x", done, 2, "epoch [red]"))
        progress(Progress("second", 1))
        return {"solutionVersion": "default@v1", "name": "default"}
context.facade = lambda: sys.modules[__name__]
main.main()
"""
    ours, theirs = pty.openpty()
    line = [sys.executable, "-c", code, "solution", "train", "--json"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=theirs, env=environment, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.stdout == b'{"solutionVersion":"default@v1","name":"default"}\n'
    assert "stage" in shown and "second" in shown and "epoch [red]" in shown
    assert "\x1b]0;x" not in shown
