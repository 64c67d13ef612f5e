from __future__ import annotations

from typing import Any

import numpy as np

from newfound.recipes.catalogue import align_records, creation_times
from newfound.serving.bundle import AGELESS


def created(records: list[dict[str, Any] | None], *events: tuple[int, int]) -> list[int]:
    items, times = np.array([item for item, _ in events], np.int32), np.array([time for _, time in events])
    return creation_times(records, items, times.astype(np.int64)).tolist()


def test_a_stated_creation_time_wins_over_the_first_interaction() -> None:
    assert created([{"CREATION_TIMESTAMP": 50}], (0, 10), (0, 90)) == [50]


def test_an_item_without_one_is_as_old_as_its_first_interaction() -> None:
    records = [{"CREATION_TIMESTAMP": None}, {"GENRES": "War"}, None]
    assert created(records, (0, 30), (0, 20), (1, 40), (2, 5)) == [20, 40, 5]


def test_an_item_without_interactions_is_new_for_ever() -> None:
    assert created([None, {"CREATION_TIMESTAMP": 0}]) == [AGELESS, 0]


def test_records_follow_the_order_of_the_ids() -> None:
    one, two = {"ITEM_ID": "1"}, {"ITEM_ID": "01"}
    assert align_records([one, two], ["01", "x", "1"]) == [two, None, one]
