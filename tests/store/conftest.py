"""An empty project, and small tables to put into it."""

from __future__ import annotations

from pathlib import Path

import pytest
from arro3.core import Table as ArrowTable

from newfound.store.arrow import LONG, STRING, arrow_table
from newfound.store.layout import Layout
from newfound.store.project_file import create_project_file
from newfound.store.tables import Table


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "project")
    create_project_file(layout)
    return layout


@pytest.fixture
def table(layout: Layout) -> Table:
    return Table(layout, "events")


def rows(*users: int) -> ArrowTable:
    """One row for each user, whose hash is its number."""
    return arrow_table({"USER_ID": (STRING, [f"u{user}" for user in users]), "USER_HASH": (LONG, users)})
