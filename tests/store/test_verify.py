from __future__ import annotations

import random
from pathlib import Path

import pytest

from newfound.dataset.events import put_events
from newfound.errors import DamagedError
from newfound.store.files import sha256_file, write_bytes, write_json
from newfound.store.layout import Layout
from newfound.store.tables import Table
from newfound.store.verify import verify

from .conftest import rows


@pytest.fixture
def project(layout: Layout) -> Layout:
    """A project with a file of every kind."""
    lines = [b'{"userId": "u", "itemId": "i", "eventId": "%d"}' % number for number in range(602)]
    for put in (lines[:600], lines[600:601], lines[601:]):  # so many that the eventIds get an index
        put_events(layout, put)
    Table(layout, "interactions").append(rows(1, 2), 1)
    write_json(layout.schema("items"), {"type": "record"})
    write_json(layout.campaign("default"), {"name": "default"})
    write_json(layout.filter("seen"), {"name": "seen"})
    write_json(layout.solution("default") / "solution.json", {"name": "default"})
    version = layout.version("default", 1)
    write_bytes(version / "serving" / "vectors.npy", bytes(range(200)))
    sums = {"serving/vectors.npy": sha256_file(version / "serving" / "vectors.npy")}
    write_json(version / "version.json", {"status": "ACTIVE", "files": sums})
    verify(layout, deep=True)
    return layout


def files_of(layout: Layout) -> list[Path]:
    files = (path for path in layout.root.rglob("*") if path.is_file())
    return sorted(path for path in files if path.parent.name != "locks")


def damage(layout: Layout) -> str:
    with pytest.raises(DamagedError) as caught:
        verify(layout)
    return caught.value.message


def test_an_intact_project_is_counted(project: Layout) -> None:
    files = files_of(project)
    assert verify(project) == {
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
        "rows": 604,
        "debris": 0,
    }


def test_verification_writes_nothing(project: Layout) -> None:
    before = [(path, path.read_bytes()) for path in sorted(project.root.rglob("*")) if path.is_file()]
    verify(project, deep=True)
    assert before == [(path, path.read_bytes()) for path in sorted(project.root.rglob("*")) if path.is_file()]


def test_a_flipped_bit_anywhere_in_any_file_is_found_and_named(project: Layout) -> None:
    dice = random.Random(0)
    for path in files_of(project):
        intact = path.read_bytes()
        for place in dice.sample(range(len(intact)), min(8, len(intact))):
            changed = bytearray(intact)
            changed[place] ^= 1 << dice.randrange(8)
            path.write_bytes(changed)
            named = damage(project)
            # A chain shows damage to its last entry in the acknowledgement that names it.
            assert (
                path.name in named
                or ("_delta_log" in path.parts and "_acknowledged.json" in named)
                or ("_delta_log" in path.parts and "_delta_log" in named)
            )
        path.write_bytes(intact)
    verify(project)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_truncated_file_is_found_and_named(share: float, project: Layout) -> None:
    for path in files_of(project):
        intact = path.read_bytes()
        path.write_bytes(intact[: int(share * len(intact))])
        assert path.name in damage(project)
        path.write_bytes(intact)


def test_a_missing_file_is_found_and_named(project: Layout) -> None:
    nothing_refers_to = {project.schema("items"), project.campaign("default"), project.filter("seen")}
    derived = project.event_ids / "index.json"
    for path in set(files_of(project)) - nothing_refers_to - {derived, project.project_file}:
        intact = path.read_bytes()
        path.unlink()
        assert path.name in damage(project)
        path.write_bytes(intact)


def test_swapped_files_are_both_named(project: Layout) -> None:
    first, second = (file.path for file in Table(project, "events").snapshot().files[:2])
    contents = first.read_bytes(), second.read_bytes()
    second.write_bytes(contents[0])
    first.write_bytes(contents[1])
    message = damage(project)
    assert first.name in message
    assert second.name in message


def test_an_older_acknowledgement_swapped_in_is_found(project: Layout) -> None:
    path = Table(project, "events").log.folder / "_acknowledged.json"
    old = path.read_bytes()
    for number in range(2):
        put_events(project, [b'{"userId": "u", "itemId": "%d"}' % number])
    path.write_bytes(old)
    assert "older than the log" in damage(project)


def test_a_file_replaced_by_a_link_is_found(project: Layout, tmp_path: Path) -> None:
    for path in files_of(project):
        intact = path.read_bytes()
        (tmp_path / "canary").write_bytes(intact)
        path.unlink()
        path.symlink_to(tmp_path / "canary")
        assert path.name in damage(project)
        path.unlink()
        path.write_bytes(intact)


def test_all_damaged_files_are_named_at_once(project: Layout) -> None:
    paths = [project.campaign("default"), *(file.path for file in Table(project, "events").snapshot().files)]
    for path in paths:
        path.write_bytes(b"x")
    message = damage(project)
    assert all(path.name in message for path in paths)


def test_files_that_no_commit_names_are_debris(project: Layout) -> None:
    table = Table(project, "events").log
    debris = [
        table.folder / f"put-{'0' * 16}-{'0' * 64}.parquet",
        table.folder / "_acknowledged.json.tmp-0",
        table.entry_path(4),
        table.entry_path(3).with_suffix(".json.torn"),
        project.event_ids / "0.keys",
        project.version("default", 1) / "stray",
    ]
    for path in debris:
        path.write_bytes(b"x")
    assert verify(project, deep=True)["debris"] == len(debris)


def test_files_of_earlier_versions_may_be_gone_but_not_changed(layout: Layout) -> None:
    table = Table(layout, "events")
    table.append(rows(1), 1)
    [file] = table.snapshot().files
    with table.writing(1) as writer:
        writer.commit(keep=lambda file: False)
    intact = file.path.read_bytes()
    file.path.write_bytes(b"x")
    assert file.rel in damage(layout)
    file.path.unlink()
    assert verify(layout)["rows"] == 0
    file.path.write_bytes(intact)
    assert verify(layout)["debris"] == 0


def test_shared_arrays_of_versions_are_hashed_once(project: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = project.version("default", 1), project.version("default", 2)
    (second / "serving").mkdir(parents=True)
    (second / "serving" / "vectors.npy").hardlink_to(first / "serving" / "vectors.npy")
    write_bytes(second / "version.json", (first / "version.json").read_bytes())
    hashed: list[Path] = []
    monkeypatch.setattr(
        "newfound.store.verify.sha256_file", lambda path: hashed.append(path) or sha256_file(path)
    )
    verify(project)
    assert len(hashed) == 1


def test_a_version_without_its_document_is_damage(project: Layout) -> None:
    (project.version("default", 1) / "version.json").unlink()
    assert "version.json: the file is missing" in damage(project)
