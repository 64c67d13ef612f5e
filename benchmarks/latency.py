"""How long one short command takes, from the shell and cold, beside the imports that nothing like it can do without.

    python benchmarks/latency.py               every figure, as one JSON document
    python benchmarks/latency.py help put      only these
    python benchmarks/latency.py --work DIR    keep the projects in DIR, and use those that are there

The ml-1m project is imported and trained for 20 seconds; the one of a million items is made by million.py.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

from side_by_side import Report, compare

HERE = Path(__file__).parent
NEWFOUND = str(Path(sys.executable).with_name("newfound"))
DATA = "ml-1m-full-approx-time"
IMPORTS = "numpy, deltalake, typer"
NEW_EVENTS = 5
PUTS = 2_000


def newfound(project: Path, *arguments: str) -> list[str]:
    return [NEWFOUND, "-C", str(project), *arguments]


def python_import(names: str) -> list[str]:
    return [sys.executable, "-c", f"import {names}"]


def make(path: Path, build: Callable[[Path], None]) -> Path:
    """Build what is not there yet."""
    if not path.exists():
        half = path.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        build(half)
        half.rename(path)
    return path


def run_all(*commands: list[str]) -> None:
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def script(name: str, *arguments: object) -> list[str]:
    """A script of this folder: in a process of its own, since a child's peak memory is never below its parent's."""
    return [sys.executable, str(HERE / name), *map(str, arguments)]


def puts(project: Path, user: str, prefix: str, first: int) -> list[list[str]]:
    """The commands that give a user new events from a Unix second on."""
    return [
        newfound(
            project,
            "events",
            "put",
            "--user",
            user,
            "--item",
            f"{prefix}{100 * k}",
            "--timestamp",
            str(first + k),
        )
        for k in range(1, NEW_EVENTS + 1)
    ]


def trained(work: Path) -> Path:
    """ml-1m, trained briefly, and a user with new events; in the campaign `exploring` every item is young."""
    source = f"{os.environ['NEWFOUND_DATA']}/{DATA}/interactions.parquet"

    def build(project: Path) -> None:
        run_all(
            [NEWFOUND, "init", str(project)],
            newfound(project, "dataset", "import", "interactions", source),
            newfound(project, "solution", "train", "--max-minutes", "0.3"),
            newfound(project, "campaign", "create"),
            newfound(project, "campaign", "create", "exploring", "--exploration-item-age-cutoff", "2000"),
            *puts(project, "1", "", 1_046_460_000),
        )

    return make(work / "ml-1m", build)


def updated(work: Path) -> Path:
    """The same, right after an UPDATE."""

    def build(project: Path) -> None:
        shutil.copytree(trained(work), project)
        run_all(
            newfound(project, "solution", "train", "--mode", "update"),
            newfound(project, "campaign", "update"),
        )

    return make(work / "updated", build)


def after_puts(work: Path) -> Path:
    """The same, and many puts since."""

    def build(project: Path) -> None:
        shutil.copytree(updated(work), project)
        run_all(script("puts.py", project, PUTS))

    return make(work / "after-puts", build)


def a_million(work: Path) -> Path:
    """A million items, five million users, and a user with new events."""

    def build(project: Path) -> None:
        run_all(script("million.py", project), *puts(project, "user-1", "item-", 1_700_000_000))

    return make(work / "million", build)


def measure_help(_: Path) -> Report:
    return compare(
        "`newfound --help`",
        [NEWFOUND, "--help"],
        "`import typer`",
        python_import("typer"),
        limit=1.6,
        limited_by="starting Python and importing typer; own modules take the rest",
    )


def measure_recommend(work: Path) -> Report:
    return compare(
        f"`recommend --user`, ml-1m, logged, {NEW_EVENTS} new events",
        newfound(trained(work), "recommend", "--user", "1", "--campaign", "exploring"),
        f"`import {IMPORTS}`",
        python_import(IMPORTS),
        limit=1.8,
        peak_limit=250,
        limited_by="imports: numpy, typer, and 60 small modules of our own; a fifth is the answer itself",
    )


def measure_million(work: Path) -> Report:
    return compare(
        "the same, 1 million items, 5 million users",
        newfound(a_million(work), "recommend", "--user", "user-1"),
        "`recommend --user`, ml-1m",
        newfound(trained(work), "recommend", "--user", "1"),
        limit=3,
        peak_limit=900,
        limited_by="passes over a million scores, and 256 MB of item vectors that are read once",
    )


def measure_put(work: Path) -> Report:
    return compare(
        "one durable `events put`",
        newfound(trained(work), "events", "put", "--user", "2", "--item", "50"),
        f"`import {IMPORTS}`",
        python_import(IMPORTS),
        limit=1.8,
        limited_by="imports of numpy and typer; six fsyncs are the durable commit",
    )


def measure_after_puts(work: Path) -> Report:
    return compare(
        f"`recommend --user` after {PUTS:,} single puts",
        newfound(after_puts(work), "recommend", "--user", "1"),
        "right after UPDATE",
        newfound(updated(work), "recommend", "--user", "1"),
        limit=1.5,
        limited_by="every put is a file: appends merge 32 of them, and only those that may hold the user are read",
    )


FIGURES = {
    "help": measure_help,
    "recommend": measure_recommend,
    "million": measure_million,
    "put": measure_put,
    "after-puts": measure_after_puts,
}


def measure(description: str | None, measures: Mapping[str, Callable[[Path], Report]]) -> None:
    """Measure the figures that the command line names, or all, and print them as JSON."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", nargs="*", help=f"some of {', '.join(measures)}")
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    if "NEWFOUND_DATA" not in os.environ:
        sys.exit("NEWFOUND_DATA is unset: point it at the folder of data sets")
    with nullcontext(options.work) if options.work else tempfile.TemporaryDirectory() as work:
        Path(work).mkdir(exist_ok=True)
        figures = [measures[name](Path(work)) for name in options.figures or measures]
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    measure(__doc__, FIGURES)
