"""Whose the events of anonymous sessions are: after a login, the user's (behaviour specification §1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newfound.columns import EVENT_OFFSET, SESSION_ID, USER_ID

if TYPE_CHECKING:
    import polars as pl


def with_logins(events: pl.LazyFrame) -> pl.LazyFrame:
    """Give events that are stored under their session's name to the user whom that session names last, if any."""
    import polars as pl

    anonymous = pl.col(USER_ID) == pl.col(SESSION_ID)
    sessions = events.filter(anonymous).select(SESSION_ID).unique()
    logins = (
        events.filter(~anonymous)
        .join(sessions, on=SESSION_ID, how="semi")
        .group_by(SESSION_ID)
        .agg(pl.col(USER_ID).sort_by(EVENT_OFFSET).last().alias("login"))
    )
    user = pl.when(anonymous).then(pl.coalesce("login", USER_ID)).otherwise(USER_ID)
    return events.join(logins, on=SESSION_ID, how="left").with_columns(user.alias(USER_ID)).drop("login")
