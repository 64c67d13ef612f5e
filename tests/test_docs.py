"""The documents keep their promises: commands parse, examples run, links lead somewhere, nothing is left out."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.core import TyperGroup

from newfound.project import Project
from newfound.store.locks import lock
from newfound.store.tables import Table
from newfound_cli.arguments import split_globals
from newfound_cli.aws_names import NATIVE

if TYPE_CHECKING:
    from typer._click.core import Context

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "ARCHITECTURE.md", *DOCS.glob("*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SEPARATORS = {"|", "||", "&&", ";", "&"}
NOT_INSTALLED = ("duckdb", "pyspark")


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def newfound_commands(script: str) -> Iterator[list[str]]:
    """The words of every `newfound` command in a shell script, redirections and assignments left out."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word not in SEPARATORS:
                words.append(word)
                continue
            while words and re.match(r"\w+=", words[0]):
                del words[0]
            if words and words[0] == "newfound":
                ends = [k for k, part in enumerate(words) if part[0] in "<>"]
                yield words[1 : min(ends, default=len(words))]
            words = []


@cache
def make_cli() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_cli", DOCS / "make_cli.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leaves() -> list[Context]:
    return [context for context in make_cli().everything() if not isinstance(context.command, TyperGroup)]


def parse(words: list[str]) -> None:
    """Parse a command as the program would, without running it; raises for what is unknown or missing."""
    leading, rest = split_globals(words)
    command = make_cli().get_command(make_cli().root)
    context = command.make_context("newfound", [*leading, *rest])
    while isinstance(command, TyperGroup):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


SHELL = [
    (page.name, words) for page in PAGES for text in blocks(page, "sh") for words in newfound_commands(text)
]


def test_there_are_commands_to_check() -> None:
    assert {name for name, _ in SHELL} >= {"README.md", "tour.md", "exploration.md"}


@pytest.mark.parametrize(
    ("page", "words"), SHELL, ids=lambda value: value if isinstance(value, str) else None
)
def test_every_command_in_a_shell_example_parses(page: str, words: list[str]) -> None:
    parse(words)


@pytest.mark.parametrize(
    "line", ["newfound no-such", "newfound recommend --no-such x", "newfound verify extra"]
)
def test_the_check_of_commands_finds_mistakes(line: str) -> None:
    [words] = newfound_commands(f"cd x && A=1 {line} > out.txt | cat")
    with pytest.raises(Exception, match=r"(?i)no such|unexpected"):
        parse(words)


def inline_commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        prose = FENCE.sub("", page.read_text(encoding="utf-8"))
        for text in re.findall(r"`newfound ([^`]+)`", prose):
            words = text.split()
            if not words[0].isupper() and words[0] not in NATIVE:
                yield page.name, words


@pytest.mark.parametrize(("page", "words"), list(inline_commands()), ids=str)
def test_every_command_in_the_text_exists_with_its_options(page: str, words: list[str]) -> None:
    paths = {tuple(context.command_path.split()[1:]): context.command for context in leaves()}
    _, rest = split_globals(words)
    [command] = [found for path, found in paths.items() if tuple(rest[: len(path)]) == path]
    known = {option for param in command.params for option in param.opts} | {"--help"}
    assert {word for word in rest if word.startswith("-")} <= known


@pytest.mark.parametrize("context", leaves(), ids=lambda context: context.command_path)
def test_every_command_is_in_the_reference_with_an_example_that_parses(context: Context) -> None:
    assert f"## {context.command_path}\n" in (DOCS / "cli.md").read_text(encoding="utf-8")
    examples = context.get_help().partition("Example:")[2].partition("Also accepted")[0]
    found = list(newfound_commands(examples))
    assert found
    for words in found:
        parse(words)


def test_the_reference_is_what_the_commands_say_of_themselves() -> None:
    current = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert current == make_cli().page(), "run: python docs/make_cli.py > docs/cli.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [link for link in links if not (page.parent / link.partition("#")[0]).exists()]
    headings = {
        re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in re.findall(r"^#+ (.*)", text, re.M)
    }
    missing += [link for link in links if link.startswith("#") and link[1:] not in headings]
    assert not missing


def test_every_document_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DOCS.iterdir() if path.is_file() and f"({path.name})" not in index] == [
        "README.md"
    ]


