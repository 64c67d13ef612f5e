"""One policy in one world: visits, clicks, and learning every hour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.simulation.players import Player
from newfound.simulation.traffic import HOUR, Audience, Visits, rounds
from newfound.simulation.world import Codes


@dataclass(frozen=True, slots=True)
class RunLog:
    """Everything shown in a run, a row a request: hour and user (n,), items (n, k) with -1 for an empty place,

    clicked and explored bool (n, k).
    """

    hour: Codes
    user: Codes
    items: Codes
    clicked: NDArray[np.bool_]
    explored: NDArray[np.bool_]


def run(
    audience: Audience,
    player: Player,
    traffic: Sequence[Visits],
    full_every_hours: int,
    tick: Callable[[], None],
) -> RunLog:
    """Play all hours; the player is told the time before each one, and trains FULL every so many of them (0: never)."""
    parts: list[tuple[Codes, Codes, Codes, NDArray[np.bool_], NDArray[np.bool_]]] = []
    start = audience.world.start
    for hour, visits in enumerate(traffic):
        now = start + hour * HOUR
        player.learn(now, full=bool(full_every_hours and hour and hour % full_every_hours == 0))
        for part in rounds(visits):
            shown = player.show(part)
            clicked = audience.look(part, shown.items, now)
            player.see(part, shown, clicked)
            parts.append((np.full(len(part.user), hour), part.user, shown.items, clicked, shown.explored))
        audience.pass_hour()
        tick()
    return RunLog(*(np.concatenate(column) for column in zip(*parts, strict=True)))
