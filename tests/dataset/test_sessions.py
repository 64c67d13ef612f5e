"""Anonymous sessions and whose they are."""

from __future__ import annotations

import polars as pl

from newfound.dataset.sessions import find_logins, with_logins


def users(*events: tuple[str, str | None]) -> list[str]:
    frame = pl.LazyFrame(events, {"USER_ID": pl.String, "SESSION_ID": pl.String}, orient="row")
    found: list[str] = (
        with_logins(frame, find_logins(frame.with_row_index("EVENT_OFFSET"))).collect()["USER_ID"].to_list()
    )
    return found


def test_events_before_a_login_are_those_of_the_user() -> None:
    assert users(("s1", "s1"), ("s1", "s1"), ("ann", "s1"), ("s1", "s1")) == ["ann"] * 4


def test_the_last_login_of_a_session_counts_and_named_events_stay() -> None:
    assert users(("s1", "s1"), ("ann", "s1"), ("bob", "s1")) == ["bob", "ann", "bob"]


def test_without_a_login_or_a_session_everything_stays() -> None:
    events = [("s1", "s1"), ("ann", None), ("bob", "s2"), ("s1", None)]
    assert users(*events) == ["s1", "ann", "bob", "s1"]
