from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from newfound.errors import DamagedError, NewerFormatError, NotFoundError, UsageError
from newfound.store.layout import Layout
from newfound.store.project_file import create_project_file, read_project_file

CREATE = """
import sys
from pathlib import Path
from newfound.store.layout import Layout
from newfound.store.project_file import create_project_file
print(create_project_file(Layout(Path(sys.argv[1]))))
"""


def test_a_new_project_knows_its_name_and_says_so_once(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "films")
    assert create_project_file(layout)
    project = read_project_file(layout)
    assert project.name == "films"
    assert not create_project_file(layout)
    assert read_project_file(layout) == project


def test_a_file_is_no_project_and_becomes_none(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "notes.txt")
    layout.root.write_text("precious")
    with pytest.raises(NotFoundError, match="is not a newfound project"):
        read_project_file(layout)
    with pytest.raises(UsageError, match="is no directory"):
        create_project_file(layout)
    assert layout.root.read_text() == "precious"


def test_sixteen_creators_make_one_project(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    creators = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, str(tmp_path)], env=environment, stdout=subprocess.PIPE
        )
        for _ in range(16)
    ]
    assert sorted(creator.communicate()[0] for creator in creators) == [b"False\n"] * 15 + [b"True\n"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locks", "newfound.json"]


def test_the_file_says_its_format_in_the_open(layout: Layout) -> None:
    value = json.loads(layout.project_file.read_text())
    assert {"formatVersion", "id", "name", "creationDateTime"} <= value.keys()
    assert value["formatVersion"] == 1


def test_a_directory_without_the_file_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no newfound\.json"):
        read_project_file(Layout(tmp_path))


def test_a_newer_format_is_told_from_damage_even_if_it_seals_otherwise(layout: Layout) -> None:
    layout.project_file.write_text('{"formatVersion": 2, "seal": "another"}')
    with pytest.raises(NewerFormatError, match="format 2"):
        read_project_file(layout)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"formatVersion": "9"}', b"\xff\xfe"])
def test_anything_else_is_damage(content: bytes, layout: Layout) -> None:
    layout.project_file.write_bytes(content)
    with pytest.raises(DamagedError, match=r"newfound\.json"):
        read_project_file(layout)


def test_a_project_can_be_made_through_a_link_and_in_a_directory_of_any_name(tmp_path: Path) -> None:
    real = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    assert create_project_file(Layout(tmp_path / "link"))
    assert read_project_file(Layout(tmp_path / "link")).name == "caf\ufffd"
