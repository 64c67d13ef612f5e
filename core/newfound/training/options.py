"""How a FULL is to be made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FullOptions:
    """How a FULL is to be made; `max_minutes` bounds all of it.

    tune: how many settings to try first; in_time: judge a twin on a split in time too; from_scratch: do not begin from
    the last FULL's weights.
    """

    seed: int = 0
    max_minutes: float | None = None
    tune: int = 0
    in_time: bool = False
    from_scratch: bool = False
