"""JSON objects, strictly."""

from __future__ import annotations

import pytest

from newfound.dataset.json_objects import parse_object, without_mark
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
        (b'{"a": }', "not valid JSON: Expecting value at column 7$"),
        (b"", "not valid JSON"),
        (b"{\xff}", "not valid JSON: byte 2 is not UTF-8$"),
        (b'{"a":' * 100_000, "not valid JSON: nested too deeply$"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON: a number has too many digits$"),
    ],
    ids=range(11),
)
def test_anything_else_is_refused(text: bytes | str, reason: str) -> None:
    with pytest.raises(InputRefusedError, match=reason):
        parse_object(text)


def test_only_a_mark_at_the_very_beginning_is_dropped() -> None:
    mark = b"\xef\xbb\xbf"
    assert list(without_mark([mark + b"{}\n", mark + b"{}\n"])) == [b"{}\n", mark + b"{}\n"]
    assert list(without_mark([mark + b"\n"])) == [b"\n"]
    assert list(without_mark([])) == [b""]
