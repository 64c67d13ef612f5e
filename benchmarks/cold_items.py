"""Cold items: a tenth of the catalogue is withheld from training, and people are asked for it (model specification §2).

Drawn by seed: a tenth of the items with at least 5 events, all events of which are left out; their metadata is
imported. recall@50 of what a user had of them, among the cold items alone and among all items, what the user had of the
others left out; the mean over users. Also of one of these events of each user, drawn by seed and asked for at its own
time. Beside it: the user's share of events by genre (cosine), and a random order.

    python benchmarks/cold_items.py ml-1m-full-approx-time --max-minutes 3
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from accuracy import FILTER, arguments, ask, load, newfound, report_each

K = 50
SHARE = 0.1


def recall(ranked: list[list[str]], wanted: list[set[str]]) -> float:
    """Mean over users of the share of what they had that stands in their first K."""
    return float(
        np.mean([len(own.intersection(row[:K])) / len(own) for row, own in zip(ranked, wanted, strict=True)])
    )


def by_genre(rows: pl.DataFrame, items: pl.DataFrame, users: list[str], cold: list[str]) -> list[list[str]]:
    """Rank cold items by the cosine of their genres and the user's counts."""
    genres = dict(zip(items["ITEM_ID"], items["GENRES"].fill_null("").str.split("|"), strict=True))
    names = {name: k for k, name in enumerate(sorted({name for own in genres.values() for name in own}))}
    hot = {
        item: np.isin(np.arange(len(names)), [names[name] for name in own]) for item, own in genres.items()
    }
    matrix = np.array([hot[item] / np.sqrt(max(hot[item].sum(), 1)) for item in cold])
    histories = dict(rows.group_by("USER_ID").agg("ITEM_ID").iter_rows())
    profiles = [np.sum([hot[item] for item in histories[user]], axis=0) for user in users]
    return [[cold[k] for k in np.argsort(-(matrix @ profile), kind="stable")[:K]] for profile in profiles]


def run(data: Path, max_minutes: float | None, seed: int, work: Path) -> dict[str, object]:
    """Do the whole walk on one data set."""
    rows, items = load(data), pl.read_csv(data / "items.csv", schema_overrides={"ITEM_ID": pl.String})
    names = rows["ITEM_ID"].unique().sort()
    cold = names.sample(fraction=SHARE, seed=seed).sort()
    is_cold = pl.col("ITEM_ID").is_in(cold.implode())
    train, hidden = rows.filter(~is_cold), rows.filter(is_cold)
    hidden = hidden.filter(pl.col("USER_ID").is_in(train["USER_ID"].unique().implode()))
    had = hidden.group_by("USER_ID").agg("ITEM_ID").sort("USER_ID")
    users, wanted = had["USER_ID"].to_list(), [set(own) for own in had["ITEM_ID"]]
    one = hidden.sample(fraction=1, shuffle=True, seed=seed).unique("USER_ID", keep="first").sort("USER_ID")
    train.write_parquet(work / "interactions.parquet")
    items.filter(pl.col("ITEM_ID").is_in(names.implode())).write_csv(work / "items.csv")
    project = work / "project"
    newfound(project.parent, "init", str(project))
    newfound(project, "dataset", "import", "interactions", str(work / "interactions.parquet"))
    newfound(project, "dataset", "import", "items", str(work / "items.csv"))
    budget = () if max_minutes is None else ("--max-minutes", str(max_minutes))
    newfound(project, "solution", "train", "--mode", "full", "--seed", str(seed), *budget)
    newfound(project, "campaign", "create", "--exploration-weight", "0")
    unseen = ("--filter", FILTER)
    now = [{"userId": user} for user in users]
    then = [{"userId": user, "at": at} for user, at in zip(users, one["TIMESTAMP"], strict=True)]
    among = {"itemList": cold.to_list()}
    target = [{item} for item in one["ITEM_ID"]]
    found = {
        "cold": recall(ask(work, [line | among for line in now], K), wanted),
        "all": recall(ask(work, now, K, *unseen), wanted),
        "next, cold": recall(ask(work, [line | among for line in then], K), target),
        "next, all": recall(ask(work, then, K, *unseen), target),
    }
    return {
        "data": data.name,
        "coldItems": len(cold),
        "users": len(users),
        "seed": seed,
        f"recall@{K}": found,
        "genres": recall(by_genre(train, items, users, cold.to_list()), wanted),
        "random": {"cold": K / len(cold), "all": K / len(names)},
    }


def main() -> None:
    options = arguments(__doc__).parse_args()
    report_each(options.data, lambda data, work: run(data, options.max_minutes, options.seed, work))


if __name__ == "__main__":
    main()
