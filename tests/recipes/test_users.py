from __future__ import annotations

import numpy as np

from newfound.dataset.event_rows import EventRow
from newfound.recipes.evidence import collect_slates
from newfound.recipes.users import batch_by_user, changed_users
from newfound.serving.bundle import Bundle
from newfound.serving.history import user_history
from newfound.serving.user_state import UserStates

TYPES = ("click", "watch", "buy")


def row(offset: int, user: str, item: str | None, kind: str = "click", *, listed: bool = False) -> EventRow:
    shown = ("i1", "i2") if listed else None
    return EventRow(offset, user, item, kind, offset, None, None, shown, item is not None and kind != "buy")


ROWS = [
    row(0, "b", "i1", listed=True),
    row(1, "a", "i2"),
    row(2, "b", None, listed=True),
    row(3, "b", "i3", "watch"),
    row(4, "c", None, listed=True),
    row(5, "b", "i4", "buy"),
    row(6, "a", "i5", listed=True),
]


def test_events_are_split_by_user_in_their_order(bundle: Bundle) -> None:
    batch = batch_by_user(bundle, ROWS, collect_slates(ROWS, {}), TYPES)
    assert batch.users == ["b", "a", "c"]
    assert batch.trained.offsets.tolist() == [0, 2, 4, 4]
    codes = [bundle.item_code(item) for item in ("i1", "i3", "i2", "i5")]
    assert batch.trained.items.tolist() == codes
    assert batch.trained.types.tolist() == [0, 1, 0, 0]
    assert batch.trained.times.tolist() == [0, 3, 1, 6]


def test_a_list_knows_how_many_trained_events_its_user_had_before_it(bundle: Bundle) -> None:
    slates = collect_slates(ROWS, {})
    batch = batch_by_user(bundle, ROWS, slates, TYPES)
    assert {slate.offset: batch.shown_after[slate.offset] for slate in slates} == {0: 0, 4: 0, 6: 1}


def test_events_that_answer_no_list_are_organic(bundle: Bundle) -> None:
    batch = batch_by_user(bundle, ROWS, collect_slates(ROWS, {}), TYPES)
    flags = {user: [] for user in batch.users}
    for user, row in sorted(((row.user, row) for row in ROWS if row.counts), key=lambda pair: pair[1].offset):
        flags[user].append(row.recommendation_id is None and row.impression is None)
    assert batch.organic.tolist() == [flag for user in batch.users for flag in flags[user]]
    assert 0 < batch.organic.sum() < len(batch.organic)


def test_new_history_stands_behind_earlier_updates_and_holds_what_does_not_train(bundle: Bundle) -> None:
    def merged(parent: Bundle, rows: list[EventRow], item: int) -> Bundle:
        batch = batch_by_user(parent, rows, [], TYPES)
        states = UserStates.empty(len(batch.users), parent.network)
        states.item[:] = item
        overlay = {**parent.overlay, **changed_users(parent, rows, batch, states, TYPES)}
        return Bundle(parent.meta, parent.base, overlay)

    first = merged(bundle, ROWS[:4], 7)
    second = merged(first, ROWS[4:], 9)
    names = [
        [second.item_id(code) for code in user_history(second, user).items.tolist()]
        for user in ("b", "a", "c")
    ]
    assert names == [["i1", "i3", "i4"], ["i2", "i5"], []]
    assert user_history(second, "b").trained.tolist() == [True, True, False]
    assert second.user_states(["b", "a", "c"]).item.tolist() == [9, 9, 9]
    assert first.user_states(["b", "c", "u0"]).item.tolist()[:2] == [7, -1]


def test_users_without_new_events_keep_their_states(bundle: Bundle) -> None:
    batch = batch_by_user(bundle, ROWS, [], TYPES)
    states = UserStates.empty(3, bundle.network)
    overlay = {**bundle.overlay, **changed_users(bundle, ROWS, batch, states, TYPES)}
    after = Bundle(bundle.meta, bundle.base, overlay)
    np.testing.assert_array_equal(after.user_states(["u5"]).h, bundle.user_states(["u5"]).h)
    assert user_history(after, "u5").items.tolist() == user_history(bundle, "u5").items.tolist()
