"""How long bulk work takes beside what polars and orjson alone take for the same rows, and its peak memory.

    python benchmarks/bulk.py                              every figure, as one JSON document
    python benchmarks/bulk.py csv events --rows 1000000    only these, of fewer rows
    python benchmarks/bulk.py memory --rows 3000000        imports 10 times as many rows, too: 30,000,000
    python benchmarks/bulk.py --work DIR                   keep the generated files in DIR, and use those that are there

The data come from generate.py: 10 million rows are 0.4 GB of CSV, 100 million 4 GB and, imported, another 1.2 GB.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from statistics import median

from side_by_side import Report, Run, run

HERE = Path(__file__).parent
NEWFOUND = str(Path(sys.executable).with_name("newfound"))
ROUNDS = 5

CONVERT = "import polars, sys; polars.scan_{}(sys.argv[1]).sink_parquet(sys.argv[2])"
PARSE_AND_WRITE = """
import os, sys, orjson, polars
with open(sys.argv[1], "rb") as lines:
    rows = [orjson.loads(line) for line in lines]
with open(sys.argv[2], "wb") as file:
    polars.DataFrame(rows, infer_schema_length=None).write_parquet(file)
    os.fsync(file.fileno())
"""


def generated(work: Path, rows: int, suffix: str) -> Path:
    """The file of so many rows; it is made if it is not there, in a process of its own."""
    path = work / f"{rows}{suffix}"
    if not path.exists():
        half = work / f"half-{rows}{suffix}"
        subprocess.run([sys.executable, str(HERE / "generate.py"), str(half), str(rows)], check=True)
        half.rename(path)
    return path


def python(program: str, *arguments: Path) -> list[str]:
    return [sys.executable, "-c", program, *map(str, arguments)]


def in_new_project(work: Path, *arguments: str) -> Run:
    """Run one command in an empty project."""
    project = work / "project"
    shutil.rmtree(project, ignore_errors=True)
    subprocess.run([NEWFOUND, "init", str(project)], check=True, capture_output=True)
    done = run([NEWFOUND, "-C", str(project), "--json", *arguments])
    shutil.rmtree(project)
    return done


def compare(
    work: Path,
    figure: str,
    arguments: tuple[str, ...],
    yardstick: str,
    program: list[str],
    *,
    limit: float,
    limited_by: str,
    peak_limit: float | None = None,
) -> Report:
    """Measure a command, each time in an empty project, alternately with its yardstick."""
    pairs = [(in_new_project(work, *arguments), run(program)) for _ in range(ROUNDS)]
    ours, theirs = (median(pair[k].seconds for pair in pairs) for k in (0, 1))
    return {
        "figure": figure,
        "yardstick": yardstick,
        "limit": limit,
        "ratio": round(ours / theirs, 2),
        "seconds": round(ours, 3),
        "yardstickSeconds": round(theirs, 3),
        "peakMegabytes": round(max(pair[0].megabytes for pair in pairs)),
        "peakLimitMegabytes": peak_limit,
        "rounds": ROUNDS,
        "limitedBy": limited_by,
    }


def measure_csv(work: Path, rows: int) -> Report:
    source = generated(work, rows, ".csv")
    return compare(
        work,
        f"import of {rows:,} interactions from CSV",
        ("dataset", "import", "interactions", str(source)),
        "polars `scan_csv` to `sink_parquet`",
        python(CONVERT.format("csv"), source, work / "out.parquet"),
        limit=2.5,
        peak_limit=2_000,
        limited_by="half is what the yardstick does; then checks, row hashes and distinct ids, on one core",
    )


def measure_parquet(work: Path, rows: int) -> Report:
    source = generated(work, rows, ".parquet")
    return compare(
        work,
        f"import of {rows:,} interactions from Parquet",
        ("dataset", "import", "interactions", str(source)),
        "polars `scan_parquet` to `sink_parquet`",
        python(CONVERT.format("parquet"), source, work / "out.parquet"),
        limit=3,
        limited_by="the file is read twice: first by a child process, which a damaged file may kill",
    )


def measure_memory(work: Path, rows: int) -> Report:
    large, small = (
        in_new_project(work, "dataset", "import", "interactions", str(generated(work, n, ".csv")))
        for n in (10 * rows, rows)
    )
    return {
        "figure": f"peak memory of an import of {10 * rows:,} rows",
        "yardstick": f"of {rows:,} rows: {small.megabytes:,.0f} MB",
        "limit": 1.3,
        "ratio": round(large.megabytes / small.megabytes, 2),
        "seconds": round(large.seconds, 1),
        "yardstickSeconds": round(small.seconds, 1),
        "peakMegabytes": round(large.megabytes),
        "peakLimitMegabytes": None,
        "rounds": 1,
        "limitedBy": "hashes of rows lie in scratch space on disk; of distinct ids 8 bytes each stay in memory",
    }


def measure_events(work: Path, rows: int) -> Report:
    lines = max(rows // 10, 1)
    source = generated(work, lines, ".jsonl")
    return compare(
        work,
        f"`events put` of {lines:,} JSON Lines",
        ("events", "put", str(source)),
        "orjson, then polars `write_parquet`, fsynced",
        python(PARSE_AND_WRITE, source, work / "out.parquet"),
        limit=4,
        limited_by="Python looks at every line: orjson, the proof that no key occurs twice, hashes of eventIds",
    )


FIGURES: dict[str, Callable[[Path, int], Report]] = {
    "csv": measure_csv,
    "parquet": measure_parquet,
    "memory": measure_memory,
    "events": measure_events,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", nargs="*", help=f"some of {', '.join(FIGURES)}")
    parser.add_argument("--rows", type=int, default=10_000_000, help="of interactions; a tenth of events")
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    with nullcontext(options.work) if options.work else tempfile.TemporaryDirectory() as work:
        Path(work).mkdir(exist_ok=True)
        figures = [FIGURES[name](Path(work), options.rows) for name in options.figures or FIGURES]
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()
