from __future__ import annotations

import numpy as np
from tests.worlds import World

from newfound.serving.bundle import Bundle
from newfound.serving.history import History, join_tails, trained_items, user_history
from newfound.serving.ids import IdIndex
from newfound.serving.user_state import Sequences


def history(items: list[int], trained: list[bool]) -> History:
    n = len(items)
    return History(
        np.array(items, np.int32), np.arange(n), np.zeros(n, np.int16), np.array(trained, np.bool_)
    )


def with_later_events(bundle: Bundle) -> Bundle:
    """u1 watches item 3 and a stranger clicks item 4, item 5."""
    overlay = {
        **bundle.overlay,
        **IdIndex.build(["u1", "stranger"]).arrays("users"),
        "history_offsets": np.array([0, 1, 3]),
        "history_items": np.array([3, 4, 5], np.int32),
        "history_times": np.array([10, 20, 30]),
        "history_types": np.array([1, 0, 0], np.int16),
        "history_trained": np.array([True, False, True]),
    }
    return Bundle(bundle.meta, bundle.base, overlay)


def test_the_history_of_a_user_is_what_was_imported_in_time_order(bundle: Bundle, world: World) -> None:
    for user in ("u0", "u17"):
        found = user_history(bundle, user)
        rows = [row for row in world.rows if row[0] == user]
        assert [bundle.item_id(code) for code in found.items.tolist()] == [row[1] for row in rows]
        assert [bundle.meta.type_names[code] for code in found.types.tolist()] == [row[2] for row in rows]
        assert found.times.tolist() == [row[3] for row in rows]
        assert found.trained.all()


def test_later_events_stand_behind_those_of_the_full_version(bundle: Bundle) -> None:
    before, after = user_history(bundle, "u1"), user_history(with_later_events(bundle), "u1")
    assert after.items.tolist() == [*before.items.tolist(), 3]
    assert after.types.tolist() == [*before.types.tolist(), 1]


def test_a_new_user_has_later_events_only_and_a_stranger_none(bundle: Bundle) -> None:
    assert user_history(with_later_events(bundle), "stranger").items.tolist() == [4, 5]
    assert len(user_history(bundle, "stranger").items) == 0


def test_only_events_that_train_are_what_a_user_is_known_by() -> None:
    two = history([1, 2, 3, *range(50)], [True, False, True, *[True] * 50])
    items, starts, stops = trained_items(np.array([0] * 3 + [2] * 50), two, 3)
    assert items[starts[0] : stops[0]].tolist() == [1, 3]
    assert starts[1] == stops[1]
    assert items[starts[2] : stops[2]].tolist() == list(range(50))


def test_tails_put_new_events_behind_the_old_ones(bundle: Bundle) -> None:
    new = Sequences(
        np.array([0, 2, 2, 3]), np.array([7, 8, 9], np.int32), np.zeros(3, np.int64), np.zeros(3, np.int16)
    )
    tails = join_tails(bundle, ["u0", "u1", "stranger"], new)
    old = [user_history(bundle, user).items.tolist() for user in ("u0", "u1")]
    parts = [tails.items[start:stop].tolist() for start, stop in zip(tails.starts, tails.stops, strict=True)]
    assert parts == [[*old[0], 7, 8], old[1], [9]]
    assert (tails.stops - tails.fresh).tolist() == [2, 0, 1]
