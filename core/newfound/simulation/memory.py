"""What a site has recorded under one policy, in memory: the rows that UPDATE reads and the data that FULL reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.event_rows import EventRow, Response
from newfound.dataset.histories import EventSelection, Histories
from newfound.progress import silent
from newfound.recipes.assemble import FullInputs
from newfound.recipes.full import fit_full
from newfound.recipes.full_evidence import with_evidence
from newfound.recipes.gather import encode_full
from newfound.serving.bundle import Bundle
from newfound.simulation.world import Codes, World

CLICK = "click"


@dataclass
class Memory:
    """Events and responses since the start, and which items the site has been told of, as codes."""

    world: World
    told: Codes
    rows: list[EventRow] = field(default_factory=list)
    responses: dict[str, Response] = field(default_factory=dict)

    def record(
        self, name: str, user: int, time: int, response: Response, clicked: list[str]
    ) -> list[EventRow]:
        """Keep a served list under its recommendationId and return the new events: its clicks, or that none came."""
        self.responses[name] = response
        first = len(self.rows)
        found: list[str | None] = [*clicked] or [None]
        rows = [
            EventRow(
                first + k,
                self.world.user_ids[user],
                item,
                CLICK if item is not None else "",
                time,
                None,
                name,
                None,
                item is not None,
            )
            for k, item in enumerate(found)
        ]
        self.rows += rows
        return rows

    def judge(self, seed: int, *, explores: bool) -> dict[str, Any]:
        """Train FULL on everything so far and return its metrics, as a recipe that explores or as one that does not."""
        return fit_full(self._inputs(seed, explores), {}, None, False, None, silent).metrics

    def train(self, seed: int) -> Bundle:
        """Train FULL on everything so far."""
        inputs = self._inputs(seed, explores=True)
        bundle = fit_full(inputs, {}, None, False, None, silent).bundle
        rows = sorted(self.rows, key=lambda row: (row.time, row.offset))
        return with_evidence(bundle, inputs.histories, rows, self.responses)

    def _inputs(self, seed: int, explores: bool) -> FullInputs:
        world = self.world
        item_ids = sorted(world.item_ids[code] for code in self.told)
        place = {item: k for k, item in enumerate(item_ids)}
        histories = _histories(world, item_ids, place, [row for row in self.rows if row.item is not None])
        shown = np.zeros(len(item_ids), np.int64)
        for response in self.responses.values():
            shown[[place[item] for item in response.items]] += 1
        return encode_full(
            histories,
            [world.records[code] for code in self.told],
            world.document,
            selection=EventSelection(),
            shown=shown,
            latest=max((row.time for row in self.rows), default=0),
            offsets=(len(self.rows), len(self.told)),
            explores=explores,
            seed=seed,
        )


def _histories(world: World, item_ids: list[str], place: dict[str, int], clicks: list[EventRow]) -> Histories:
    """Join the clicks of before the start with those since."""
    old_users, old_items, old_times = world.history
    users = [world.user_ids[k] for k in old_users] + [row.user for row in clicks]
    items = [world.item_ids[k] for k in old_items] + [str(row.item) for row in clicks]
    times: NDArray[np.int64] = np.append(old_times, [row.time for row in clicks]).astype(np.int64)
    user_ids = sorted(set(users))
    row_of = {user: k for k, user in enumerate(user_ids)}
    owner = np.array([row_of[user] for user in users])
    order = np.lexsort((times, owner))
    n = len(order)
    return Histories(
        user_ids,
        item_ids,
        np.append(0, np.cumsum(np.bincount(owner, minlength=len(user_ids)))).astype(np.int64),
        np.array([place[item] for item in items], np.int32)[order],
        times[order],
        np.zeros(n, np.int16),
        np.ones(n, np.bool_),
        np.arange(n)[order] >= len(old_items),
        (CLICK,),
    )
