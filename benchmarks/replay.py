"""The next click on a site whose catalogue changes: FULL on the first 80 % of time, then replay with hourly UPDATEs.

Every later event is asked for at its own time, at weight 0 and without a filter, and counts as found if it is among
the ten answers. The same user's events of the running hour are known, those of others from the next UPDATE on.
Beside newfound: popularity at fixed half-lives, and item-item by cosine, with the counts of the same moments.

    python benchmarks/replay.py deskdrop
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from newfound.dataset import popularity
from newfound.dataset.event_rows import EventRow
from newfound.explore.settings import ExplorationSettings
from newfound.project import Project
from newfound.recipes.update import UpdateInputs, update
from newfound.serving.bundle import Bundle, open_bundle
from newfound.serving.recommender import Recommender, Request
from newfound.store.versions import find_version

HOUR = 3_600
HALF_LIVES = np.array([1, 4, 12, 48]) * HOUR
TRAIN_SHARE = 0.8
K = 10


class ItemItem:
    """Cosine of the people that two items have in common, summed over a person's items (Sarwar et al., WWW 2001)."""

    def __init__(self, n_items: int) -> None:
        self._common = np.zeros((n_items, n_items), np.float32)
        self._own: dict[str, list[int]] = {}

    def add(self, user: str, item: int) -> None:
        """Count an event; a second one of the same user and item says nothing more."""
        own = self._own.setdefault(user, [])
        if item not in own:
            own.append(item)
            self._common[item, own] += 1
            self._common[own[:-1], item] += 1

    def best(self, user: str, hour: list[int]) -> list[int]:
        """The K best items for a user who also had those of the running hour; nothing for a stranger."""
        own = list({*self._own.get(user, ()), *hour})
        root = np.sqrt(np.maximum(self._common.diagonal(), 1))
        scores = (self._common[own] / root[own, None]).sum(axis=0) / root
        best = np.argpartition(-scores, K)[:K]
        return best[scores[best] > 0].tolist()


def trained(rows: pl.DataFrame, work: Path) -> Bundle:
    """Import and train like a user would."""
    rows.write_parquet(work / "interactions.parquet")
    Project.init(work / "project")
    project = Project.open(work / "project")
    project.import_dataset("interactions", [work / "interactions.parquet"])
    name = project.train(seed=0)["solutionVersion"]
    return open_bundle(find_version(project.layout, name).serving)


def replay(rows: pl.DataFrame, work: Path) -> dict[str, object]:
    """Ask for every event after the cut; returns HR@10 of newfound, of each half-life and of item-item."""
    rows = rows.select("USER_ID", "ITEM_ID", "EVENT_TYPE", "TIMESTAMP").sort("TIMESTAMP", maintain_order=True)
    cut = int(TRAIN_SHARE * len(rows))
    bundle = trained(rows[:cut], work)
    items = rows["ITEM_ID"].unique().sort().to_list()
    code = {item: k for k, item in enumerate(items)}
    past = np.array([code[item] for item in rows["ITEM_ID"][:cut]], np.int32)
    counts = popularity.updated(
        popularity.empty(HALF_LIVES, len(items)), past, rows["TIMESTAMP"][:cut].to_numpy(), len(items)
    )
    company = ItemItem(len(items))
    for user, item in zip(rows["USER_ID"][:cut], past.tolist(), strict=True):
        company.add(user, item)
    found = np.zeros(2 + len(HALF_LIVES))
    hour: list[EventRow] = []
    recommender: Recommender | None = None
    for offset, (user, item, kind, time) in enumerate(rows[cut:].iter_rows(), start=1):
        if hour and time // HOUR != hour[0].time // HOUR:
            bundle = update(
                bundle, UpdateInputs(hour, {}, [], offset, bundle.meta.item_record_offset), 0
            ).bundle
            fresh = np.array([code[event.item or ""] for event in hour], np.int32)
            counts = popularity.updated(counts, fresh, np.array([event.time for event in hour]), len(items))
            for event, old in zip(hour, fresh.tolist(), strict=True):
                company.add(event.user, old)
            hour, recommender = [], None
        recommender = recommender or Recommender(bundle, ExplorationSettings(0.0), time)
        own = [event for event in hour if event.user == user]
        [answer] = recommender.answer([Request(user, K, "replay", time)], {user: own})
        popular = np.argpartition(-counts.values, K, axis=1)[:, :K]
        alike = company.best(user, [code[event.item or ""] for event in own])
        found += [
            item in bundle.item_ids(answer.slate.items),
            *(popular == code[item]).any(axis=1),
            code[item] in alike,
        ]
        hour.append(EventRow(offset, user, item, kind, time, None, None, None, True))
    newfound, *others, alike_share = (found / (len(rows) - cut)).round(4).tolist()
    hours = (int(seconds // HOUR) for seconds in HALF_LIVES)
    return {
        "events": len(rows) - cut,
        f"HR@{K}": newfound,
        "popularity": {f"{n} h": value for n, value in zip(hours, others, strict=True)},
        "itemItem": alike_share,
        "ratioToBest": round(newfound / max(*others, alike_share), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default="deskdrop", help="a folder of $NEWFOUND_DATA")
    options = parser.parse_args()
    root = os.environ.get("NEWFOUND_DATA")
    if root is None:
        sys.exit("NEWFOUND_DATA is unset: point it at the folder of data sets")
    with tempfile.TemporaryDirectory() as work:
        rows = pl.read_parquet(Path(root) / options.data / "interactions.parquet")
        print(json.dumps({"data": options.data, **replay(rows, Path(work))}))


if __name__ == "__main__":
    main()
