"""The response log: every answer is stored, durably, before anyone sees it (CLI contract, recommend)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import orjson

from newfound import columns as c
from newfound.explore.settings import ExplorationSettings
from newfound.hashing import hash64_many
from newfound.serving.recommender import Answer
from newfound.store.files import random_hex

if TYPE_CHECKING:
    from arro3.core import Table as ArrowTable

ROWS_PER_COMMIT = 50_000


def new_recommendation_id() -> str:
    """Make `RID-` and 128 random bits."""
    return f"RID-{random_hex(16)}"


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """An answer under the name it is logged by, with item ids in served order.

    `filter_values`: what its filter's parameters were; the filter itself is the same for all answers of a commit.
    """

    recommendation_id: str
    item_ids: Sequence[str]
    answer: Answer
    filter_values: Mapping[str, str]


def log_rows(
    answers: Sequence[LoggedAnswer],
    *,
    campaign: str,
    solution_version: str,
    settings: ExplorationSettings,
    events_seen: int,
    filter_expression: str | None,
) -> ArrowTable:
    """Turn responses into rows of the log, with all that is needed to make each again from its version.

    `events_seen`: the first event offset that the answers do not know.
    """
    from newfound.store import arrow

    n = len(answers)
    requests = [logged.answer.request for logged in answers]
    users = [request.user for request in requests]
    slates = [logged.answer.slate for logged in answers]
    values = [logged.filter_values for logged in answers]
    return arrow.arrow_table(
        {
            c.RECOMMENDATION_ID: (arrow.STRING, [logged.recommendation_id for logged in answers]),
            c.USER_ID: (arrow.STRING, users),
            c.USER_HASH: (arrow.LONG, hash64_many(users).view(np.int64)),
            c.CAMPAIGN: (arrow.STRING, [campaign] * n),
            c.SOLUTION_VERSION: (arrow.STRING, [solution_version] * n),
            c.TIMESTAMP: (arrow.LONG, [logged.answer.at for logged in answers]),
            c.EXPLORATION_WEIGHT: (arrow.DOUBLE, [settings.exploration_weight] * n),
            c.ITEM_AGE_CUTOFF: (arrow.DOUBLE, [settings.item_age_cutoff_days] * n),
            c.SEED: (arrow.STRING, [request.seed for request in requests]),
            c.EVENTS_SEEN: (arrow.LONG, [events_seen] * n),
            c.NUM_RESULTS: (arrow.LONG, [request.k for request in requests]),
            c.ITEM_IDS: (arrow.STRINGS, [logged.item_ids for logged in answers]),
            c.SCORES: (arrow.DOUBLES, [logged.answer.scores for logged in answers]),
            c.PROPENSITIES: (arrow.DOUBLES, [slate.propensities for slate in slates]),
            c.EXPLORED: (arrow.BOOLEANS, [slate.explored for slate in slates]),
            c.FILTER: (arrow.STRING, [filter_expression] * n),
            c.FILTER_VALUES: (arrow.STRING, [orjson.dumps(v).decode() if v else None for v in values]),
            c.CANDIDATES: (arrow.STRINGS, [request.candidates for request in requests]),
        }
    )
