"""Batch recommend beside the arithmetic that it cannot do without: a product and a selection of the same shapes.

    python benchmarks/batch.py                every figure, as one JSON document
    python benchmarks/batch.py --work DIR     keep the project in DIR, and use the one that is there
    python benchmarks/batch.py --users 20000  fewer generated users

newfound is timed from the shell: start, histories, network, blend, exploration with propensities, the log made durable,
and the output. The yardstick is timed inside its process: numpy's float32 product of user and item vectors, block by
block, and argpartition of each block.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from statistics import median

import numpy as np
from latency import make, newfound, run_all, script
from side_by_side import Report, run

K = 25
YARDSTICK = f"""
import sys, time
import numpy as np
users, items, size = map(int, sys.argv[1:])
source = np.random.default_rng(0)
U, E = (source.standard_normal((n, size), dtype=np.float32) for n in (users, items))
started = time.perf_counter()
for low in range(0, users, 512):
    np.argpartition(U[low : low + 512] @ E.T, items - {K}, axis=1)[:, items - {K} :]
print(time.perf_counter() - started)
"""
LIMITED_BY = (
    "as profiled while weight 0.3 counted a whole standard deviation, propensities take 55 % of a generated user's"
    " time: more than half of the places are young, and each such item is left out in turn of the count of contenders;"
    " rules take 11 %, and 26 % of an ml-1m user's (5,000 sums); two processes share it; starting takes .3 s"
)


def shapes(project: Path) -> tuple[int, int]:
    """Items, and the width of their vectors."""
    path = project / "solutions/default/versions/v1/serving/base/E.npy"
    return tuple(np.load(path, mmap_mode="r").shape)


def measure(folder: Path, who: str, suffix: str, limit: float, rounds: int) -> Report:
    project, requests = folder / "project", folder / f"requests-{who}.jsonl"
    users = requests.read_text().count("\n")
    output = folder / f"answers{suffix}"
    command = newfound(project, "recommend", "--input", str(requests), "--output", str(output), "-k", str(K))
    yardstick = [sys.executable, "-c", YARDSTICK, str(users), *map(str, shapes(project))]
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(run(command))
        theirs.append(float(subprocess.run(yardstick, check=True, stdout=subprocess.PIPE).stdout))
    seconds = median(one.seconds for one in ours)
    return {
        "figure": f"batch `recommend`, {users:,} {who} users to {suffix}, a tenth of the items young, logged",
        "yardstick": "product and argpartition",
        "limit": limit,
        "ratio": round(seconds / median(theirs), 2),
        "seconds": round(seconds, 3),
        "yardstickSeconds": round(median(theirs), 3),
        "peakMegabytes": round(max(one.megabytes for one in ours)),
        "peakLimitMegabytes": None,
        "rounds": rounds,
        "limitedBy": LIMITED_BY,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if "NEWFOUND_DATA" not in os.environ:
        sys.exit("NEWFOUND_DATA is unset: point it at the folder of data sets")
    with nullcontext(options.work) if options.work else tempfile.TemporaryDirectory() as work:
        Path(work).mkdir(exist_ok=True)
        # In a process of its own: a child's peak memory is never below its parent's.
        build = lambda path: run_all(script("shop.py", path, options.users))  # noqa: E731
        folder = make(Path(work) / f"shop-{options.users}", build)
        figures = [
            measure(folder, who, suffix, limit, options.rounds)
            for suffix, limit in ((".jsonl", 4), (".parquet", 2.5))
            for who in ("ml-1m", "generated")
        ]
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()
