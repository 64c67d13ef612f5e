"""A small world whose tastes are known: every user likes one genre, and two dozen items have just come out."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newfound.project import Project

GENRES = ("Comedy", "Drama", "Horror", "War")
N_USERS, N_OLD, N_NEW = 200, 120, 24
LATEST = 1_700_000_000
HOUR, DAY = 3_600, 86_400
FAITH = 0.85
"""How often people stay with their genre."""


@dataclass(frozen=True)
class World:
    """Ids in order, and the truth about them: `taste` of users and `genre` of items, old and new ones."""

    users: tuple[str, ...]
    old: tuple[str, ...]
    new: tuple[str, ...]
    taste: dict[str, str]
    genre: dict[str, str]
    rows: tuple[tuple[str, str, str, int, str], ...]
    """Interactions as user, item, event type, time and the list that was shown."""

    def fans(self, genre: str) -> list[str]:
        """Users who like a genre."""
        return [user for user in self.users if self.taste[user] == genre]

    def seen(self, user: str) -> set[str]:
        """Items that a user had interactions with."""
        return {item for other, item, *_ in self.rows if other == user}


def make_world(seed: int = 0) -> World:
    """Draw the world: about fifteen interactions a user, all within sixty days."""
    chance = random.Random(seed)
    users = tuple(f"u{k}" for k in range(N_USERS))
    old = tuple(f"i{k}" for k in range(N_OLD))
    new = tuple(f"n{k}" for k in range(N_NEW))
    taste = {user: GENRES[k % 4] for k, user in enumerate(users)}
    genre = {item: GENRES[k % 4] for items in (old, new) for k, item in enumerate(items)}
    appeal = {item: 1 / (1 + k // 4) ** 0.25 for k, item in enumerate(old)}
    rows = []
    for user in users:
        liked = [item for item in old if genre[item] == taste[user]]
        time = LATEST - 60 * DAY + chance.randrange(20 * DAY)
        for _ in range(chance.randrange(12, 19)):
            pool = liked if chance.random() < FAITH else old
            [item] = chance.choices(pool, [appeal[item] for item in pool])
            time += chance.randrange(HOUR, 3 * DAY)
            shown = [item, *chance.sample(old, 3)] if chance.random() < 0.2 else []
            kind = "watch" if chance.random() < 0.3 else "click"
            rows.append((user, item, kind, min(time, LATEST), "|".join(dict.fromkeys(shown))))
    rows.append((users[0], old[0], "click", LATEST, ""))
    return World(users, old, new, taste, genre, tuple(sorted(rows, key=lambda row: row[3])))


def write_world(world: World, folder: Path) -> list[tuple[str, Path]]:
    """Write the CSV files and name them with their datasets."""
    interactions, items = folder / "interactions.csv", folder / "items.csv"
    lines = [",".join(map(str, row)) for row in world.rows]
    interactions.write_text("\n".join(["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP,IMPRESSION", *lines, ""]))
    created = dict.fromkeys(world.old, LATEST - 200 * DAY) | dict.fromkeys(world.new, LATEST)
    lines = [f"{item},{world.genre[item]},{time}" for item, time in created.items()]
    items.write_text("\n".join(["ITEM_ID,GENRES,CREATION_TIMESTAMP", *lines, ""]))
    return [("interactions", interactions), ("items", items)]


def lines(*events: dict[str, Any]) -> list[bytes]:
    """Spell events or records as JSON Lines."""
    return [json.dumps(event).encode() + b"\n" for event in events]


def answers(project: Project, users: Sequence[str], **options: Any) -> dict[str, list[str]]:
    """Ask for many users at once, without a trace: the items of each, best first."""
    folder = project.root.parent
    asked, answered = folder / "asked.jsonl", folder / "answered.jsonl"
    asked.write_bytes(b"".join(lines(*({"userId": user} for user in users))))
    project.recommend_batch(asked, answered, **{"log": False, "seed": 0, **options})
    rows = [json.loads(line) for line in answered.read_bytes().splitlines()]
    return {row["input"]["userId"]: row["output"]["recommendedItems"] for row in rows}
