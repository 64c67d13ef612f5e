from __future__ import annotations

from pathlib import Path

import pytest

from newfound.errors import DamagedError, UsageError
from newfound.store.layout import Layout, check_name


@pytest.mark.parametrize("name", ["a", "Z", "0", "my-solution_2", "a" * 63])
def test_names_of_the_contract_are_allowed(name: str) -> None:
    assert check_name(name, "filter") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-a",
        "_a",
        "a" * 64,
        "../x",
        "a/b",
        "a\\b",
        "a.b",
        "a b",
        "ä",
        "a\n",
        "\0",
        ".",
        "a\x1b[0m",
        "v1@v2",
    ],
)
def test_other_names_are_usage_errors_before_any_path_is_made(name: str) -> None:
    layout = Layout(Path("project"))
    for make_path in (layout.solution, layout.campaign, layout.filter):
        with pytest.raises(UsageError):
            make_path(name)


def test_every_path_lies_below_the_root() -> None:
    layout = Layout(Path("/somewhere/project"))
    paths = [
        layout.project_file, layout.schema("items"), layout.table("events"), layout.event_ids,
        layout.version("default", 3), layout.campaign("c"), layout.filter("f"), layout.lock("events"),
    ]  # fmt: skip
    assert [str(path.relative_to(layout.root)) for path in paths] == [
        "newfound.json", "schemas/items.json", "data/events", "data/events/_event_ids",
        "solutions/default/versions/v3", "campaigns/c.json", "filters/f.json", "locks/events.lock",
    ]  # fmt: skip


@pytest.mark.parametrize("linked", ["data", "data/events"])
def test_a_link_among_the_directories_of_a_path_is_refused(linked: str, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "project")
    (tmp_path / "elsewhere" / "events").mkdir(parents=True)
    (layout.root / linked).parent.mkdir(parents=True)
    (layout.root / linked).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DamagedError, match="symbolic link"):
        layout.require_inside(layout.table("events") / "file")


def test_the_project_itself_may_be_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real" / "data" / "events").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    layout = Layout(tmp_path / "link")
    layout.require_inside(layout.table("events") / "file")
