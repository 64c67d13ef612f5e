"""Bad input through real processes: a clear error, the exit code of the contract, and a project that is as before."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from newfound.project import Project
from tests.worlds import LATEST

HEADER = "USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP"
ROWS = [f"u{k % 30},i{k % 40},click,{LATEST - k}" for k in range(999)]


def csv(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file of a project by its hash; empty lock files say nothing."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.parent.name != "locks")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def newfound(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "newfound_cli.main", "-q", "-C", str(project), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def assert_refused(project: Path, code: int, told: str, *arguments: str) -> None:
    before = fingerprint(project)
    done = newfound(project, *arguments)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    first = done.stderr.splitlines()[0]
    assert first.startswith("error: ") and told in done.stderr and "Traceback" not in done.stderr
    assert fingerprint(project) == before
    document = json.loads(newfound(project, "--json", *arguments).stdout)
    assert document["error"].keys() >= {"code", "message", "hint", "path"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    Project.init(tmp_path / "shop")
    (tmp_path / "good.csv").write_bytes(csv(*ROWS))
    Project.open(tmp_path / "shop").import_dataset("interactions", [tmp_path / "good.csv"])
    return tmp_path / "shop"


GOOD = ROWS[0]
FILES = {
    "a missing column": (csv("u1,click,1", header="USER_ID,EVENT_TYPE,TIMESTAMP"), "ITEM_ID"),
    "a wrong type": (csv(GOOD, "u1,i1,click,yesterday"), ":3:TIMESTAMP"),
    "an empty id": (csv(GOOD, f",i1,click,{LATEST}"), ":3:USER_ID"),
    "an over-long id": (csv(GOOD, f"{'u' * 257},i1,click,{LATEST}"), ":3:USER_ID"),
    "not a number": (
        csv(f"u1,i1,{LATEST},NaN", header="USER_ID,ITEM_ID,TIMESTAMP,EVENT_VALUE"),
        ":2:EVENT_VALUE",
    ),
    "a duplicate header": (csv(GOOD + ",u2", header=f"{HEADER},USER_ID"), "USER_ID"),
    "milliseconds": (csv(f"u1,i1,click,{LATEST}000"), "milliseconds"),
    "a stray quote": (csv(GOOD, f'u1,"i1"x,click,{LATEST}'), "quote"),
    "an empty file": (b"", "empty"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_bad_file_is_refused_whole_and_changes_nothing(shop: Path, tmp_path: Path, what: str) -> None:
    content, told = FILES[what]
    (tmp_path / "bad.csv").write_bytes(content)
    assert_refused(shop, 3, told, "dataset", "import", "interactions", str(tmp_path / "bad.csv"))


def test_a_truncated_gzip_is_refused(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.csv.gz").write_bytes(gzip.compress(csv(*ROWS))[:-50])
    assert_refused(shop, 3, "bad.csv.gz", "dataset", "import", "interactions", str(tmp_path / "bad.csv.gz"))


def test_a_folder_without_data_is_refused(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert_refused(shop, 3, "folder", "dataset", "import", "interactions", str(tmp_path / "folder"))


def test_a_path_that_does_not_exist_is_not_found(shop: Path) -> None:
    assert_refused(shop, 4, "nowhere.csv", "dataset", "import", "interactions", "nowhere.csv")


def test_999_interactions_are_too_few_to_train(shop: Path) -> None:
    assert_refused(shop, 3, "999 interactions", "solution", "train", "--mode", "full")


def test_an_update_before_any_full_says_what_to_run_first(shop: Path) -> None:
    assert_refused(shop, 4, "--mode full", "solution", "train", "--mode", "update")


@pytest.mark.parametrize(
    ("code", "told", "arguments"),
    [
        (2, "exploration weight", ("campaign", "create", "more", "--exploration-weight", "1.01")),
        (2, "exploration weight", ("campaign", "create", "more", "--exploration-weight", "-0.1")),
        (2, "cut-off", ("campaign", "create", "more", "--exploration-item-age-cutoff", "0")),
        (4, "campaign", ("recommend", "--user", "u1", "--campaign", "nobody")),
    ],
)
def test_bad_settings_and_unknown_campaigns_change_nothing(
    project: Project, code: int, told: str, arguments: tuple[str, ...]
) -> None:
    assert_refused(project.root, code, told, *arguments)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"{", b"["), (b'"formatVersion"', b'"formatversion"'), (b"shop", b"shoq")],
)
def test_a_corrupt_project_file_is_exit_6(shop: Path, old: bytes, new: bytes) -> None:
    path = shop / "newfound.json"
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    assert_refused(shop, 6, "newfound.json", "status")


def test_a_project_of_a_newer_format_is_exit_6(shop: Path) -> None:
    path = shop / "newfound.json"
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps(document | {"formatVersion": document["formatVersion"] + 1}))
    assert_refused(shop, 6, "newer", "status")
