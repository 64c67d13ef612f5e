"""Run every benchmark and render the table in benchmarks/README.md from what it measured.

python benchmarks/run.py            all of them
python benchmarks/run.py accuracy   those whose name begins so
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"
START, END = "<!-- results -->", "<!-- end of results -->"
BENCHMARKS = {
    "accuracy-ml-100k": ("accuracy.py", "ml-100k", "--max-minutes", "1"),
    "accuracy-ml-1m": ("accuracy.py", "ml-1m-full-approx-time", "--max-minutes", "3"),
    "accuracy-ml-1m-order": ("accuracy.py", "seq-ml-1m-rawids", "--max-minutes", "3"),
    "off-policy": ("off_policy.py",),
    "accuracy-beauty": ("accuracy.py", "seq-s3rec-beauty", "--max-minutes", "2"),
    "replay": ("replay.py",),
    "training": ("training.py",),
    "scale": ("scale.py",),
    "warm-start": ("warm_start.py", "ml-100k"),
    "latency": ("latency.py",),
    "bulk": ("bulk.py",),
    "batch": ("batch.py",),
    "update": ("update.py",),
}


def run(name: str) -> None:
    """Run one benchmark and keep its JSON."""
    done = subprocess.run(
        [sys.executable, HERE / BENCHMARKS[name][0], *BENCHMARKS[name][1:]],
        stdout=subprocess.PIPE,
        check=True,
    )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_bytes(done.stdout)


def render() -> str:
    """Make the table of everything measured so far."""
    lines = [
        "| data | training seconds | newfound HR@10 / NDCG@10 | sequential rules | popularity |",
        "|---|---|---|---|---|",
    ]
    for path in sorted(RESULTS.glob("accuracy-*.json")):
        report = json.loads(path.read_text())
        cells = (
            f"{report[key]['HR@10']:.3f} / {report[key]['NDCG@10']:.3f}"
            for key in ("model", "rules", "popularity")
        )
        lines.append(f"| {report['data']} | {report['trainSeconds']:.0f} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *ratio_lines()])


def ratio_lines() -> list[str]:
    """Make the table of figures that are stated as a ratio to a yardstick of the same run."""
    lines = [
        "| figure | yardstick | at most | measured | peak memory | what limits it |",
        "|---|---|---|---|---|---|",
    ]
    for path in sorted(RESULTS.glob("*.json")):
        for row in json.loads(path.read_text()).get("figures", ()):
            measured = f"**{row['ratio']:.2f} times** ({1e3 * row['seconds']:,.0f} ms)"
            bound = f" of {row['peakLimitMegabytes']:,} MB" if row["peakLimitMegabytes"] else " MB"
            cells = (
                row["figure"],
                f"{row['yardstick']} ({1e3 * row['yardstickSeconds']:,.0f} ms)",
                f"{row['limit']:g} times",
                measured,
                f"{row['peakMegabytes']:,}{bound}",
                row["limitedBy"],
            )
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Run what was asked for and rewrite the table."""
    if "NEWFOUND_DATA" not in os.environ:
        sys.exit("NEWFOUND_DATA is unset: point it at the folder of data sets")
    prefix = sys.argv[1] if len(sys.argv) > 1 else ""
    for name in BENCHMARKS:
        if name.startswith(prefix):
            print(name, flush=True)
            run(name)
    readme = HERE / "README.md"
    before, _, rest = readme.read_text().partition(START)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{START}\n{render()}\n{END}{after}")


if __name__ == "__main__":
    main()
