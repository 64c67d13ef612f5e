"""The two baselines that stand beside every number: popularity and sequential rules."""

from __future__ import annotations

import numpy as np

from newfound.dataset.rules import RulesTable, scores
from newfound.dataset.runs import Int64
from newfound.evaluation.ranking import Past, Scorer


def popularity(counts: Int64) -> Scorer:
    """Score items by their number of training events, the same for everyone."""
    return lambda users: np.tile(counts.astype(np.float32), (len(users), 1))


def sequential_rules(table: RulesTable, past: Past) -> Scorer:
    """Score items by the rules that fire on a user's last 20 events (model specification §1)."""
    return lambda users: scores(table, past.items, past.starts[users], past.stops[users])
