"""Whose the events of anonymous sessions are: after a login, the user's (behaviour specification §1).

An event without a user is stored under its session's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from newfound.columns import EVENT_OFFSET, SESSION_ID, USER_ID

if TYPE_CHECKING:
    import polars as pl


def find_logins(events: pl.LazyFrame) -> dict[str, str]:
    """Find the user whom each session with anonymous events names last; sessions that name none are left out."""
    import polars as pl

    anonymous = pl.col(USER_ID) == pl.col(SESSION_ID)
    sessions = events.filter(anonymous).select(SESSION_ID).unique()
    named = events.filter(~anonymous).join(sessions, on=SESSION_ID, how="semi")
    last = named.group_by(SESSION_ID).agg(pl.col(USER_ID).sort_by(EVENT_OFFSET).last())
    return dict(last.collect(engine="streaming").sort(SESSION_ID).iter_rows())


def with_logins(events: pl.LazyFrame, logins: Mapping[str, str]) -> pl.LazyFrame:
    """Give the anonymous events of these sessions to their users."""
    import polars as pl

    if not logins:
        return events
    user = pl.col(USER_ID)
    named = pl.when(user == pl.col(SESSION_ID)).then(user.replace(dict(logins))).otherwise(user)
    return events.with_columns(named.alias(USER_ID))
