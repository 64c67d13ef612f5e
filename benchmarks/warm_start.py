"""A FULL that begins from the last one's weights beside one from scratch: seconds, and accuracy outside of training.

The last event of every user is the target, as in accuracy.py. A first FULL knows the oldest 95 % of the others; then
the rest is imported, and FULL runs again, warm and from scratch. Both are asked for the targets by the command line.

    python benchmarks/warm_start.py ml-100k [--seeds 3] [--hyperparameter hidden_dimension=64]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
from accuracy import FILTER, NEWFOUND, K, load, measure, newfound

SHARE_BEFORE = 0.95


def asked(project: Path, version: str, requests: Path, answers: Path) -> list[list[str]]:
    """Lists of a version for all requests, at weight 0, seen items filtered."""
    name = version.replace("@", "-")
    newfound(project, "campaign", "create", name, "--solution", version, "--exploration-weight", "0")
    files = ("--input", str(requests), "--output", str(answers))
    newfound(project, "recommend", "--campaign", name, *files, "-k", str(K), "--no-log", "--filter", FILTER)
    return [json.loads(line)["output"]["recommendedItems"] for line in answers.open()]


def run(data: Path, seed: int, fixed: list[str], work: Path) -> dict[str, object]:
    """Walk through one data set with one seed."""
    rows = load(data)
    last = pl.int_range(pl.len()).over("USER_ID") == pl.len().over("USER_ID") - 1
    train, test = rows.filter(~last), rows.filter(last)
    cut = train["TIMESTAMP"].quantile(SHARE_BEFORE, "lower")
    requests, project = work / "users.jsonl", work / "project"
    pairs = zip(test["USER_ID"], test["TIMESTAMP"], strict=True)
    requests.write_text("".join(json.dumps({"userId": user, "at": at}) + "\n" for user, at in pairs))
    subprocess.run([NEWFOUND, "init", project], check=True, stdout=subprocess.DEVNULL)
    hyperparameters = [word for pair in fixed for word in ("--hyperparameter", pair)]
    newfound(project, "solution", "create", "default", *hyperparameters)
    found = {}
    for name, part, options in (
        ("first", train.filter(pl.col("TIMESTAMP") <= cut), ()),
        ("warm", train, ()),
        ("scratch", train, ("--from-scratch",)),
    ):
        part.write_parquet(work / "interactions.parquet")
        newfound(project, "dataset", "import", "interactions", str(work / "interactions.parquet"))
        done = newfound(project, "solution", "train", "--seed", str(seed), *options)
        ranked = asked(project, str(done["solutionVersion"]), requests, work / "answers.jsonl")
        found[name] = {
            "beganFrom": done["warmStart"],
            "seconds": round(float(str(done["seconds"])), 1),
            **measure(ranked, test["ITEM_ID"].to_list()),
        }
    return {"data": data.name, "seed": seed, "newEvents": int((train["TIMESTAMP"] > cut).sum()), **found}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+", help="folders of $NEWFOUND_DATA")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--hyperparameter", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    root = os.environ.get("NEWFOUND_DATA")
    if root is None:
        sys.exit("NEWFOUND_DATA is unset: point it at the folder of data sets")
    for name in options.data:
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as work:
                print(
                    json.dumps(run(Path(root) / name, seed, options.hyperparameter, Path(work))), flush=True
                )


if __name__ == "__main__":
    main()
