"""Typed text becomes values, and what does not is refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Double


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("recommend --user 1 -k x", "'x' is not a valid int"),
        ("recommend --user 1 -k 0", "0 is less than 1"),
        ("recommend --user 1 -k 501", "501 is more than 500"),
        ("status --lock-timeout nan", "'nan' is not a valid float"),
        ("status --lock-timeout -1", "-1 is less than 0"),
        ("events put --user 1 --value inf", "'inf' is not a valid float"),
        ("status --lock-timeout soon", "'soon' is not a valid float"),
        ("solution train --mode fast", "'fast' is not one of full, update"),
        ("dataset describe films", "'films' is not one of interactions, items, users"),
    ],
)
def test_a_bad_value_is_refused_with_its_option(cli: Cli, project: Double, typed: str, message: str) -> None:
    outcome = cli(*typed.split())
    assert outcome.code == 2
    assert outcome.err.startswith("error: Invalid value for '") and message in outcome.err
    assert project.calls == []


def test_bounds_are_allowed_values(cli: Cli) -> None:
    assert cli("recommend", "--user", "1", "-k", "1").code == 0
    assert cli("recommend", "--user", "1", "-k", "500", "--lock-timeout", "0").code == 0


def test_a_missing_argument_is_named(cli: Cli) -> None:
    assert "Missing argument 'TYPE'" in cli("dataset", "describe").err
    assert "Missing argument 'PATH...'" in cli("dataset", "import", "items").err


def test_flags_with_two_sides_have_three_states(cli: Cli, project: Double) -> None:
    for flags in ([], ["--follow-latest"], ["--no-follow-latest"]):
        cli("campaign", "update", *flags)
    assert [options["follow_latest"] for _, _, options in project.calls] == [None, True, False]