def test_the_first_screen_names_targets_that_exist() -> None:
    targets = re.findall(r"^make (\w+)$", "".join(blocks(ROOT / "README.md", "sh")), re.MULTILINE)
    assert targets == ["demo", "test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def write_data(folder: Path) -> None:
    """Sixty users who each choose twenty of forty items, the even ones even items; two items are new."""
    chance = random.Random(7)
    last = int(time.time()) - 3600
    rows = ["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP"]
    for user in range(60):
        for k, item in enumerate(chance.sample(range(user % 2, 40, 2), 20)):
            rows.append(f"{user},{item},click,{last - 2 * 86_400 + user + 3600 * k}")
    (folder / "clicks.csv").write_text("\n".join([*rows, ""]))
    items = [f"{k},{'Even' if k % 2 == 0 else 'Odd'},{last - 86_400 * 100}" for k in range(40)]
    new = [f"n{k},Even,{last}" for k in range(2)]
    (folder / "items.csv").write_text("\n".join(["ITEM_ID,GENRES,CREATION_TIMESTAMP", *items, *new, ""]))


def run(command: list[str], folder: Path, code: int = 0, **environment: str) -> str:
    """Run a program in a nearly empty environment; return its standard output."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def run_python(text: str, folder: Path) -> str:
    return run([sys.executable, "-c", text], folder, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))


def install(folder: Path) -> None:
    """Put a `newfound` that runs this code into a folder."""
    folder.mkdir(parents=True)
    words = [
        "env",
        f"PYTHONPATH={os.pathsep.join(filter(None, sys.path))}",
        sys.executable,
        "-m",
        "newfound_cli.main",
    ]
    (folder / "newfound").write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    (folder / "newfound").chmod(0o755)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the Python example of README.md was run, and what it printed."""
    folder = tmp_path_factory.mktemp("example")
    write_data(folder)
    [text] = blocks(ROOT / "README.md", "python")
    return folder, run_python(text, folder)


def test_the_python_example_trains_recommends_updates_and_rolls_back(example: tuple[Path, str]) -> None:
    folder, printed = example
    assert re.fullmatch(r"default@v1 \w+ 0\.\d+ [01]\.\d+\n", printed)
    shop = Project.open(folder / "shop")
    found = [(version["trainingMode"], version["status"]) for version in shop.versions()]
    assert found == [("FULL", "ACTIVE"), ("UPDATE", "ACTIVE")]
    assert shop.campaign()["servingVersion"] == "default@v1"


def test_the_examples_that_read_tables_run(example: tuple[Path, str]) -> None:
    all_examples = blocks(DOCS / "tables.md", "python")
    runnable = [text for text in all_examples if not any(name in text for name in NOT_INSTALLED)]
    assert len(all_examples) - len(runnable) == len(NOT_INSTALLED)
    printed = run_python("\n".join(runnable), example[0])
    assert "clicks per 100" in printed
    assert "\n42\n" in printed  # items
    assert "1200\n" in printed  # interactions that version 1 was trained on
    assert re.search(r"^\d+ \['EVENT_OFFSET', 'USER_HASH', 'USER_ID'", printed, re.MULTILINE)


def test_the_columns_of_every_table_are_told(example: tuple[Path, str]) -> None:
    rows = [
        line
        for line in (DOCS / "tables.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    layout = Project.open(example[0] / "shop").layout
    document = {"ITEM_ID", "GENRES", "TITLE", "CREATION_TIMESTAMP"}
    for name in ("items", "events", "recommendations"):
        [row] = [line for line in rows if f"`{name}`" in line.split("|")[1]]
        own = set(Table(layout, name).snapshot().schema.names) - (document if name == "items" else set())
        assert own <= set(re.findall(r"[A-Z_]{2,}", row)), name


def crontab() -> list[str]:
    """The commands of the crontab, their times checked."""
    [text] = blocks(DOCS / "cron.md", "crontab")
    commands = []
    for line in text.splitlines():
        if not line.startswith("#"):
            *times, command = line.split(None, 5)
            assert all(re.fullmatch(r"\*|\d{1,2}", field) for field in times)
            assert "%" not in command  # cron would end the line there
            commands.append(command)
    return commands


@pytest.fixture
def home(example: tuple[Path, str], tmp_path: Path) -> Path:
    """A home directory with the project and the program where the crontab looks for them."""
    shutil.copytree(example[0] / "shop", tmp_path / "shop")
    install(tmp_path / "newfound/.venv/bin")
    Project.open(tmp_path / "shop").put_events([b'{"userId": "1", "itemId": "2"}'])
    return tmp_path


def test_the_crontab_updates_trains_and_checks(home: Path) -> None:
    update, full, compact = crontab()
    shop = Project.open(home / "shop")
    assert run(["/bin/sh", "-c", update], home) == ""
    assert shop.campaign()["servingVersion"] == "default@v3"
    assert run(["/bin/sh", "-c", update], home) == ""  # nothing is new
    assert run(["/bin/sh", "-c", full], home) == ""
    assert shop.campaign()["servingVersion"] == "default@v4"
    assert run(["/bin/sh", "-c", compact], home) == ""
    assert [version["trainingMode"] for version in shop.versions()] == ["FULL", "UPDATE", "UPDATE", "FULL"]
    assert len((home / "shop.log").read_text().splitlines()) == 8


def test_a_busy_solution_stops_the_line_with_exit_5_and_the_campaign_stays(home: Path) -> None:
    update = crontab()[0].replace("train", "train --lock-timeout 0")
    shop = Project.open(home / "shop")
    with lock(shop.layout.lock("solution-default"), 0, "train"):
        run(["/bin/sh", "-c", update], home, code=5)
    assert shop.campaign()["servingVersion"] == "default@v1"
    assert shop.recommend("1", num_results=1)["solutionVersion"] == "default@v1"


def test_the_smoke_script_ends_well_and_leaves_nothing(tmp_path: Path) -> None:
    write_data(tmp_path)
    install(tmp_path / "bin")
    (tmp_path / "scratch").mkdir()
    words = ["/bin/sh", str(DOCS / "smoke.sh"), "clicks.csv", "items.csv"]
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    assert run(words, tmp_path, PATH=path, TMPDIR=str(tmp_path / "scratch")) == "smoke: ok\n"
    assert not list((tmp_path / "scratch").iterdir())


def test_the_smoke_script_ends_with_the_code_of_the_command_that_failed(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("USER_ID,ITEM_ID,TIMESTAMP\nu,i,yesterday\n")
    install(tmp_path / "bin")
    words = ["/bin/sh", str(DOCS / "smoke.sh"), "bad.csv"]
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    assert run(words, tmp_path, code=3, PATH=path, TMPDIR=str(tmp_path)) == ""


def told_arrays(title: str) -> set[str]:
    """Names of arrays in the table of ARCHITECTURE.md whose head begins with `title`, abbreviations spelled out."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = text.partition(f"| {title} ")[2].partition("\n\n")[0].splitlines()[2:]
    names: set[str] = set()
    for row in rows:
        first, *others = re.findall(r"`([^`]+)`", row.split("|")[1])
        for name in (first, *others):
            name = first.split("_")[0] + name if name.startswith("_") else name
            if name.startswith("IDX_"):
                names |= {f"{name[4:]}_{part}" for part in ("hashes", "codes", "text", "starts")}
            else:
                names.add(name)
    return names


@pytest.mark.parametrize("part", ["base", "overlay"])
def test_every_array_of_a_bundle_is_told(part: str, example: tuple[Path, str]) -> None:
    folder = example[0] / "shop/solutions/default/versions/v2/serving" / part
    arrays = {path.stem for path in folder.glob("*.npy")}
    told = told_arrays(part)
    families = tuple(name[:-1] for name in told if name.endswith("*"))
    assert {name for name in arrays - told if not name.startswith(families)} == set()
    assert {name for name in told - arrays if not name.endswith("*")} == set()


def test_shapes_in_the_table_of_arrays_hold(example: tuple[Path, str]) -> None:
    folder = example[0] / "shop/solutions/default/versions/v2/serving"
    arrays = {f"{path.parent.name}/{path.stem}": np.load(path) for path in folder.rglob("*.npy")}
    d, n = arrays["base/E"].shape[1], arrays["base/E"].shape[0]
    total, q = arrays["overlay/created"].shape[0], min(16, len(arrays["base/taste_variance"])) + 1
    users = arrays["base/users_codes"].shape[0]
    shapes = {
        "base/W": (d, 3 * d),
        "base/F": (64, d),
        "base/item_bias": (n,),
        "base/state_h": (users, d + len(arrays["base/fade"]) * (d + 1)),
        "base/state_recent": (users, len(arrays["base/lags"]) - 1),
        "base/M": (len(arrays["base/fade"]), d, d),
        "base/history_offsets": (users + 1,),
        "base/prior_variance": (q,),
        "base/taste": (n, len(arrays["base/taste_variance"])),
        "overlay/popularity": (7, total),
        "overlay/trial_user_features": (len(arrays["overlay/trial_item"]), q),
        "overlay/items_codes": (total - n,),
    }
    assert {name: arrays[name].shape for name in shapes} == shapes


@pytest.mark.parametrize(("page", "lines"), [("README.md", 150), ("ARCHITECTURE.md", 220)])
def test_the_entrances_stay_short(page: str, lines: int) -> None:
    assert len((ROOT / page).read_text(encoding="utf-8").splitlines()) < lines
