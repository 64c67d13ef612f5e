"""The people and films of the demo: sample data moved to today, and what people do on seeing new films."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from newfound.columns import CREATION_TIMESTAMP, ITEM_ID, TIMESTAMP, USER_ID
from newfound.resources import sample_data
from newfound.store.files import make_directory, write_bytes
from newfound_cli.text import dump_json

FILES = {"interactions": TIMESTAMP, "items": CREATION_TIMESTAMP}
FAVOURITES = 3

Answers = Sequence[Mapping[str, Any]]  # the lines of `recommend --output`


@dataclass(frozen=True, slots=True)
class World:
    """Titles and genres by item, the new items, and each user's favourite genres."""

    titles: dict[str, str]
    genres: dict[str, frozenset[str]]
    new: frozenset[str]
    tastes: dict[str, frozenset[str]]

    def is_good(self, item: str) -> bool:
        """Tell the truth about a new item, which nothing but clicks shows."""
        return crc32(item.encode()) % 2 == 0

    def clicks(self, user: str, item: str) -> bool:
        """Tell whether a user chooses a new item: it is good, and of a genre that the user likes."""
        return item in self.new and self.is_good(item) and bool(self.genres[item] & self.tastes[user])


def write_sample(folder: Path) -> World:
    """Write the sample data to `folder`, shifted so that its last interaction is an hour ago."""
    make_directory(folder)
    tables = {}
    for name in FILES:
        with (sample_data() / f"bandits-demo-{name}.csv").open(encoding="utf-8", newline="") as source:
            tables[name] = list(csv.DictReader(source))
    last = max(int(row[TIMESTAMP]) for row in tables["interactions"])
    new = frozenset(row[ITEM_ID] for row in tables["items"] if int(row[CREATION_TIMESTAMP]) == last)
    shift = int(time.time()) - 3600 - last
    for name, column in FILES.items():
        write_bytes(folder / f"{name}.csv", _shifted(tables[name], column, shift))
    genres = {row[ITEM_ID]: frozenset(row["GENRES"].split("|")) for row in tables["items"]}
    titles = {row[ITEM_ID]: row["TITLE"] for row in tables["items"]}
    return World(titles, genres, new, _tastes(tables["interactions"], genres))


def _shifted(rows: list[dict[str, str]], column: str, seconds: int) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, column: int(row[column]) + seconds} for row in rows)
    return out.getvalue().encode()


def _tastes(rows: list[dict[str, str]], genres: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        seen[row[USER_ID]].update(genres[row[ITEM_ID]])
    return {
        user: frozenset(genre for genre, _ in counts.most_common(FAVOURITES)) for user, counts in seen.items()
    }


def write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Write JSON Lines."""
    write_bytes(path, "".join(dump_json(line) + "\n" for line in lines).encode())


def feedback(world: World, answers: Answers) -> Iterator[dict[str, Any]]:
    """Act for the users who were shown `answers`: one click, or a look without a click; yield the events."""
    for answer in answers:
        user, shown = answer["input"]["userId"], answer["output"]
        event = {
            "userId": user,
            "sessionId": f"demo-{user}",
            "sentAt": int(time.time()),
            "recommendationId": shown["recommendationId"],
        }
        chosen = next((item for item in shown["recommendedItems"] if world.clicks(user, item)), None)
        yield event | ({"itemId": chosen, "eventType": "click"} if chosen else {"eventType": "impression"})


def places(world: World, answers: Answers) -> Counter[str]:
    """Count in how many of the lists each new item stands."""
    shown = (item for answer in answers for item in answer["output"]["recommendedItems"])
    return Counter(item for item in shown if item in world.new)
