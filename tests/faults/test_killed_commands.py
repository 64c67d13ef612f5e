"""import, events put, FULL, UPDATE and campaign update in real processes, killed -9 at random moments."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from newfound.project import Project
from newfound.store.versions import ACTIVE, FAILED
from tests.worlds import LATEST, World, write_world

from .harness import assert_sound, python, run_and_kill, seeded

NEWFOUND = """
import sys
from newfound_cli.main import main
print("ready", flush=True)
main()
"""


class Oracle:
    """What a project must hold, known from the acknowledgements alone."""

    def __init__(self, project: Project, world: World, folder: Path) -> None:
        self.project = project
        self.root = project.root
        self.files = dict(write_world(world, folder))
        self.folder = folder
        self.acknowledged: set[str] = set()
        self.rows = project.describe_dataset("interactions")["bulkRows"]
        self.versions = [version["solutionVersion"] for version in project.versions()]

    def kill(self, dice: random.Random, longest_seconds: float, *arguments: object) -> bool:
        """Run a command, kill it, and tell whether it had acknowledged (printed its result)."""
        command = python(NEWFOUND, "-C", self.root, "--json", *arguments)
        done = run_and_kill(command, dice.uniform(0, longest_seconds), after="ready")
        assert done.killed or done.returncode == 0, done.errors
        return len(done.lines) > 1 and done.lines[-1].startswith("{")

    def kill_import(self, dice: random.Random) -> None:
        self.kill(dice, 0.8, "dataset", "import", "interactions", self.files["interactions"])
        assert self.project.describe_dataset("interactions")["bulkRows"] == self.rows

    def kill_put(self, dice: random.Random) -> None:
        names = [f"e{dice.getrandbits(64):x}" for _ in range(20)]
        events = [{"userId": "u1", "itemId": "i1", "eventId": name, "sentAt": LATEST} for name in names]
        lines = self.folder / "events.jsonl"
        lines.write_text("".join(json.dumps(event) + "\n" for event in events))
        if self.kill(dice, 0.3, "events", "put", lines):
            self.acknowledged.update(names)
        again = self.project.put_events([json.dumps(event).encode() for event in events])
        assert again["accepted"] in (0, 20), "a put was stored in part"
        assert again["accepted"] + again["duplicates"] == 20
        self.acknowledged.update(names)

    def kill_full(self, dice: random.Random) -> None:
        self.kill(dice, 8, "solution", "train", "--mode", "full")

    def kill_update(self, dice: random.Random) -> None:
        self.kill_put(dice)
        self.kill(dice, 0.8, "solution", "train", "--mode", "update")

    def kill_campaign_update(self, dice: random.Random) -> None:
        name = dice.choice(["exploit", "default", "explore"])
        before = self.project.campaign(name)["solutionVersion"]
        self.kill(dice, 0.3, "campaign", "update", name)
        newest = self.project.solution("default")["latestSolutionVersion"]
        assert self.project.campaign(name)["solutionVersion"] in (before, newest)

    def check(self) -> None:
        """Every acknowledged event is there, versions are whole, and the next command works."""
        assert_sound(self.root)
        output = self.folder / "all.jsonl"
        self.project.export("interactions", output)
        stored = [json.loads(line).get("EVENT_ID") for line in output.read_text().splitlines()]
        held = [name for name in stored if name]
        assert len(held) == len(set(held))
        assert set(held) == self.acknowledged
        versions = self.project.versions()
        assert [version["solutionVersion"] for version in versions][: len(self.versions)] == self.versions
        assert all(version["status"] in (ACTIVE, FAILED) for version in versions)
        self.versions = [version["solutionVersion"] for version in versions]
        for campaign in self.project.campaigns():
            assert (
                len(self.project.recommend("u1", campaign=campaign["name"], num_results=5)["itemList"]) == 5
            )


KILLS: list[Callable[[Oracle, random.Random], None]] = [
    Oracle.kill_import,
    Oracle.kill_put,
    Oracle.kill_full,
    Oracle.kill_update,
    Oracle.kill_campaign_update,
]


def kill_at_random(oracle: Oracle, rounds: int) -> None:
    for number, dice in enumerate(seeded(rounds)):
        KILLS[number % len(KILLS)](oracle, dice)
        oracle.check()
    assert oracle.project.train(mode="update")["status"] == ACTIVE


def test_twenty_kills_leave_a_project_that_goes_on(project: Project, world: World, tmp_path: Path) -> None:
    kill_at_random(Oracle(project, world, tmp_path), 20)


@pytest.mark.campaign
@pytest.mark.timeout(7_200)
def test_a_thousand_kills_leave_a_project_that_goes_on(
    project: Project, world: World, tmp_path: Path
) -> None:
    kill_at_random(Oracle(project, world, tmp_path), 1_000)
