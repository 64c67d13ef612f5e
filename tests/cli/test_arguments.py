"""Global options are found wherever they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound_cli.arguments import split_globals


@pytest.mark.parametrize(
    ("typed", "leading", "rest"),
    [
        ("status", "", "status"),
        ("-C p status", "-C p", "status"),
        ("status -Cp", "-Cp", "status"),
        ("dataset --project=p list --json", "--project=p --json", "dataset list"),
        ("status --lock-timeout 3 -qv", "--lock-timeout 3 -qv", "status"),
        ("recommend --user=-q", "", "recommend --user=-q"),
        ("users forget -- -q --json", "", "users forget -- -q --json"),
        ("recommend -k 5 --no-log", "", "recommend -k 5 --no-log"),
        ("status -C", "-C", "status"),
    ],
)
def test_options_are_parted_from_the_command(typed: str, leading: str, rest: str) -> None:
    assert split_globals(typed.split()) == (leading.split(), rest.split())


@given(st.lists(st.sampled_from(["-C", "--json", "-q", "x", "--", "--user", "--lock-timeout=1", "-k"])))
def test_nothing_is_lost_and_the_rest_keeps_its_order(arguments: list[str]) -> None:
    leading, rest = split_globals(arguments)
    assert sorted(leading + rest) == sorted(arguments)
    assert split_globals(leading) == (leading, []) or "--" in leading or leading[-1] in ("-C", "--json")
    remaining = iter(arguments)
    assert all(word in remaining for word in rest)
