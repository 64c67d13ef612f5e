"""Who answers the visitors of one policy: the model through the functions that serve and update, or a yardstick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.event_rows import EventRow, Response
from newfound.recipes.update import UpdateInputs, update
from newfound.serving.bundle import Bundle
from newfound.serving.filters import HistoryClause
from newfound.serving.recommender import Recommender, Request
from newfound.simulation.memory import Memory
from newfound.simulation.policies import Policy
from newfound.simulation.traffic import HOUR, Audience, Visits
from newfound.simulation.world import Codes, World

SEEN = HistoryClause(include=False, event_types=None, parameters=(), negated=False)
"""Every policy leaves out what the visitor has clicked."""
SERVED = "the version before"
"""Every list is followed by an UPDATE of the version that served it."""
POPULAR_HALF_LIFE_HOURS = 4.0
BLOCK = 256


@dataclass(frozen=True, slots=True)
class Shown:
    """Lists of n visits: item codes (n, k), -1 for an empty place; explored bool (n, k)."""

    items: Codes
    explored: NDArray[np.bool_]


class Player(Protocol):
    """Answers visits, sees what was clicked, and learns between two hours."""

    def show(self, visits: Visits) -> Shown:
        """Choose lists."""

    def see(self, visits: Visits, shown: Shown, clicked: NDArray[np.bool_]) -> None:
        """Take in what happened to them."""

    def learn(self, now: int, *, full: bool) -> None:
        """Begin an hour: UPDATE with the last one, or FULL on everything; new items have appeared until now."""


class Model:
    """A policy on newfound's model. `first`: the bundle of the first FULL, shared by the policies of a seed."""

    def __init__(self, world: World, first: Bundle, policy: Policy, k: int, seed: int) -> None:
        self.memory = Memory(world, np.arange(world.n_old))
        self.bundle = first
        self._world, self._policy, self._k, self._seed = world, policy, k, seed
        self._place = {item: code for code, item in enumerate(world.item_ids)}
        self._done = 0
        self._scores: list[tuple[float, ...]] = []
        self._fresh: dict[str, list[EventRow]] = {}
        self._serve()

    def _serve(self) -> None:
        bundle = self.bundle
        self._recommender = Recommender(
            bundle, self._policy.settings, bundle.meta.latest, self._policy.choose
        )
        self._names = [bundle.item_id(code) for code in range(bundle.n_items)]
        self._codes = np.array([self._place[name] for name in self._names])

    def show(self, visits: Visits) -> Shown:
        """Answer as one batch request."""
        world = self._world
        requests = [
            Request(world.user_ids[user], self._k, f"{self._seed} {number}", time, (SEEN,))
            for number, user, time in zip(
                visits.number.tolist(), visits.user.tolist(), visits.time.tolist(), strict=True
            )
        ]
        items = np.full((len(requests), self._k), -1, np.int64)
        explored = np.zeros(items.shape, np.bool_)
        self._scores.clear()
        for low in range(0, len(requests), BLOCK):
            for answer in self._recommender.answer(requests[low : low + BLOCK], self._fresh):
                row, n = len(self._scores), len(answer.slate.items)
                items[row, :n] = self._codes[answer.slate.items]
                explored[row, :n] = answer.slate.explored
                self._scores.append(tuple(answer.scores.tolist()))
        return Shown(items, explored)

    def see(self, visits: Visits, shown: Shown, clicked: NDArray[np.bool_]) -> None:
        """Record clicks, and lists without one."""
        ids = self._world.item_ids
        for row, (number, user, time) in enumerate(
            zip(visits.number.tolist(), visits.user.tolist(), visits.time.tolist(), strict=True)
        ):
            items = shown.items[row][shown.items[row] >= 0]
            response = Response(tuple(ids[code] for code in items), self._scores[row], SERVED)
            chosen = [ids[code] for code in shown.items[row][clicked[row]]]
            fresh = self.memory.record(f"RID-{number}", user, time, response, chosen)
            self._fresh.setdefault(self._world.user_ids[user], []).extend(fresh)

    def learn(self, now: int, *, full: bool) -> None:
        """Begin an hour with UPDATE or FULL."""
        memory, world = self.memory, self._world
        known = world.known(now) if self._policy.told else world.n_old
        arrived = np.arange(len(memory.told), known)
        memory.told = np.arange(known)
        rows = sorted(memory.rows[self._done :], key=lambda row: (row.time, row.offset))
        self._done = len(memory.rows)
        self._fresh = {}
        if full:
            self.bundle = memory.train(self._seed)
        elif rows or len(arrived):
            records = [world.records[code] for code in arrived]
            served_by = {SERVED: self.bundle.learned}
            inputs = UpdateInputs(rows, memory.responses, records, self._done, known, served_by)
            self.bundle = update(self.bundle, inputs, self._seed).bundle
        self._serve()


class MostClicked:
    """The most clicked items of the last hours, the same for everyone: clicks count half after each half-life."""

    def __init__(self, audience: Audience, k: int, half_life_hours: float = POPULAR_HALF_LIFE_HOURS) -> None:
        self._audience, self._k, self._half_life_hours = audience, k, half_life_hours
        self._world = audience.world
        _, items, times = self._world.history
        ages = (self._world.start - times) / HOUR
        self._clicks = np.bincount(
            items, np.exp2(-ages / half_life_hours), minlength=len(self._world.item_ids)
        )
        self._waiting: list[Codes] = []
        self._now = self._world.start

    def show(self, visits: Visits) -> Shown:
        """Leave out what the visitor has clicked, and what does not exist yet."""
        clicks = np.where(self._audience.consumed[visits.user], -1.0, self._clicks)
        return best(clicks[:, : self._world.known(self._now)], self._k)

    def see(self, visits: Visits, shown: Shown, clicked: NDArray[np.bool_]) -> None:
        """Count clicks for the next hour."""
        self._waiting.append(shown.items[clicked])

    def learn(self, now: int, *, full: bool) -> None:
        """Let counts fade and add those of the last hour."""
        self._now = now
        self._clicks *= np.exp2(-1 / self._half_life_hours)
        for items in self._waiting:
            np.add.at(self._clicks, items, 1)
        self._waiting = []


class Oracle:
    """Knows everyone's taste and every item's appeal."""

    def __init__(self, audience: Audience, k: int) -> None:
        self._audience, self._k = audience, k
        self._now = audience.world.start

    def show(self, visits: Visits) -> Shown:
        """Show what is most likely to be clicked."""
        known = np.arange(self._audience.world.known(self._now))
        return best(self._audience.tired_chance(visits.user[:, None], known[None, :], self._now), self._k)

    def see(self, visits: Visits, shown: Shown, clicked: NDArray[np.bool_]) -> None:
        """Learn nothing: it knows."""

    def learn(self, now: int, *, full: bool) -> None:
        """Tell the time."""
        self._now = now


def best(values: NDArray[np.floating], k: int) -> Shown:
    """Take the k largest of each row, best first."""
    k = min(k, values.shape[1])
    part = np.argpartition(-values, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(values, part, axis=1), axis=1, kind="stable")
    items = np.take_along_axis(part, order, axis=1).astype(np.int64)
    return Shown(items, np.zeros(items.shape, np.bool_))
