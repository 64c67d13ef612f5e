from __future__ import annotations

import numpy as np
import pytest
from tests.worlds import HOUR, LATEST, World

from newfound.dataset.event_rows import EventRow, Response
from newfound.dataset.histories import Histories
from newfound.recipes.full_evidence import unlearned_items, with_evidence
from newfound.recipes.update import UpdateInputs, update
from newfound.serving.bundle import Bundle
from newfound.serving.history import user_history
from newfound.serving.relevance import tastes


@pytest.fixture(scope="module")
def histories(bundle: Bundle) -> Histories:
    """What `default@v1` was trained on."""
    base = bundle.base
    users = [bundle.base_users.id_of(k) for k in range(len(bundle.base_users))]
    items = [bundle.item_id(k) for k in range(bundle.n_items)]
    arrays = (
        np.asarray(base[f"history_{name}"]) for name in ("offsets", "items", "times", "types", "trained")
    )
    listed = np.zeros(len(base["history_items"]), np.bool_)
    return Histories(users, items, *arrays, listed, bundle.meta.type_names)


def row(user: str, item: str | None, time: int, rid: str | None = None, shown: bool = True) -> EventRow:
    listed = ("n0", "i1") if shown else None
    return EventRow(time, user, item, "click", time, None, rid, listed, item is not None)


def test_items_that_were_shown_and_hardly_chosen_are_unlearned(bundle: Bundle) -> None:
    assert unlearned_items(bundle) == []
    shown = np.zeros(bundle.n_items, np.int64)
    shown[[bundle.item_code("n3"), bundle.item_code("i3")]] = 5
    assert unlearned_items(Bundle(bundle.meta, bundle.base, {**bundle.overlay, "shown": shown})) == ["n3"]


def test_without_lists_nothing_changes(bundle: Bundle, histories: Histories) -> None:
    assert with_evidence(bundle, histories, [row("u0", "i1", LATEST, shown=False)], {}) is bundle


def of_item(bundle: Bundle, item: str, name: str) -> list[float]:
    own = bundle.overlay["trial_item"] == bundle.item_code(item)
    found: list[float] = bundle.overlay[f"trial_{name}"][own].tolist()
    return found


def test_every_item_of_a_list_gets_trials(bundle: Bundle, histories: Histories) -> None:
    rows = [row("u0", None, LATEST), row("u1", "n0", LATEST + 1), row("stranger", None, LATEST + 2)]
    after = with_evidence(bundle, histories, rows, {})
    assert of_item(after, "n0", "clicked") == [False, True, False]
    assert of_item(after, "i1", "clicked") == [False, False, False]
    assert {bundle.item_code("n0"), bundle.item_code("i1")} <= set(after.posteriors.item.tolist())


def test_the_list_of_a_session_is_that_of_the_user_who_logged_in(
    bundle: Bundle, histories: Histories
) -> None:
    seen = row("session", None, LATEST + HOUR)
    own, nobody = (with_evidence(bundle, histories, [seen], {}, logins) for logins in ({"session": "u6"}, {}))
    expected = with_evidence(bundle, histories, [row("u6", None, LATEST + HOUR)], {})
    np.testing.assert_array_equal(own.overlay["trial_user_features"], expected.overlay["trial_user_features"])
    assert (own.overlay["trial_user_features"] != nobody.overlay["trial_user_features"]).any()


def test_what_full_counted_is_not_counted_again(bundle: Bundle, histories: Histories) -> None:
    seen, clicked = row("u0", None, LATEST), row("u0", "n0", LATEST + 1)
    full = with_evidence(bundle, histories, [seen, clicked], {})
    inputs = UpdateInputs([clicked], {}, [], bundle.meta.event_offset + 1, bundle.meta.item_record_offset)
    after = update(full, inputs, 0)
    assert after.impressions == 0
    for name in ("shown", "clicked"):
        np.testing.assert_array_equal(after.bundle.overlay[name], full.overlay[name], err_msg=name)


def test_only_the_newest_lists_are_evidence(
    bundle: Bundle, histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newfound.recipes.full_evidence.MOST_SLATES", 1)
    rows = [row("u0", None, LATEST), row("u1", "n0", LATEST + 1)]
    assert of_item(with_evidence(bundle, histories, rows, {}), "n0", "clicked") == [True]


def test_a_display_that_became_a_trial_narrows_the_prior_no_more(
    bundle: Bundle, histories: Histories
) -> None:
    shown = np.full(bundle.n_items, 3)
    crowded = Bundle(bundle.meta, {**bundle.base, "shown_at_full": shown}, bundle.overlay)
    after = with_evidence(crowded, histories, [row("u0", None, LATEST)], {})
    codes = bundle.item_codes(["n0", "i1", "i2"])
    assert after.base["shown_at_full"][codes].tolist() == [2, 2, 3]
    organic = bundle.overlay["organic"][codes]
    expected = 10 / (10 + organic + 0.05 * np.array([2, 2, 3]))
    np.testing.assert_allclose(after.overlay["prior_factor"][codes], expected, rtol=1e-6)


def appeal(bundle: Bundle, item: str) -> float:
    return float(bundle.posteriors.mean[bundle.posteriors.item == bundle.item_code(item), 0][0])


def test_people_who_refuse_an_item_lower_it_and_people_who_choose_it_raise_it(
    bundle: Bundle, histories: Histories, world: World
) -> None:
    rows = [row(user, None, LATEST + k) for k, user in enumerate(world.fans("Comedy"))]
    refused = with_evidence(bundle, histories, rows, {})
    rows = [row(user, "n0", LATEST + k) for k, user in enumerate(world.fans("Comedy"))]
    chosen = with_evidence(bundle, histories, rows, {})
    assert appeal(refused, "n0") < -0.05 < 0.05 < appeal(chosen, "n0")


def test_a_response_gives_positions_and_is_scored_anew(bundle: Bundle, histories: Histories) -> None:
    rows = [row("u0", None, LATEST, "RID-1", shown=False)]
    after = with_evidence(bundle, histories, rows, {"RID-1": Response(("i1", "n0"), (0.5, 0.25), "old@v1")})
    listed = with_evidence(bundle, histories, [row("u0", None, LATEST)], {})
    for item, position in (("i1", 1), ("n0", 2)):
        assert of_item(after, item, "position") == [position]
        assert of_item(after, item, "log_score") == of_item(listed, item, "log_score")


def test_a_list_is_judged_in_the_state_the_user_was_in_when_it_was_shown(
    bundle: Bundle, histories: Histories
) -> None:
    own = user_history(bundle, "u6")
    moment = int(own.times[4]) + HOUR
    known = own.times < moment
    after = with_evidence(bundle, histories, [row("u6", None, moment)], {})
    n = np.array([known.sum()])
    expected = bundle.user_features(tastes(bundle, own.items[known], n * 0, n))
    np.testing.assert_allclose(after.overlay["trial_user_features"], expected.repeat(2, axis=0), atol=1e-4)
