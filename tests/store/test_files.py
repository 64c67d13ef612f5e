from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.errors import DamagedError, ResourceError
from newfound.store import files

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text("abc", min_size=1), children, max_size=3),
    max_leaves=5,
)  # fmt: skip


def calls_of(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> list[str]:
    """The system calls that matter for durability, in order, with the name of what they act on."""
    calls: list[str] = []

    def name(target: int | str | Path) -> str:
        path = Path(f"/proc/self/fd/{target}").readlink() if isinstance(target, int) else str(target)
        return Path(path).name.partition(".tmp-")[0]

    for call in ("fsync", "replace", "rename", "link"):
        original = getattr(os, call)

        def record(
            *arguments: int | str | Path, call: str = call, original: Callable[..., None] = original
        ) -> None:
            calls.append(f"{call} {name(arguments[-1])}")
            original(*arguments)

        monkeypatch.setattr(os, call, record)
    act()
    return calls


def test_a_replaced_file_is_fsynced_before_its_rename_and_its_directory_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of(monkeypatch, lambda: files.write_bytes(tmp_path / "a", b"new"))
    assert calls == ["fsync a", "replace a", f"fsync {tmp_path.name}"]


def test_a_created_file_is_fsynced_before_its_link_and_its_directory_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of(monkeypatch, lambda: files.create_bytes(tmp_path / "a", b"new"))
    assert calls == ["fsync a", "link a", f"fsync {tmp_path.name}"]


def test_a_published_directory_is_fsynced_with_all_its_files_before_its_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "building" / "inner").mkdir(parents=True)
    (tmp_path / "building" / "inner" / "file").write_bytes(b"x")
    calls = calls_of(monkeypatch, lambda: files.publish_directory(tmp_path / "building", tmp_path / "final"))
    assert calls == ["fsync file", "fsync inner", "fsync building", "rename final", f"fsync {tmp_path.name}"]


def test_a_new_directory_is_durable_in_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = calls_of(monkeypatch, lambda: files.make_directory(tmp_path / "a" / "b"))
    assert calls == [f"fsync {tmp_path.name}", "fsync a"]


def test_a_body_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "a", b"old")

    def interrupted() -> None:
        with files.replacing(tmp_path / "a") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


def test_a_full_disk_is_a_resource_error_and_leaves_nothing(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # a real short write
    try:
        with pytest.raises(ResourceError, match="File too large") as caught:
            files.write_bytes(tmp_path / "a", b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.path.startswith(str(tmp_path / "a"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.EROFS, errno.EMFILE]
)
def test_errors_of_the_machine_are_resource_errors(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ResourceError, match=os.strerror(code)):
        files.write_bytes(tmp_path / "a", b"x")
    assert not (tmp_path / "a").exists()


def test_creating_a_file_that_exists_changes_nothing(tmp_path: Path) -> None:
    files.create_bytes(tmp_path / "a", b"first")
    with pytest.raises(FileExistsError):
        files.create_bytes(tmp_path / "a", b"second")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"first")]


def test_publishing_onto_a_taken_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "building").mkdir()
    (tmp_path / "final").mkdir()
    with pytest.raises(FileExistsError):
        files.publish_directory(tmp_path / "building", tmp_path / "final")


def plant_link(path: Path, canary: Path) -> None:
    path.symlink_to(canary)


def plant_directory(path: Path, _: Path) -> None:
    path.mkdir()


def plant_pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("plant", [plant_link, plant_directory, plant_pipe])
def test_only_a_regular_file_is_read(plant: Callable[[Path, Path], None], tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_bytes(b"secret")
    plant(tmp_path / "a", canary)
    for read in (files.read_bytes, files.sha256_file, files.read_json):
        with pytest.raises(DamagedError, match="not a regular file"):
            read(tmp_path / "a")


def test_writing_replaces_a_link_and_not_its_target(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_bytes(b"alive")
    (tmp_path / "a").symlink_to(canary)
    files.write_bytes(tmp_path / "a", b"new")
    assert canary.read_bytes() == b"alive"
    assert not (tmp_path / "a").is_symlink()


def test_a_link_in_the_place_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DamagedError, match="not a directory"):
        files.write_bytes(tmp_path / "folder" / "a", b"x")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), JSON, max_size=4))
def test_a_sealed_document_comes_back(value: dict[str, object]) -> None:
    sealed = files.seal_json(value)
    assert files.unseal_json(sealed) == value


@given(st.data())
def test_any_changed_byte_of_a_sealed_document_shows(data: st.DataObject) -> None:
    sealed = bytearray(files.seal_json({"name": "häuser", "n": [1, 2.5, None], "deep": {"a": True}}))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    assert files.unseal_json(bytes(sealed)) is None


def test_every_truncation_of_a_sealed_document_shows() -> None:
    sealed = files.seal_json({"name": "x", "values": [1, 2]})
    assert not any(files.unseal_json(sealed[:end]) is not None for end in range(len(sealed)))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"sha256": 1}', b"null", b"\xff", b"NaN"])
def test_foreign_json_is_damage_that_names_the_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DamagedError, match=r"a\.json: the content is not what was written"):
        files.read_json(tmp_path / "a.json")


def test_a_linked_file_shares_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    files.link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").samefile(tmp_path / "b")


def test_a_file_system_without_links_gets_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a").write_bytes(b"x")
    files.link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"x"
