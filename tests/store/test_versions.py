"""Versions: named before training, published whole, never changed, and what a killed training leaves behind."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from newfound.errors import DamagedError, NotFoundError, UsageError
from newfound.solutions import Solution, create_solution
from newfound.store import versions
from newfound.store.files import write_new
from newfound.store.layout import Layout
from newfound.store.locks import lock
from newfound.store.verify import verify
from newfound.store.versions import (
    ACTIVE,
    FAILED,
    IN_PROGRESS,
    Version,
    close_interrupted,
    delete_all_versions,
    delete_version,
    fail_version,
    failing_visibly,
    find_version,
    interrupted_full,
    list_versions,
    newest_active,
    newest_parent,
    parse_reference,
    publish_version,
    resumable_version,
    start_version,
)


def start(layout: Layout, mode: str = "FULL", **record: Any) -> Version:
    version = start_version(layout, "shop", {"trainingMode": mode, "recipe": "r", **record})
    (version.folder / "serving").mkdir()
    write_new(version.folder / "serving" / "E.npy", version.name.encode())
    return version


def full(layout: Layout, offset: int = 0) -> Version:
    version = start(layout, fullEventOffset=offset)
    return publish_version(layout, version, {"full": version.name, "eventOffset": offset})


def update(layout: Layout, parent: Version, offset: int) -> Version:
    of = {"full": parent.record["full"], "fullEventOffset": parent.record["fullEventOffset"]}
    return publish_version(layout, start(layout, "UPDATE", **of), {"eventOffset": offset})


def test_only_files_that_are_one_with_those_of_the_parent_keep_their_hashes(layout: Layout) -> None:
    parent = full(layout)
    version = start(layout, "UPDATE", fullEventOffset=0)
    for name in ("linked", "copied"):
        write_new(parent.serving / name, b"base")
    recorded = {f"serving/{name}": name * 8 for name in ("linked", "copied", "gone")}
    source = replace(parent, record=parent.record | {"files": recorded})
    (version.serving / "linked").hardlink_to(parent.serving / "linked")
    write_new(version.serving / "copied", b"base")
    published = publish_version(layout, version, {"eventOffset": 0}, shared_with=source)
    sums = published.record["files"]
    assert sums["serving/linked"] == "linked" * 8
    assert sums["serving/copied"] == sha256(b"base").hexdigest()
    assert set(sums) == {"serving/E.npy", "serving/linked", "serving/copied"}


def seen(layout: Layout) -> list[tuple[str, str]]:
    return [(version.name, version.status) for version in list_versions(layout, "shop")]


def test_a_version_is_named_and_visible_before_training_starts(layout: Layout) -> None:
    with lock(layout.lock("solution-shop"), 0, "train"):
        start(layout)
        assert seen(layout) == [("shop@v1", IN_PROGRESS)]
        assert newest_active(layout, "shop") is None
        with pytest.raises(NotFoundError, match="no ACTIVE version"):
            find_version(layout, "shop")
        assert find_version(layout, "shop@v1").record["trainingMode"] == "FULL"


def test_a_published_version_is_whole_and_hashed(layout: Layout) -> None:
    create_solution(layout, Solution("shop"))
    version = full(layout)
    assert version.folder == layout.version("shop", 1)
    assert version.serving == version.folder / "serving"
    assert (version.serving / "E.npy").read_bytes() == b"shop@v1"
    assert seen(layout) == [("shop@v1", ACTIVE)]
    assert list(version.record["files"]) == ["serving/E.npy"]
    assert version.record["creationDateTime"] <= version.record["lastUpdatedDateTime"]
    verify(layout)
    (version.serving / "E.npy").write_bytes(b"shop@v2")
    with pytest.raises(DamagedError, match=r"E\.npy"):
        verify(layout)


def test_a_version_that_is_being_published_is_not_active_yet(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is about to change its name: nobody may open it."""
    publish, states = versions.publish_directory, []

    def watched(temporary: Path, final: Path) -> None:
        states.append((seen(layout), newest_active(layout, "shop")))
        publish(temporary, final)

    monkeypatch.setattr(versions, "publish_directory", watched)
    with lock(layout.lock("solution-shop"), 0, "train"):
        full(layout)
    assert states == [([("shop@v1", IN_PROGRESS)], None)]


def test_a_failed_version_stays_visible_with_its_reason_and_nothing_else(layout: Layout) -> None:
    failed = fail_version(layout, start(layout), "the disk is full")
    assert seen(layout) == [("shop@v1", FAILED)]
    found = find_version(layout, "shop@v1")
    assert found.record["failureReason"] == "the disk is full"
    assert [path.name for path in failed.folder.iterdir()] == ["version.json"]
    assert newest_active(layout, "shop") is None


