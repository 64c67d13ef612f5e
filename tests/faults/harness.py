"""Run a command in a real process, kill it at a random moment, and look at what it left behind.

for dice in seeded(20):
    killed = run_and_kill(command, dice.uniform(0.1, 0.5))
    ... killed.lines is what it said before it died: the acknowledgements that must hold ...
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from newfound.store.layout import Layout
from newfound.store.verify import verify


@dataclass(frozen=True)
class Killed:
    """How a process ended: `killed` is false if it was done before its time came."""

    killed: bool
    returncode: int
    lines: list[str]
    errors: str


def environment() -> dict[str, str]:
    """The environment in which a new Python process imports what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def python(script: str, *arguments: object) -> list[str]:
    """The command that runs a script of Python text."""
    return [sys.executable, "-c", script, *map(str, arguments)]


def run_and_kill(command: Sequence[str], delay_seconds: float, after: str | None = None) -> Killed:
    """Run a command in a process group of its own and SIGKILL all of it after a delay.

    With `after`, the delay begins when the command has printed that line, so that no kill is wasted on its imports.
    """
    with subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        while after is not None and (line := process.stdout.readline()):
            lines.append(line.rstrip("\n"))
            if lines[-1] == after:
                break
        time.sleep(delay_seconds)
        killed = process.poll() is None
        if killed:
            os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
    whole = output.rpartition("\n")[0].split("\n") if "\n" in output else []
    return Killed(killed, process.returncode, lines + whole, errors)


def run_together(commands: Sequence[Sequence[str]]) -> list[str]:
    """Run commands at the same time to their ends and return what each printed; all must exit with 0."""
    processes = [
        subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return outputs


def seeded(rounds: int, seed: int = 0) -> Iterator[random.Random]:
    """Dice for each round; a failure names the round, which can then be repeated alone."""
    for number in range(rounds):
        yield random.Random(f"{seed}/{number}")


def assert_sound(root: Path, deep: bool = True) -> dict[str, int]:
    """Assert that a project verifies, and return the counts."""
    return verify(Layout(root), deep=deep)
