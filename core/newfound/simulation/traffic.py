"""Who visits when, and the coins that decide their clicks: the same for every policy of a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.simulation.world import LOOKING, TIRED, Codes, Floats, World

HOUR = 3_600
DAILY_SWING = 0.7
"""Evening traffic over the mean, and night traffic below it."""
MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Visits:
    """n requests: number (n,), counted through the whole run; user codes; Unix times, rising."""

    number: Codes
    user: Codes
    time: Codes

    def rows(self, index: NDArray[np.bool_]) -> Visits:
        """Select visits."""
        return Visits(self.number[index], self.user[index], self.time[index])


def draw_traffic(world: World, n_hours: int, requests_per_hour: float, seed: int) -> list[Visits]:
    """Draw the visits of each hour, more by day than by night."""
    chance = np.random.default_rng([seed, 2])
    hours = []
    first = 0
    for hour in range(n_hours):
        swing = 1 + DAILY_SWING * np.sin(2 * np.pi * (hour % 24 - 9) / 24)
        n = int(chance.poisson(requests_per_hour * swing))
        users = chance.choice(len(world.user_ids), n, p=world.activity).astype(np.int64)
        times = world.start + hour * HOUR + np.sort(chance.integers(0, HOUR, n))
        hours.append(Visits(np.arange(first, first + n), users, times))
        first += n
    return hours


def rounds(visits: Visits) -> list[Visits]:
    """Part an hour so that nobody is twice in a part: who comes again is answered with the first visit known."""
    order = np.argsort(visits.user, kind="stable")
    sorted_users = visits.user[order]
    start = np.searchsorted(sorted_users, sorted_users)
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order)) - start
    return [visits.rows(turn == k) for k in range(int(turn.max(initial=-1)) + 1)]


@dataclass
class Audience:
    """What people remember under one policy: items they clicked, and how often they were lately shown each one."""

    world: World
    seed: int

    def __post_init__(self) -> None:
        shape = self.world.taste.shape
        self.consumed = np.zeros(shape, np.bool_)
        self.consumed[self.world.history[:2]] = True
        self.displays = np.zeros(shape, np.float32)

    def pass_hour(self) -> None:
        """Forget displays, half of them a day."""
        self.displays *= np.float32(2 ** (-1 / 24))

    def tired_chance(self, users: Codes, items: Codes, now: int) -> Floats:
        """P(click | looked at), as `World.chance`, with weariness; nobody clicks an item twice."""
        fresh = np.where(
            self.consumed[users, items], np.float32(0), np.float32(TIRED) ** self.displays[users, items]
        )
        return self.world.chance(users, items, now) * fresh

    def look(self, visits: Visits, items: Codes, now: int) -> NDArray[np.bool_]:
        """Show lists, items (n, k) with -1 for an empty place, and return the clicks (n, k).

        A coin belongs to a request and an item, so two policies that show the same see the same.
        """
        shown = items >= 0
        users = np.broadcast_to(visits.user[:, None], items.shape)
        examined = np.arange(1, items.shape[1] + 1, dtype=np.float32) ** np.float32(-LOOKING)
        chance = np.where(shown, examined * self.tired_chance(users, np.maximum(items, 0), now), 0)
        clicked = coins(visits.number[:, None], items, self.seed) < chance
        np.add.at(self.displays, (users[shown], items[shown]), 1)
        self.consumed[users[clicked], items[clicked]] = True
        return clicked


def coins(requests: Codes, items: Codes, seed: int) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1) of requests and items, by the mixer of Steele, Lea and Flood (2014)."""
    with np.errstate(over="ignore"):
        z = (requests.astype(np.uint64) << np.uint64(24)) + items.astype(np.uint64)
        z += np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(MIX[0])
        z = (z ^ (z >> np.uint64(27))) * np.uint64(MIX[1])
    return (z ^ (z >> np.uint64(31))) / 2.0**64