def test_numbers_are_never_reused(layout: Layout) -> None:
    full(layout)
    fail_version(layout, start(layout), "no")
    delete_version(find_version(layout, "shop@v2"))
    third = full(layout)
    assert third.number == 3
    delete_version(third)
    killed = start(layout)
    assert killed.number == 4
    shutil.rmtree(killed.folder)
    assert start(layout).number == 5


def test_a_killed_training_shows_as_failed_and_says_how_to_go_on(layout: Layout) -> None:
    start(layout)
    assert seen(layout) == [("shop@v1", FAILED)]
    assert "--resume" in find_version(layout, "shop@v1").record["failureReason"]


def test_how_to_go_on_names_the_solution_and_reaches_whoever_interrupts(layout: Layout) -> None:
    how = "`newfound solution train shop --resume` goes on from its last checkpoint"
    with pytest.raises(KeyboardInterrupt) as caught, failing_visibly(layout, start(layout)):
        raise KeyboardInterrupt
    assert caught.value.__notes__ == [how]
    assert how in find_version(layout, "shop@v1").record["failureReason"]
    with pytest.raises(KeyboardInterrupt) as caught, failing_visibly(layout, start(layout, "UPDATE")):
        raise KeyboardInterrupt
    assert not hasattr(caught.value, "__notes__")


def test_an_interrupted_full_training_is_found_until_another_holds_the_lock(layout: Layout) -> None:
    assert interrupted_full(layout, "shop") is None
    fail_version(layout, start(layout), "no")
    start(layout)
    start(layout, "UPDATE")
    found = interrupted_full(layout, "shop")
    assert found is not None and found.name == "shop@v2"
    with lock(layout.lock("solution-shop"), 0, "train"):
        assert interrupted_full(layout, "shop") is None


def test_a_killed_update_is_not_said_to_be_resumable(layout: Layout) -> None:
    start(layout, "UPDATE")
    assert seen(layout) == [("shop@v1", FAILED)]
    assert "--resume" not in find_version(layout, "shop@v1").record["failureReason"]
    assert resumable_version(layout, "shop") is None


def test_the_newest_killed_full_training_is_the_one_to_resume(layout: Layout) -> None:
    assert resumable_version(layout, "shop") is None
    full(layout)
    start(layout)
    second = start(layout, seed=7, fullEventOffset=0)
    start(layout, "UPDATE")
    found = resumable_version(layout, "shop")
    assert found is not None
    assert (found.number, found.record["seed"]) == (second.number, 7)
    assert publish_version(layout, found, {"eventOffset": 0}).name == "shop@v3"


