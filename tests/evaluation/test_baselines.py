from __future__ import annotations

import numpy as np

from newfound.dataset import rules
from newfound.evaluation.baselines import popularity, sequential_rules
from newfound.evaluation.ranking import Past, rank


def test_popularity_ranks_by_count_for_everyone() -> None:
    ranked = rank(popularity(np.array([3, 9, 0, 9])), np.array([4, 7]), 4)
    assert ranked.tolist() == [[1, 3, 0, 2], [1, 3, 0, 2]]


def test_sequential_rules_continue_a_habit() -> None:
    items = np.array([0, 1, 2] * 20, np.int32)
    starts = np.arange(0, 60, 3)
    table = rules.build(items, starts, starts + 3, 4)
    ends = starts + 2  # everybody stopped after item 1
    ranked = rank(sequential_rules(table, Past(items, starts, ends)), np.array([5, 0]), 1)
    assert ranked.tolist() == [[2], [2]]
