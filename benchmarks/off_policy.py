"""Off-policy evaluation on the Open Bandit sample: each of two policies predicts the other's click rate.

The data hold what a uniformly random policy and Bernoulli Thompson sampling showed in the same three places of the same
pages in the same week, with propensities. What the one would have earned is estimated from the other's log alone
(`newfound evaluate --log`); the target's share of items in each place comes from its own log, without its clicks. What
it earned is known, so each prediction can be checked: `within` says whether that lies in the 95 % interval.

    python benchmarks/off_policy.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

DATA = "open-bandit-small"
NEWFOUND = Path(sys.executable).with_name("newfound")
POLICIES = ("random", "bts")
ESTIMATORS = ("snips", "ips", "dr")
COLUMNS = ("--map", "EVENT_VALUE=REWARD", "--map", "CAMPAIGN=CONTEXT")


def predict(rows: pl.DataFrame, log: str, target: str, work: Path) -> dict[str, Any]:
    """Predict the click rate of `target` from the log of `log` and compare."""
    for policy in POLICIES:
        rows.filter(POLICY=policy).drop("POLICY").write_parquet(work / f"{policy}.parquet")
    files = ("--log", str(work / f"{log}.parquet"), "--target-log", str(work / f"{target}.parquet"))
    done = subprocess.run(
        [NEWFOUND, "--json", "evaluate", *files, *COLUMNS], check=False, stdout=subprocess.PIPE
    )
    found = json.loads(done.stdout)
    truth = float(rows.filter(POLICY=target)["EVENT_VALUE"].mean())  # type: ignore[arg-type]
    report: dict[str, Any] = {"log": log, "target": target, "earned": truth}
    if done.returncode:
        return report | {"refusal": found["error"]["message"]}
    for name in ESTIMATORS:
        figures = found["estimators"][name]
        low, high = figures["interval"]
        report[name] = {"value": figures["value"], "interval": [low, high], "within": low <= truth <= high}
    return report | {
        "logged": found["logged"]["value"],
        "effectiveSampleSize": found["effectiveSampleSize"],
        "meanWeight": found["overlap"]["meanWeight"],
        "clippedShare": found["overlap"]["clippedShare"],
    }


def main() -> None:
    """Print one JSON document: both directions over all pages, then page by page."""
    root = os.environ.get("NEWFOUND_DATA")
    if root is None:
        sys.exit(
            "NEWFOUND_DATA is unset: point it at the folder of data sets, and nothing is measured without it"
        )
    rows = pl.read_parquet(Path(root) / DATA / "interactions.parquet")
    pages = {"all pages": rows} | {
        f"page {name[0]}": part for name, part in sorted(rows.group_by("CAMPAIGN"))
    }
    results = []
    with tempfile.TemporaryDirectory() as work:
        for name, part in pages.items():
            for log, target in (POLICIES, POLICIES[::-1]):
                print(f"{name}: {log} predicts {target}", file=sys.stderr, flush=True)
                results.append({"pages": name, **predict(part, log, target, Path(work))})
    print(json.dumps({"data": DATA, "rows": len(rows), "predictions": results}, indent=2))


if __name__ == "__main__":
    main()