def test_a_training_killed_while_it_was_published_can_still_be_resumed(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(temporary: Path, final: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(versions, "publish_directory", killed)
        with pytest.raises(KeyboardInterrupt):
            full(layout)
    assert seen(layout) == [("shop@v1", FAILED)]
    found = resumable_version(layout, "shop")
    assert found is not None
    assert publish_version(layout, found, {}).status == ACTIVE


def test_a_new_full_training_closes_the_killed_ones_for_good(layout: Layout) -> None:
    start(layout)
    start(layout, "UPDATE")
    close_interrupted(layout, "shop", resumable=True)
    assert seen(layout) == [("shop@v1", FAILED), ("shop@v2", FAILED)]
    assert resumable_version(layout, "shop") is None
    reason = find_version(layout, "shop@v1").record["failureReason"]
    assert reason == "training was interrupted and a later one began"


def test_an_update_leaves_a_killed_full_training_to_be_resumed(layout: Layout) -> None:
    start(layout)
    start(layout, "UPDATE")
    close_interrupted(layout, "shop", resumable=False)
    found = resumable_version(layout, "shop")
    assert found is not None
    assert found.number == 1
    assert layout.version("shop", 2).is_dir()


def test_a_folder_without_its_document_is_swept_and_never_shown(layout: Layout) -> None:
    layout.version("shop", 1).parent.mkdir(parents=True)
    for name in (".v1.building", ".v2.deleted"):
        (layout.version("shop", 1).parent / name / "serving").mkdir(parents=True)
    assert seen(layout) == []
    close_interrupted(layout, "shop", resumable=False)
    assert list(layout.version("shop", 1).parent.iterdir()) == []


def test_a_published_version_without_its_document_is_damage_that_is_named(layout: Layout) -> None:
    (full(layout).folder / "version.json").unlink()
    with pytest.raises(DamagedError, match=r"v1/version\.json is missing"):
        list_versions(layout, "shop")


def test_a_named_version_is_found_whatever_happened_to_the_others(layout: Layout) -> None:
    first, second = full(layout, 0), full(layout, 1)
    (first.folder / "version.json").write_text("{}")
    assert find_version(layout, second.name) == second
    building = start(layout)
    assert find_version(layout, building.name).folder == building.folder
    with pytest.raises(DamagedError, match=r"v1/version\.json"):
        find_version(layout, first.name)


def test_newest_is_by_data_and_not_by_number(layout: Layout) -> None:
    first = full(layout, 0)
    second = update(layout, first, 50)
    retrained = full(layout, 100)
    assert newest_active(layout, "shop") == retrained
    late = update(layout, second, 120)
    assert late.number > retrained.number
    assert newest_active(layout, "shop") == retrained
    assert find_version(layout, "shop") == retrained
    assert newest_parent(layout, "shop") == retrained
    child = update(layout, retrained, 130)
    assert newest_parent(layout, "shop") == newest_active(layout, "shop") == child


def test_of_the_same_data_the_later_version_is_newer(layout: Layout) -> None:
    full(layout, 10)
    again = full(layout, 10)
    assert newest_active(layout, "shop") == newest_parent(layout, "shop") == again


def test_failed_and_unfinished_versions_are_nobodys_parent(layout: Layout) -> None:
    first = full(layout, 0)
    fail_version(layout, start(layout, fullEventOffset=9, eventOffset=9), "no")
    start(layout, fullEventOffset=9, eventOffset=9)
    assert newest_parent(layout, "shop") == first


def test_without_a_full_version_there_is_no_parent(layout: Layout) -> None:
    first = full(layout)
    update(layout, first, 5)
    delete_version(first)
    assert newest_parent(layout, "shop") is None


def test_a_deleted_version_is_gone_at_once(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    create_solution(layout, Solution("shop"))
    first, second = full(layout, 0), full(layout, 1)

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(versions.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            delete_version(first)
    assert seen(layout) == [("shop@v2", ACTIVE)]
    assert verify(layout)["debris"] > 0
    close_interrupted(layout, "shop", resumable=False)
    delete_version(second)
    assert list(layout.version("shop", 1).parent.iterdir()) == []


def test_all_versions_go_also_damaged_ones(layout: Layout) -> None:
    (full(layout).folder / "version.json").write_bytes(b"torn")
    full(layout)
    delete_all_versions(layout, "shop")
    assert seen(layout) == []


@pytest.mark.parametrize(
    ("reference", "parsed"),
    [("shop", ("shop", None)), ("shop@v12", ("shop", 12)), ("a-b_c", ("a-b_c", None))],
)
def test_a_reference_is_a_solution_with_or_without_a_number(
    reference: str, parsed: tuple[str, int | None]
) -> None:
    assert parse_reference(reference) == parsed


@pytest.mark.parametrize(
    "reference", ["", "@v1", "shop@", "shop@1", "shop@v0", "shop@v01", "a@v1@v2", "../x", "a\n"]
)
def test_anything_else_is_refused(reference: str) -> None:
    with pytest.raises(UsageError):
        parse_reference(reference)


def test_what_is_not_there_is_not_found(layout: Layout) -> None:
    with pytest.raises(NotFoundError, match="no solution 'shop'"):
        find_version(layout, "shop")
    full(layout)
    with pytest.raises(NotFoundError, match="no version shop@v2"):
        find_version(layout, "shop@v2")
    assert list_versions(layout, "other") == []


def test_to_find_the_newest_only_the_newest_is_read(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = full(layout)
    for offset in range(1, 6):
        update(layout, parent, offset)
    fail_version(layout, start(layout), "no")
    read, names = versions.read_json, []

    def watched(path: Path) -> dict[str, Any]:
        names.append(path.parent.name)
        return read(path)

    monkeypatch.setattr(versions, "read_json", watched)
    assert find_version(layout, "shop").name == "shop@v6"
    assert names == ["v7", "v6"]


@pytest.mark.parametrize("seed", range(8))
def test_the_newest_is_the_same_whatever_was_published_and_deleted_when(layout: Layout, seed: int) -> None:
    chance, waiting, offset = random.Random(seed), [], 0
    for _ in range(14):
        offset += chance.randrange(2)
        active = [version for version in list_versions(layout, "shop") if version.status == ACTIVE]
        match chance.randrange(6):
            case 0:
                full(layout, offset)
            case 1:  # a FULL that is finished only after others
                waiting.append(start(layout, fullEventOffset=offset))
            case 2 if waiting:
                version = waiting.pop()
                record = {"full": version.name, "eventOffset": version.record["fullEventOffset"]}
                publish_version(layout, version, record)
            case 3 if active:
                delete_version(chance.choice(active))
            case _ if active:
                update(layout, chance.choice(active), offset)
        active = [version for version in list_versions(layout, "shop") if version.status == ACTIVE]
        expected = max(
            active,
            key=lambda version: (
                version.record["fullEventOffset"],
                version.record["eventOffset"],
                version.number,
            ),
            default=None,
        )
        assert newest_active(layout, "shop") == expected
