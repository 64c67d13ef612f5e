from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newfound.dataset import events
from newfound.dataset.events import put_events
from newfound.errors import BusyError
from newfound.hashing import hash64
from newfound.store.layout import Layout
from newfound.store.locks import lock
from newfound.store.tables import Table


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def line(item: str | None = "i", **fields: object) -> bytes:
    return json.dumps({"userId": "u", "itemId": item, "sentAt": 5, **fields}).encode() + b"\n"


def stored(layout: Layout) -> pl.DataFrame:
    table = Table(layout, "events")
    return pl.DataFrame(table.read()).sort("EVENT_OFFSET")


def test_a_stored_event_has_every_column(layout: Layout) -> None:
    event = line(
        sessionId="s", eventType="watch", eventValue=4.5, eventId="e", recommendationId="RID-1",
        impression=["i", "j"], properties={"a": 1},
    )  # fmt: skip
    assert put_events(layout, [event]) == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert stored(layout).to_dicts() == [
        {
            "EVENT_OFFSET": 0,
            "USER_HASH": int(np.uint64(hash64("u")).astype(np.int64)),
            "USER_ID": "u",
            "SESSION_ID": "s",
            "ITEM_ID": "i",
            "EVENT_TYPE": "watch",
            "EVENT_VALUE": 4.5,
            "TIMESTAMP": 5,
            "EVENT_ID": "e",
            "RECOMMENDATION_ID": "RID-1",
            "IMPRESSION": ["i", "j"],
            "PROPERTIES": '{"a":1}',
        }
    ]


def test_absent_fields_are_null(layout: Layout) -> None:
    put_events(layout, [b'{"sessionId": "s", "recommendationId": "RID-1"}'], now=9.5)
    [event] = stored(layout).to_dicts()
    assert {name for name, value in event.items() if value is None} == {
        "ITEM_ID", "EVENT_TYPE", "EVENT_VALUE", "EVENT_ID", "IMPRESSION", "PROPERTIES",
    }  # fmt: skip
    assert (event["USER_ID"], event["TIMESTAMP"]) == ("s", 9)


@pytest.mark.parametrize("lines", [[], [b""], [b"\n", b"  \r\n"], [b'{"userId": "u", "eventList": []}']])
def test_nothing_to_store_stores_nothing(lines: list[bytes], layout: Layout) -> None:
    assert put_events(layout, lines) == {"accepted": 0, "duplicates": 0, "rejected": []}
    assert list(layout.root.iterdir()) == []


def test_one_bad_line_refuses_all_and_every_bad_line_is_named(layout: Layout) -> None:
    lines = [line(), b"\n", b"{", line(eventId=True), line()]
    result = put_events(layout, lines)
    assert (result["accepted"], result["duplicates"]) == (0, 0)
    assert [rejected["line"] for rejected in result["rejected"]] == [3, 4]
    assert result["rejected"][1]["reason"] == "eventId: must be a string"
    assert list(layout.root.iterdir()) == []


def test_a_byte_order_mark_begins_no_event(layout: Layout) -> None:
    assert put_events(layout, [b"\xef\xbb\xbf" + line("a"), line("b")])["accepted"] == 2
    rejected = [{"line": 2, "reason": "not valid JSON: byte 2 is not UTF-8"}]
    assert put_events(layout, [line("c"), b"{\xff}"])["rejected"] == rejected


def test_bad_lines_can_be_skipped(layout: Layout) -> None:
    result = put_events(layout, [line("a"), b"{", line("b")], on_error="skip")
    assert (result["accepted"], len(result["rejected"])) == (2, 1)
    assert stored(layout)["ITEM_ID"].to_list() == ["a", "b"]


def test_an_event_id_is_stored_once_for_ever(layout: Layout) -> None:
    put_events(layout, [line("a", eventId="e1")])
    result = put_events(layout, [line("b", eventId="e1"), line("c", eventId="e2"), line("d", eventId="e2")])
    assert (result["accepted"], result["duplicates"]) == (1, 2)
    assert stored(layout)["ITEM_ID"].to_list() == ["a", "c"]
    assert put_events(layout, [line(eventId="e2")]) == {"accepted": 0, "duplicates": 1, "rejected": []}


def test_events_without_id_are_never_deduplicated(layout: Layout) -> None:
    for _ in range(2):
        assert put_events(layout, [line(), line()])["accepted"] == 2
    assert put_events(layout, [line(eventId="e"), line()])["accepted"] == 2
    assert stored(layout).height == 6


@settings(max_examples=20, deadline=None)
@given(batches=st.lists(st.lists(st.none() | st.sampled_from("abcdefgh"), max_size=10), max_size=6))
def test_ids_are_stored_once_however_they_are_batched(
    batches: list[list[str | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    layout = Layout(tmp_path_factory.mktemp("project"))
    names = [name for batch in batches for name in batch]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "_BATCH_LINES", 3)
        results = [put_events(layout, [line(eventId=name) for name in batch]) for batch in batches]
    expected = [name for k, name in enumerate(names) if name is None or name not in names[:k]]
    assert sum(result["accepted"] for result in results) == len(expected)
    assert sum(result["duplicates"] for result in results) == len(names) - len(expected)
    if expected:
        assert stored(layout)["EVENT_ID"].to_list() == expected
        assert stored(layout)["EVENT_OFFSET"].to_list() == list(range(len(expected)))


def test_a_large_input_is_one_commit_of_several_files(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_BATCH_LINES", 10)
    monkeypatch.setattr(events, "_FILE_ROWS", 10)
    assert put_events(layout, [line(str(k), eventId=str(k)) for k in range(25)])["accepted"] == 25
    snapshot = Table(layout, "events").snapshot()
    assert snapshot.version == 1
    assert [file.rows for file in snapshot.files] == [10, 10, 5]
    assert stored(layout)["ITEM_ID"].to_list() == [str(k) for k in range(25)]


def test_input_is_read_before_the_lock_is_taken(layout: Layout) -> None:
    def slow_pipe() -> list[bytes]:
        with lock(layout.lock("events"), 0, "another put while the pipe is read"):
            return [line()]

    assert put_events(layout, (data for data in slow_pipe()), lock_timeout=0)["accepted"] == 1


def test_a_busy_table_is_an_error_that_stores_nothing(layout: Layout) -> None:
    with lock(layout.lock("events"), 0, "test"), pytest.raises(BusyError):
        put_events(layout, [line()], lock_timeout=0.05)


def test_a_put_imports_neither_polars_nor_jax_nor_deltalake_and_is_cheap(layout: Layout) -> None:
    script = """
import sys, time
from pathlib import Path
from newfound.dataset.events import put_events
from newfound.store.layout import Layout
seconds = []
for number in range(20):
    line = b'{"userId": "u", "itemId": "i", "eventId": "%d"}' % number
    started = time.process_time()  # not of the disk, which other tests keep busy
    put_events(Layout(Path(sys.argv[1])), [line])
    seconds.append(time.process_time() - started)
print(sorted({"polars", "jax", "deltalake"} & sys.modules.keys()), sorted(seconds)[5])
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    output = subprocess.run(
        [sys.executable, "-c", script, str(layout.root)],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    heavy, _, seconds = output.rpartition(" ")
    assert heavy == "[]"
    assert float(seconds) < 0.03


def test_the_default_time_is_the_clock(layout: Layout) -> None:
    put_events(layout, [b'{"userId": "u", "itemId": "i"}'])
    assert abs(stored(layout)["TIMESTAMP"].item() - time.time()) < 60
