"""JSON objects, strictly."""

from __future__ import annotations

import pytest

from newfound.dataset.json_objects import parse_object
from newfound.errors import InputRefusedError


def test_long_integers_stay_exact() -> None:
    assert parse_object(b'{"a": 123456789012345678901234567890}') == {"a": 123456789012345678901234567890}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": 1, "a": 1}', "a key occurs twice"),
        (b'{"a": {"b": 1, "b": 1}}', "a key occurs twice"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": -Infinity}', "-Infinity is no JSON number"),
        (b"[]", "not a JSON object"),
        ("5", "not a JSON object"),
        (b"{", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"\xff{}", "not valid JSON"),
        (b'{"a":' * 100_000, "not valid JSON"),
    ],
    ids=range(10),
)
def test_anything_else_is_refused(text: bytes | str, reason: str) -> None:
    with pytest.raises(InputRefusedError, match=reason):
        parse_object(text)
