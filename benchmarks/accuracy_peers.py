"""Quality against training seconds: newfound beside RecTools SASRec and implicit (ALS, BPR, item-item), one split.

Leave-one-out as in accuracy.py. Peers live in an environment of their own in the --work folder and get the same rows,
seen items filtered, the whole catalogue ranked. SASRec is measured after every epoch of one training, implicit and
newfound at several lengths of training, each from nothing. Measuring does not count, but newfound's seconds are those
of the whole command. Writes a JSON document and a plot beside it, and prints the document.

    python benchmarks/accuracy_peers.py seq-ml-1m-rawids --peer-minutes 30 --output peers.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import accuracy
import numpy as np
import polars as pl
from environment import make_environment
from seeds import default_work

PACKAGES = ("rectools[torch]>=0.19,<0.20", "implicit>=0.7.3,<0.8", "pandas", "scipy")
PEERS = ("implicit", "sasrec")
CHILD = Path(__file__).with_name("peer_accuracy.py")
OURS = "newfound"
BUDGETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#9c755f", "#76b7b2")
WIDTH, HEIGHT, LEFT, BOTTOM, KEY = 900, 420, 70, 40, 220

Curve = list[dict[str, float]]
"""Measurements of one recommender: seconds, HR@10 and NDCG@10, by seconds."""


def measure_peers(python: Path, folder: Path, minutes: float) -> dict[str, Curve]:
    """Train all peers, one after the other, for at most so long each."""
    curves: dict[str, Curve] = {}
    for peer in PEERS:
        command = [python, CHILD, folder, peer, str(minutes)]
        blas = {"OPENBLAS_NUM_THREADS": "1"} if peer == "implicit" else {}  # as implicit asks for
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | blas)
        for line in done.stdout.splitlines():
            row = json.loads(line)
            curves.setdefault(row.pop("peer"), []).append(row)
    return curves


def measure_newfound(data: Path, budgets: Sequence[float], seed: int) -> Curve:
    """Train through the command line for each budget in minutes."""
    curve = []
    for minutes in budgets:
        with tempfile.TemporaryDirectory() as work:
            report = accuracy.run(data, minutes, seed, False, Path(work))
        curve.append({"seconds": report["trainSeconds"], **report["model"]})
    return sorted(curve, key=lambda row: row["seconds"])


def write_split(data: Path, folder: Path) -> None:
    """Write train.csv and test.csv for the peers."""
    rows = accuracy.load(data).rename({"USER_ID": "user", "ITEM_ID": "item", "TIMESTAMP": "time"})
    last = pl.int_range(pl.len()).over("user") == pl.len().over("user") - 1
    rows.filter(~last).write_csv(folder / "train.csv")
    rows.filter(last).write_csv(folder / "test.csv")


def reach(curves: Mapping[str, Curve]) -> dict[str, Any]:
    """How long newfound takes to a peer's last NDCG@10, and over the peer's seconds; None if it does not get there."""
    found = {}
    for name, curve in curves.items():
        if name == OURS:
            continue
        last = curve[-1]
        there = [row["seconds"] for row in curves[OURS] if row["NDCG@10"] >= last["NDCG@10"]]
        found[name] = {
            "NDCG@10": last["NDCG@10"],
            "seconds": last["seconds"],
            "newfoundSeconds": min(there, default=None),
            "ratio": min(there) / last["seconds"] if there else None,
        }
    return found


def plot(curves: Mapping[str, Curve], title: str) -> str:
    """Draw NDCG@10 over training seconds, on a logarithmic scale, as an SVG document."""
    seconds = [max(row["seconds"], 0.01) for curve in curves.values() for row in curve]
    low, high = np.floor(np.log10(min(seconds))), np.ceil(np.log10(max(seconds)))
    top = max(row["NDCG@10"] for curve in curves.values() for row in curve) * 1.1

    def x(value: float) -> float:
        return LEFT + (np.log10(max(value, 0.01)) - low) / (high - low) * (WIDTH - LEFT - KEY)

    def y(value: float) -> float:
        return 30 + (1 - value / top) * (HEIGHT - BOTTOM - 30)

    parts = [f'<text x="{LEFT}" y="18">NDCG@10 by training seconds: {escape(title)}</text>']
    for tick in np.linspace(0, top, 6).tolist():
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - KEY}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"/>'
        )
        parts.append(f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.2f}</text>')
    parts += [
        f'<text x="{x(10**power):.1f}" y="{HEIGHT - 15}" text-anchor="middle">{10**power:g} s</text>'
        for power in np.arange(low, high + 1).tolist()
    ]
    for place, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[place % len(COLOURS)]
        points = [(x(row["seconds"]), y(row["NDCG@10"])) for row in curve]
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in points]
        parts.append(
            f'<text x="{WIDTH - KEY + 10}" y="{40 + 20 * place}" fill="{colour}">{escape(name)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        f' font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="a folder of $NEWFOUND_DATA")
    parser.add_argument("--peer-minutes", type=float, default=30.0, help="at most so long for each peer")
    parser.add_argument("--budget", type=float, action="append", help="minutes of newfound, repeatable")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("accuracy_peers.json"))
    parser.add_argument("--work", type=Path, default=default_work(), help="keeps the environment")
    options = parser.parse_args()
    root = os.environ.get("NEWFOUND_DATA")
    if root is None:
        sys.exit("NEWFOUND_DATA is unset: point it at the folder of data sets")
    data = Path(root) / options.data
    python = make_environment(options.work / "accuracy-peers", PACKAGES)
    with tempfile.TemporaryDirectory() as folder:
        write_split(data, Path(folder))
        curves = measure_peers(python, Path(folder), options.peer_minutes)
    curves[OURS] = measure_newfound(data, options.budget or BUDGETS, options.seed)
    report = {"data": data.name, "seed": options.seed, "curves": curves, "reach": reach(curves)}
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    options.output.with_suffix(".svg").write_text(plot(curves, data.name))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
