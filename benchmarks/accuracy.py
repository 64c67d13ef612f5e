"""Leave-one-out accuracy through the command line: import, FULL, campaign, batch recommend, HR@10 and NDCG@10.

The last event of every user is the target, asked for at its own time; items need at least 5 events; seen items are
filtered; the whole catalogue is ranked. Popularity and sequential rules (newfound's own) stand beside the model.

    python benchmarks/accuracy.py ml-1m-full-approx-time --max-minutes 3
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from newfound.dataset import rules
from newfound.evaluation import baselines, ranking

FILTER = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
NEWFOUND = Path(sys.executable).with_name("newfound")
MIN_ITEM_EVENTS = 5
K = 10


def load(folder: Path) -> pl.DataFrame:
    """Read a data set, keep items with enough events, order each user's; SEQ stands in where there is no time."""
    rows = pl.read_parquet(folder / "interactions.parquet")
    if "TIMESTAMP" not in rows.columns:
        rows = rows.rename({"SEQ": "TIMESTAMP"}).with_columns(pl.col("TIMESTAMP").cast(pl.Int64))
    rows = rows.filter(pl.len().over("ITEM_ID") >= MIN_ITEM_EVENTS)
    return rows.select("USER_ID", "ITEM_ID", "TIMESTAMP").sort("USER_ID", "TIMESTAMP", maintain_order=True)


def newfound(project: Path, *arguments: str) -> dict[str, object]:
    """Run one command with --json and return its document."""
    done = subprocess.run([NEWFOUND, "-C", project, "--json", *arguments], check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout))


def ask(work: Path, questions: list[dict[str, object]], k: int, *options: str) -> list[list[str]]:
    """Put questions to the project's campaign in one batch: the k items of each answer."""
    requests, answers = work / "requests.jsonl", work / "answers.jsonl"
    requests.write_text("".join(json.dumps(line) + "\n" for line in questions))
    files = ("--input", str(requests), "--output", str(answers))
    newfound(work / "project", "recommend", *files, "-k", str(k), "--no-log", *options)
    return [json.loads(line)["output"]["recommendedItems"] for line in answers.open()]


def measure(ranked: list[list[str]], targets: list[str]) -> dict[str, float]:
    """HR@10 and NDCG@10 with one relevant item a user."""
    ranks = np.array(
        [row.index(target) if target in row else K for row, target in zip(ranked, targets, strict=True)]
    )
    gains = np.where(ranks < K, 1 / np.log2(ranks + 2.0), 0.0)
    return {f"HR@{K}": float((ranks < K).mean()), f"NDCG@{K}": float(gains.mean())}


def run_baselines(train: pl.DataFrame, test: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Rank by popularity and by sequential rules on the same split."""
    items = train["ITEM_ID"].unique().sort()
    users = test["USER_ID"]
    codes = train["ITEM_ID"].cast(pl.Enum(items)).to_physical().to_numpy().astype(np.int32)
    counts = train.group_by("USER_ID", maintain_order=True).len()
    stops = np.cumsum(counts["len"].to_numpy(), dtype=np.int64)
    place = {user: k for k, user in enumerate(counts["USER_ID"])}
    order = np.array([place[user] for user in users])
    past = ranking.Past(codes, np.append(0, stops[:-1]), stops)
    table = rules.build(codes, past.starts, past.stops, len(items))
    names = items.to_list()
    scorers = {
        "popularity": baselines.popularity(table.counts),
        "rules": baselines.sequential_rules(table, past),
    }
    report = {}
    for name, scorer in scorers.items():
        ranked = ranking.rank(scorer, order, K, past)
        report[name] = measure(
            [[names[k] for k in row if k >= 0] for row in ranked.tolist()], test["ITEM_ID"].to_list()
        )
    return report


def run(data: Path, max_minutes: float | None, seed: int, metadata: bool, work: Path) -> dict[str, object]:
    """Do the whole walk on one data set."""
    rows = load(data)
    last = pl.int_range(pl.len()).over("USER_ID") == pl.len().over("USER_ID") - 1
    train, test = rows.filter(~last), rows.filter(last)
    train.write_parquet(work / "interactions.parquet")
    project = work / "project"
    subprocess.run([NEWFOUND, "init", project], check=True, stdout=subprocess.DEVNULL)
    newfound(project, "dataset", "import", "interactions", str(work / "interactions.parquet"))
    if metadata:
        newfound(project, "dataset", "import", "items", str(data / "items.csv"))
    budget = () if max_minutes is None else ("--max-minutes", str(max_minutes))
    started = time.monotonic()
    trained = newfound(project, "solution", "train", "--mode", "full", "--seed", str(seed), *budget)
    seconds = time.monotonic() - started
    newfound(project, "campaign", "create", "--exploration-weight", "0")
    asked = zip(test["USER_ID"], test["TIMESTAMP"], strict=True)
    ranked = ask(work, [{"userId": user, "at": at} for user, at in asked], K, "--filter", FILTER)
    model = measure(ranked, test["ITEM_ID"].to_list())
    return {
        "data": data.name,
        "events": len(train),
        "users": len(test),
        "seed": seed,
        "trainSeconds": round(seconds, 1),
        "interactions": trained["interactions"],
        "model": model,
        **run_baselines(train, test),
    }


def arguments(text: str | None) -> argparse.ArgumentParser:
    """Which data sets, how long to train, and a seed."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="folders of $NEWFOUND_DATA")
    parser.add_argument("--max-minutes", type=float)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def report_each(names: Sequence[str], run_one: Callable[[Path, Path], dict[str, object]]) -> None:
    """Print what `run_one(data, work)` says of each data set, with an empty folder to work in."""
    root = os.environ.get("NEWFOUND_DATA")
    if root is None:
        sys.exit("NEWFOUND_DATA is unset: point it at the folder of data sets")
    for name in names:
        with tempfile.TemporaryDirectory() as work:
            report = run_one(Path(root) / name, Path(work))
        print(json.dumps(report), flush=True)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--metadata", action="store_true", help="import items.csv too")
    options = parser.parse_args()
    report_each(
        options.data,
        lambda data, work: run(data, options.max_minutes, options.seed, options.metadata, work),
    )


if __name__ == "__main__":
    main()
