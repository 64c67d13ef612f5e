"""What a campaign says about exploration (behaviour specification §3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from newfound.errors import UsageError

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class ExplorationSettings:
    """exploration_weight in [0, 1]: 0 ranks by relevance alone; items aged item_age_cutoff_days or more never explore.

    Raises UsageError for values out of range.
    """

    exploration_weight: float = 0.3
    item_age_cutoff_days: float = 30.0

    def __post_init__(self) -> None:
        if not 0 <= self.exploration_weight <= 1:
            raise UsageError(
                f"exploration weight {self.exploration_weight:g} is outside [0, 1]",
                "choose 0 for pure relevance, 0.3 for the default mix, 1 for the most exploration",
            )
        if not (self.item_age_cutoff_days > 0 and math.isfinite(self.item_age_cutoff_days)):
            raise UsageError(
                f"exploration item age cut-off {self.item_age_cutoff_days:g} is not a positive number of days",
                "choose the age in days from which an item no longer counts as new, for example 30",
            )

    @property
    def gain(self) -> float:
        """How many standard deviations of optimism: linear to 1/4 at weight 0.3, then linear to 1 at weight 1."""
        weight = self.exploration_weight
        return weight / 1.2 if weight <= 0.3 else 0.25 + 0.75 * (weight - 0.3) / 0.7
