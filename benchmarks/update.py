"""What an UPDATE costs: beside its imports after little, and on a long history beside a short one after much.

    python benchmarks/update.py               every figure, as one JSON document
    python benchmarks/update.py few           only this one (few, many)
    python benchmarks/update.py --work DIR    keep the projects in DIR, and use those that are there

Every run of an UPDATE starts from the same parent and publishes one more version.
"""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

from latency import make, measure, newfound, python_import, run_all, script, trained
from side_by_side import Report, compare

FEW_USERS, FEW_EVENTS = 1_500, 3_000
MANY_EVENTS, NEW_ITEMS = 100_000, 5_000
ITEMS = 50_000
SHORT, LONG = 1_000_000, 10_000_000
EVENTS_PER_USER = 10  # of million.py
LATEST = 1_700_000_000
SECONDS_PER_EVENT = 0.001


def write_lines(path: Path, lines: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def answered(work: Path) -> Path:
    """ml-1m with logged answers: one item of each was clicked, after one without a list."""

    def build(project: Path) -> None:
        subprocess.run(["cp", "-r", trained(work), project], check=True)
        asked, given, events = (work / f"{name}.jsonl" for name in ("asked", "given", "events"))
        write_lines(asked, [{"userId": str(2 + k)} for k in range(FEW_USERS)])
        run_all(newfound(project, "recommend", "--input", str(asked), "--output", str(given), "-k", "10"))
        lines: list[dict[str, object]] = []
        for k, line in enumerate(given.open()):
            row = json.loads(line)
            items, user = row["output"]["recommendedItems"], row["input"]["userId"]
            clicked = {"recommendationId": row["output"]["recommendationId"], "itemId": items[k % 10]}
            lines += [
                {"userId": user, "sentAt": 1_046_500_000 + 2 * k + j, **what}
                for j, what in enumerate(({"itemId": items[k % 7]}, clicked))
            ]
        assert len(lines) == FEW_EVENTS
        write_lines(events, lines)
        run_all(newfound(project, "events", "put", str(events)))

    return make(work / "answered", build)


def history(work: Path, rows: int) -> Path:
    """A history of many rows; then events of old and new users on old and new items, the same for any length."""
    users = rows // EVENTS_PER_USER

    def build(project: Path) -> None:
        items, events = work / f"items-{rows}.jsonl", work / f"events-{rows}.jsonl"
        chance = random.Random(0)
        write_lines(
            items,
            [
                {"itemId": f"fresh-{k}", "properties": {"genres": "A|B", "creationTimestamp": LATEST}}
                for k in range(NEW_ITEMS)
            ],
        )
        people = [f"user-{chance.randrange(users)}" for _ in range(MANY_EVENTS // 2)]
        people[::20] = [f"guest-{k}" for k in range(len(people[::20]))]
        catalogue = [*(f"item-{k}" for k in range(ITEMS)), *(f"fresh-{k}" for k in range(NEW_ITEMS))]
        write_lines(
            events,
            [
                {"userId": user, "itemId": chance.choice(catalogue), "sentAt": LATEST + k // 30}
                for k, user in enumerate(people * 2)
            ],
        )
        run_all(
            script("million.py", project, "--items", ITEMS, "--users", users),
            newfound(project, "items", "put", str(items)),
            newfound(project, "events", "put", str(events)),
        )

    return make(work / f"history-{rows}", build)


def update(project: Path) -> list[str]:
    return newfound(project, "solution", "train", "--mode", "update", "--parent", "default@v1")


def measure_few(work: Path) -> Report:
    imports = "numpy, deltalake, polars, typer"
    report = compare(
        f"UPDATE, ml-1m, {FEW_EVENTS:,} events, half of them on {FEW_USERS:,} logged lists, less 1 ms an event",
        update(answered(work)),
        f"`import {imports}`",
        python_import(imports),
        limit=3,
        limited_by="the blend, fitted again on a thousand examples with a thousand candidates each",
        rounds=5,
    )
    seconds, imported = (float(str(report[key])) for key in ("seconds", "yardstickSeconds"))
    return report | {"ratio": round(max(seconds - SECONDS_PER_EVENT * FEW_EVENTS, 0) / imported, 2)}


def measure_many(work: Path) -> Report:
    return compare(
        f"UPDATE, {LONG:,} rows of history, {MANY_EVENTS:,} events, {NEW_ITEMS:,} new items",
        update(history(work, LONG)),
        f"the same, {SHORT:,} rows",
        update(history(work, SHORT)),
        limit=1.5,
        limited_by="new events and items; pages of old states and histories lie farther apart",
        rounds=5,
    )


FIGURES = {"few": measure_few, "many": measure_many}


if __name__ == "__main__":
    measure(__doc__, FIGURES)
