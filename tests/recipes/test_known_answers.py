"""Worlds whose right answer is known by construction: a FULL must find each of them by itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tests.worlds import DAY, HOUR, LATEST, answers

from newfound.project import Project

N_USERS, N_ITEMS, N_EVENTS = 300, 40, 15
UNSEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
USERS = [f"u{k}" for k in range(N_USERS)]
Rows = list[tuple[str, int, int]]
"""User, item and time."""


def daily(histories: list[list[int]]) -> Rows:
    """Let every user take an item about once a day until now."""
    chance = random.Random(0)
    return [
        (USERS[user], item, LATEST - (len(items) - k) * DAY + chance.randrange(HOUR))
        for user, items in enumerate(histories)
        for k, item in enumerate(items)
    ]


def asked(folder: Path, rows: Rows, k: int, **options: str) -> list[list[int]]:
    """Train FULL on the rows and ask for everybody's list of k at weight 0."""
    table = folder / "interactions.csv"
    lines = [f"{user},i{item:02},{time}" for user, item, time in sorted(rows, key=lambda row: row[2])]
    table.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *lines, ""]))
    Project.init(folder / "project")
    project = Project.open(folder / "project")
    project.import_dataset("interactions", [table])
    project.create_solution("default", hyperparameters={"hidden_dimension": "32"})
    project.train()
    project.create_campaign("default", exploration_weight=0.0)
    found = answers(project, USERS, num_results=k, at=str(LATEST), **options)
    return [[int(item[1:]) for item in found[user]] for user in USERS]


def share(lists: list[list[int]], right: Callable[[int, list[int]], bool]) -> float:
    """Share of users whose list is right."""
    return sum(right(user, items) for user, items in enumerate(lists)) / len(lists)


def test_a_strict_cycle(tmp_path: Path) -> None:
    histories = [[(user + k) % N_ITEMS for k in range(N_EVENTS)] for user in range(N_USERS)]
    lists = asked(tmp_path, daily(histories), 1)
    # There is no doubt what comes next.
    assert share(lists, lambda user, items: items == [(histories[user][-1] + 1) % N_ITEMS]) > 0.95


def test_a_checkerboard_of_tastes(tmp_path: Path) -> None:
    chance = random.Random(2)
    histories = [
        [2 * item + user % 2 for item in chance.sample(range(N_ITEMS // 2), N_EVENTS)]
        for user in range(N_USERS)
    ]
    lists = asked(tmp_path, daily(histories), 5, filter=UNSEEN)
    # Twenty items are of somebody's colour, fifteen are taken: the other five come first, in any order.
    of_own_colour = sum(item % 2 == user % 2 for user, items in enumerate(lists) for item in items)
    assert of_own_colour / (5 * N_USERS) > 0.95


def test_pure_popularity(tmp_path: Path) -> None:
    chance = random.Random(3)
    weights = [1 / (1 + item) for item in range(N_ITEMS)]
    histories = [chance.choices(range(N_ITEMS), weights, k=N_EVENTS) for _ in USERS]
    lists = asked(tmp_path, daily(histories), 10)
    # Whatever anybody did before, the ten likeliest items are 0 to 9: nobody can expect more of ten places than they.
    earned = sum(sum(weights[item] for item in items) for items in lists) / N_USERS
    assert earned > 0.95 * sum(weights[:10])


def test_pure_recency_of_the_site(tmp_path: Path) -> None:
    chance = random.Random(4)
    rows = [
        (user, item, LATEST - (N_ITEMS - item) * 12 * HOUR + chance.randrange(12 * HOUR))
        for user in USERS
        for item in chance.sample(range(N_ITEMS), N_EVENTS)
    ]
    lists = asked(tmp_path, rows, 1, filter=UNSEEN)
    # Each item has its twelve hours and is then never taken again, nor twice by anybody: it is the last one's turn for
    # all who have not had it.
    newest = N_ITEMS - 1
    had = {user for user, item, _ in rows if item == newest}
    assert share(lists, lambda user, items: USERS[user] in had or items == [newest]) > 0.95


def test_pure_recency_of_a_person(tmp_path: Path) -> None:
    chance = random.Random(5)
    favourites = [chance.sample(range(N_ITEMS), 2) for _ in USERS]
    lists = asked(tmp_path, daily([chance.choices(two, k=N_EVENTS) for two in favourites]), 2)
    # A fair coin decides between two items: both come before all that the person never took.
    of_favourites = sum(item in favourites[user] for user, items in enumerate(lists) for item in items)
    assert of_favourites / (2 * N_USERS) > 0.95
