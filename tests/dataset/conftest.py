"""An empty project, and files to import into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from newfound.store.layout import Layout
from newfound.store.project_file import create_project_file


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "project")
    create_project_file(layout)
    return layout


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[[str, bytes], str]:
    """Write a file beside the project and return its path."""

    def write(name: str, content: bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    return write
