"""Make a project of ml-1m and many generated users, in which a tenth of the items has just come out.

    python benchmarks/shop.py DIRECTORY USERS

Young items come out at the newest event, and nobody had one: their interactions are left out. A generated user has
five events of the last month, drawn like those of ml-1m. `requests-ml-1m.jsonl` and `requests-generated.jsonl` beside
the project ask for all users. Trained for 20 seconds.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import polars as pl
from latency import DATA, NEWFOUND, newfound, run_all

EVENTS = 5
DAY = 86_400


def make_tables(folder: Path, users: int) -> None:
    """Write interactions.parquet, items.csv and the two files of requests."""
    rng = np.random.default_rng(0)
    data = Path(os.environ["NEWFOUND_DATA"]) / DATA
    rows = pl.read_parquet(data / "interactions.parquet").select(
        "USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE"
    )
    latest = int(rows["TIMESTAMP"].to_numpy().max())
    known = pl.DataFrame({"ITEM_ID": rows["ITEM_ID"].unique().sort()})
    items = known.join(pl.read_csv(data / "items.csv", schema_overrides={"ITEM_ID": pl.String}), on="ITEM_ID")
    young = rng.random(len(items)) < 0.1
    age = np.where(young, 0, 1_000 * DAY)
    items.with_columns(CREATION_TIMESTAMP=pl.Series(latest - age)).write_csv(folder / "items.csv")
    rows = rows.join(items.filter(pl.Series(young)), on="ITEM_ID", how="anti")
    people = [f"generated-{k}" for k in range(users)]
    n = EVENTS * users
    drawn = pl.DataFrame(
        {
            "USER_ID": np.repeat(people, EVENTS),
            "ITEM_ID": rows["ITEM_ID"].sample(n, with_replacement=True, seed=1),
            "TIMESTAMP": latest - rng.integers(0, 30 * DAY, n),
            "EVENT_TYPE": rows["EVENT_TYPE"][0],
        }
    )
    pl.concat([rows, drawn]).write_parquet(folder / "interactions.parquet")
    for name, asked in (("ml-1m", rows["USER_ID"].unique().sort()), ("generated", people)):
        lines = (json.dumps({"userId": user}) + "\n" for user in asked)
        (folder / f"requests-{name}.jsonl").write_text("".join(lines))


def main() -> None:
    folder, users = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True)
    make_tables(folder, users)
    project = folder / "project"
    run_all(
        [NEWFOUND, "init", str(project)],
        newfound(project, "dataset", "import", "interactions", str(folder / "interactions.parquet")),
        newfound(project, "dataset", "import", "items", str(folder / "items.csv")),
        newfound(project, "solution", "train", "--max-minutes", "0.3"),
        newfound(project, "campaign", "create", "--exploration-weight", "0.3"),
    )


if __name__ == "__main__":
    main()
