"""Many lines at once come out as each of them alone does."""

from __future__ import annotations

import json
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.dataset import plain_events
from newfound.dataset.event_lines import parse_line
from newfound.dataset.plain_events import FIELDS, read_events
from newfound.errors import InputRefusedError

NOW = 1_700_000_000.9

IDS = st.one_of(
    st.text("ab☃é :,{", max_size=3),
    st.sampled_from(["x" * 256, "x" * 257, "\0", "\ud800", 'a"b', "a\\", '":', "☃" * 256]),
    st.integers(-5, 10**30),
    st.none(),
)
NUMBERS = st.one_of(
    st.integers(-(10**12), 10**12),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.sampled_from([0, -0.0, 1e308, True, 1e11, EARLIEST := -62_135_596_800, EARLIEST - 1, NOW + 86_401]),
    st.text("0123456789.Z:-T", max_size=4),
    st.none(),
)
EVENTS = st.fixed_dictionaries(
    {"userId": IDS, "itemId": IDS},
    optional={
        "sessionId": IDS,
        "eventType": IDS,
        "eventId": IDS,
        "recommendationId": IDS | st.sampled_from(["r" * 40, "r" * 41]),
        "eventValue": NUMBERS,
        "sentAt": NUMBERS,
        "impression": st.lists(IDS, max_size=3) | IDS | st.just(["a"] * 501),
        "properties": st.dictionaries(
            st.text("ab", max_size=2) | st.sampled_from(["itemId", "eventValue"]), NUMBERS | IDS, max_size=2
        )
        | IDS,
        "unknown": IDS,
    },
)
PLAIN = st.fixed_dictionaries(
    {"userId": st.text("abé ", min_size=1, max_size=4), "itemId": st.text("abé:", min_size=1, max_size=4)},
    optional={
        "eventType": st.sampled_from(["view", "click"]),
        "eventValue": st.floats(-1e6, 1e6) | st.integers(-100, 2**60),
        "sentAt": st.integers(0, 1_700_000_000) | st.floats(-5, 1.7e9),
        "impression": st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=3),
        "eventId": st.text("ab", min_size=1, max_size=9),
    },
)
RAW = st.sampled_from(
    [
        b"", b" \t\n", b"[]", b"5", b"null", b"{", b"\xff", b'{"userId": "u", "itemId": "i"}{}', b"\xef\xbb\xbf{}",
        b'{"userId": "a", "userId": "b", "itemId": "i"}', b'{"userId" : "a","itemId":"i", "itemId" :"j"}',
        b'{"userId":1,"userId":2,"itemId":"i","impression":[5]}', b'{"userId":"u","itemId":"i","impression":[["a"]]}',
        b'{"userId":"u","itemId":"i","eventValue":1e999}', b'{"userId":"u","itemId":"i","eventValue":NaN}',
        b'{"userId":"u","itemId":"i","eventValue":-0}', b'{"userId":"u","itemId":"i","sentAt":-0}',
        b'{"userId":"u","itemId":"i","eventValue":0.30000000000000004440892098500626}',
        b'{"userId":"u","itemId":"i","eventValue":9007199254740993}', b'{"userId":"u","itemId":"i","eventValue":1E2}',
        b'{"userId":"u","eventList":[{"itemId":"a"},{"itemId":"b"}]}', b'{"userId":"u","eventList":[{"itemId":5.5}]}',
        b'{"userId":"u","itemId":"i","eventType":"' + b"x" * (1 << 20) + b'"}', b'{"userId":"u","itemId":{"a":"b"}}',
        b'{"userId":"u","itemId":"i\x01"}', b' {"userId" :"u"\t,\r"itemId": "i"}\r\n',
        b'{"userId":"\\u0075","itemId":"i"}',
    ]
)  # fmt: skip


def text(event: dict[str, Any], spaced: bool) -> bytes:
    return json.dumps(event, ensure_ascii=spaced, separators=None if spaced else (",", ":")).encode(
        errors="surrogatepass"
    )


def one_by_one(lines: list[tuple[int, bytes]]) -> tuple[list[tuple[Any, ...]], list[dict[str, Any]]]:
    events, rejected = [], []
    for number, line in lines:
        if not line.strip():
            continue
        try:
            events += [astuple(event) for event in parse_line(line, NOW)]
        except InputRefusedError as error:
            rejected.append({"line": number, "reason": error.message})
    return events, rejected


def together(lines: list[tuple[int, bytes]]) -> tuple[list[tuple[Any, ...]], list[dict[str, Any]]]:
    rejected: list[dict[str, Any]] = []
    columns = read_events(lines, NOW, rejected)
    assert tuple(columns) == FIELDS
    return list(zip(*columns.values(), strict=True)), rejected


def same(events: list[tuple[Any, ...]]) -> list[str]:
    """A form in which 1 and 1.0, or 0.0 and -0.0, differ."""
    return [repr(event) for event in events]


@given(
    st.lists(st.builds(text, PLAIN, st.booleans()) | st.builds(text, EVENTS, st.booleans()) | RAW, max_size=6)
)
def test_lines_together_are_what_each_is_alone(lines: list[bytes]) -> None:
    numbered = list(enumerate(lines, start=7))
    (events, rejected), (expected, refused) = together(numbered), one_by_one(numbered)
    assert same(events) == same(expected)
    assert rejected == refused


@given(st.lists(st.builds(text, PLAIN, st.booleans()), min_size=1, max_size=20))
def test_plain_lines_are_what_each_is_alone(lines: list[bytes]) -> None:
    numbered = list(enumerate(lines))
    assert same(together(numbered)[0]) == same(one_by_one(numbered)[0])


def test_plain_lines_take_no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(line: bytes, now: float) -> None:
        raise AssertionError(line)

    monkeypatch.setattr(plain_events, "parse_line", fail)
    line = b'{"userId": "u", "itemId": "i", "eventValue": 1.5, "sentAt": 5, "impression": ["a", "b"], "eventId": "e"}\n'
    events, rejected = together([(1, line), (2, b"\n")])
    assert events == [("u", None, "i", "click", 1.5, 5, "e", None, ["a", "b"], None)]
    assert rejected == []
