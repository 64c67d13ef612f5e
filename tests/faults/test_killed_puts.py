"""`events put` in real processes: killed at random moments, and many at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest
from deltalake import DeltaTable

from newfound.store.layout import Layout
from newfound.store.project_file import create_project_file
from newfound.store.tables import Table

from .harness import assert_sound, python, run_and_kill, run_together, seeded

PUT_FOR_EVER = """
import itertools, json, sys
from pathlib import Path
from newfound.dataset.events import put_events
from newfound.store.layout import Layout
print("ready", flush=True)
for number in itertools.count():
    names = [f"{sys.argv[2]}-{number}-{k}" for k in range(3)]
    lines = [json.dumps({"userId": k, "itemId": name, "eventId": name}).encode() for k, name in enumerate(names)]
    assert put_events(Layout(Path(sys.argv[1])), lines)["accepted"] == 3
    print(*names, flush=True)
"""
PUT_MANY = """
import json, sys
from pathlib import Path
from newfound.dataset.events import put_events
from newfound.store.layout import Layout
accepted = 0
for number in range(int(sys.argv[3])):
    names = [f"{sys.argv[2]}-{number}-{k}" for k in range(50)]
    lines = [json.dumps({"userId": "u", "itemId": "i", "eventId": name}).encode() for name in names]
    accepted += put_events(Layout(Path(sys.argv[1])), lines)["accepted"]
print(accepted)
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "project")
    create_project_file(layout)
    return layout


def stored(layout: Layout) -> list[str]:
    """The eventIds in offset order; offsets must be unique and without a gap."""
    rows = Table(layout, "events").read(["EVENT_OFFSET", "EVENT_ID"])
    pairs = sorted(zip(rows["EVENT_OFFSET"].to_pylist(), rows["EVENT_ID"].to_pylist(), strict=True))
    assert [offset for offset, _ in pairs] == list(range(len(pairs)))
    return [name for _, name in pairs]


def check_kills(layout: Layout, rounds: int) -> None:
    acknowledged: set[str] = set()
    unknown = 0
    for number, dice in enumerate(seeded(rounds)):
        killed = run_and_kill(python(PUT_FOR_EVER, layout.root, number), dice.uniform(0, 0.3), after="ready")
        assert killed.killed, killed.errors
        said = {name for line in killed.lines[1:] for name in line.split()}
        acknowledged |= said
        names = stored(layout) if Table(layout, "events").snapshot().version > 0 else []
        assert acknowledged <= set(names), "an acknowledged event was lost"
        unknown = len(names) - len(acknowledged)
        assert unknown in range(0, 3 * (number + 1) + 1, 3), "a put was stored in part"
        assert_sound(layout.root, deep=number % 5 == 0)
    assert len(acknowledged) > 3 * rounds
    run_together([python(PUT_MANY, layout.root, "last", 1)])
    names = stored(layout)
    assert len(names) == len(set(names)) == len(acknowledged) + unknown + 50
    other = DeltaTable(layout.table("events"))
    assert sum(other.get_add_actions(flatten=True)["num_records"].to_pylist()) == len(names)


def test_killed_puts_lose_nothing_that_was_acknowledged_and_store_no_half(layout: Layout) -> None:
    check_kills(layout, 15)


@pytest.mark.campaign
def test_hundreds_of_killed_puts_lose_nothing_that_was_acknowledged(layout: Layout) -> None:
    check_kills(layout, 500)


def test_eight_writers_store_each_of_their_8000_events_once(layout: Layout) -> None:
    outputs = run_together([python(PUT_MANY, layout.root, writer, 20) for writer in range(8)])
    assert outputs == ["1000\n"] * 8
    names = stored(layout)
    assert len(names) == len(set(names)) == 8_000
    assert_sound(layout.root)


def test_writers_that_send_the_same_events_store_them_once(layout: Layout) -> None:
    outputs = run_together([python(PUT_MANY, layout.root, "same", 6) for _ in range(8)])
    assert sum(map(int, outputs)) == 300
    assert sorted(stored(layout)) == sorted(f"same-{number}-{k}" for number in range(6) for k in range(50))
