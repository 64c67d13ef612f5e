from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.worlds import DAY, HOUR, LATEST, World

from newfound.dataset.event_rows import EventRow, Response
from newfound.explore.displays import DISPLAY_FIELDS, Displays
from newfound.explore.settings import ExplorationSettings
from newfound.hashing import hash64_many
from newfound.recipes import update as module
from newfound.recipes.refitting import MOST_EXAMPLES
from newfound.recipes.update import UpdateInputs, UpdateResult, update
from newfound.serving.bundle import AGELESS, Bundle
from newfound.serving.history import user_history
from newfound.serving.recommender import Recommender, Request

LISTED = ("i1", "n0", "i2", "n1", "n2")
SCORES = (0.4, 0.1, 0.05, 0.02, 0.01)


def row(offset: int, item: str | None = None, **fields: object) -> EventRow:
    """An event of a stranger, at a time of its own."""
    given: dict[str, object] = {
        "offset": offset, "user": f"s{offset}", "item": item, "type": "click", "time": LATEST + HOUR + offset,
        "session": None, "recommendation_id": None, "impression": None, "counts": item is not None,
    }  # fmt: skip
    return EventRow(**given | fields)  # type: ignore[arg-type]  # fields of several types


def updated(bundle: Bundle, *rows: EventRow, records: tuple[dict[str, object], ...] = ()) -> UpdateResult:
    responses = {
        row.recommendation_id: Response(LISTED, SCORES) for row in rows if row.recommendation_id is not None
    }
    end = max([bundle.meta.event_offset, *(row.offset + 1 for row in rows)])
    inputs = UpdateInputs(rows, responses, records, end, bundle.meta.item_record_offset + len(records))
    return update(bundle, inputs, 0)


def standing(bundle: Bundle, item: str, users: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Relevance and uncertainty of an item for users, at one moment."""
    recommender = Recommender(bundle, ExplorationSettings(0.0), LATEST + 9 * DAY)
    requests = [Request(user, 1, "s", at=LATEST + DAY, candidates=(item,)) for user in users]
    found = recommender.answer(requests, {})
    return np.array([a.relevance[0] for a in found]), np.array([a.sigma[0] for a in found])


def posterior(bundle: Bundle, item: str) -> tuple[np.ndarray, np.ndarray]:
    found = bundle.posteriors
    [at] = np.flatnonzero(found.item == bundle.item_code(item))
    return found.mean[at], found.variance[at]


def looks(n: int, first: int = 0) -> list[EventRow]:
    """n strangers see a response and click nothing."""
    return [row(first + k, recommendation_id=f"RID-{first + k}") for k in range(n)]


# -- what impressions teach


def test_impressions_without_clicks_lower_uncertainty_and_relevance(bundle: Bundle, world: World) -> None:
    """For the kind of people who looked; what it says of others is open where items differ in who likes them."""
    prior = np.full_like(bundle.base["prior_variance"], 0.5)
    bundle = Bundle(bundle.meta, {**bundle.base, "prior_variance": prior}, bundle.overlay)
    fans, others = world.fans("Comedy"), world.fans("War")
    seen = [replace(row, user=user) for row, user in zip(looks(40), fans, strict=False)]
    before, few, many = (
        [standing(b, "n0", users) for users in (fans[40:], others)]
        for b in (bundle, updated(bundle, *seen[:5]).bundle, updated(bundle, *seen).bundle)
    )
    for own, other in ((before, few), (few, many)):
        for part in (0, 1):
            assert (other[part][1] < own[part][1]).all()
        assert other[0][0].mean() < own[0][0].mean()
    assert many[0][0].mean() - before[0][0].mean() < many[1][0].mean() - before[1][0].mean() - 0.2
    assert (many[0][1] < 0.96 * before[0][1]).all()
    assert many[0][0].mean() < before[0][0].mean() - 0.3
    np.testing.assert_array_equal(many[1][1], many[0][1][0])  # uncertainty is of the appeal, the same for all


def test_an_item_that_was_not_on_the_list_learns_only_what_newcomers_share(bundle: Bundle) -> None:
    after = updated(bundle, *looks(50)).bundle
    assert bundle.item_code("n9") not in after.overlay["trial_item"]
    told = np.float32(after.meta.newcomer_scale - 1) * bundle.base["prior_variance"][0]
    was = standing(bundle, "n9", ["u0"])[1]
    np.testing.assert_allclose(standing(after, "n9", ["u0"])[1], np.sqrt(was**2 + told), rtol=1e-5)
    assert after.unknown[after.item_code("n9")] == pytest.approx(1)
    level, *rest = posterior(after, "n9")[0]
    assert level < 0 and not any(rest)
    assert posterior(after, "n8")[0][0] == level > posterior(after, "n0")[0][0]


def test_a_click_raises_the_item_and_the_unclicked_fall_behind_but_less_further_down(bundle: Bundle) -> None:
    rows = [row(k, "n1", recommendation_id=f"RID-{k}") for k in range(10)]
    after = updated(bundle, *rows).bundle
    assert posterior(after, "n1")[0][0] > 0
    shared = posterior(after, "n9")[0][0]  # newcomers who were shown got more clicks than was thought
    assert posterior(after, "n0")[0][0] < posterior(after, "n2")[0][0] < shared < posterior(after, "n1")[0][0]


def test_what_someone_saw_and_did_not_click_falls_behind_for_them_alone(bundle: Bundle) -> None:
    after = updated(
        bundle, *looks(2), *(row(k, user="s0", recommendation_id=f"RID-{k}") for k in (2, 3))
    ).bundle
    unseen = {f"display_{name}": getattr(Displays.empty(), name) for name in DISPLAY_FIELDS}
    without = replace(after, overlay={**after.overlay, **unseen})
    codes = after.item_codes(LISTED)
    for user, displays in (("s0", 3), ("s1", 1), ("u0", 0)):
        shown, plain = (_relevance(one, user)[codes] for one in (after, without))
        looked = displays * after.meta.calibration.examination(np.arange(1, len(LISTED) + 1))
        lost = after.meta.calibration.discount * np.log1p(looked)
        np.testing.assert_allclose(plain - shown, lost, rtol=5e-3, atol=1e-5)  # an hour has passed


def test_a_click_ends_the_discount_of_what_was_clicked_late_too(bundle: Bundle) -> None:
    after = updated(
        updated(bundle, *looks(1)).bundle, row(1, "i1", user="s0", recommendation_id="RID-0")
    ).bundle
    codes, keys = after.item_codes(LISTED), hash64_many(["s0"] * len(LISTED))
    seen = after.displays.of_pairs(keys, codes, np.full(len(LISTED), LATEST + 2 * HOUR))
    assert seen[0] == 0 and (seen[1:] > 0).all()


def _relevance(bundle: Bundle, user: str) -> np.ndarray:
    [scored] = Recommender(bundle, ExplorationSettings(0.0), LATEST).score(
        [Request(user, 1, "s", at=LATEST + 2 * HOUR)], {}
    )
    return scored.relevance


def test_a_list_wins_over_the_response_it_names(bundle: Bundle) -> None:
    rows = [row(0, "n5", recommendation_id="RID-1", impression=("n5", "n6"))]
    after = updated(bundle, *rows)
    assert set(after.bundle.overlay["trial_item"]) == {bundle.item_code(item) for item in ("n5", "n6")}
    assert after.impressions == 2


def test_a_late_click_turns_a_trial_that_was_counted_into_a_success(bundle: Bundle) -> None:
    seen, clicked = row(0, recommendation_id="RID-1"), row(1, "n1", user="s0", recommendation_id="RID-1")
    first = updated(bundle, seen).bundle
    assert posterior(first, "n1")[0][0] < 0
    late = updated(first, clicked).bundle
    at_once = updated(bundle, seen, clicked).bundle
    assert posterior(late, "n1")[0][0] > 0
    for item in LISTED:
        for one, other in zip(posterior(late, item), posterior(at_once, item), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_item_with_many_events_keeps_no_trials(bundle: Bundle) -> None:
    events = np.array(bundle.overlay["events_at_full"])
    events[bundle.item_code("i1")] = module.KNOWN_EVENTS
    known = Bundle(bundle.meta, bundle.base, {**bundle.overlay, "events_at_full": events})
    after = updated(known, *looks(3)).bundle
    assert bundle.item_code("i1") not in after.posteriors.item
    assert bundle.item_code("i2") in after.posteriors.item
    assert (
        after.overlay["shown"][bundle.item_code("i1")] == 3 + bundle.overlay["shown"][bundle.item_code("i1")]
    )


# -- how events are split over UPDATEs

STORY = [
    row(0, recommendation_id="RID-a"),
    row(1, "i1", user="s0", recommendation_id="RID-a"),
    row(2, "n0", recommendation_id="RID-b"),
    row(3, "n0", user="s2", recommendation_id="RID-b"),
    row(4, "i9"),
    row(5, "n1", user="s0", recommendation_id="RID-a", type="watch"),
    row(6, recommendation_id="RID-c"),
    row(7, "n0", user="s6", recommendation_id="RID-c", counts=False),
    row(8, recommendation_id="RID-b"),
    row(9, "i9", user="s4"),
    row(10, "n2", recommendation_id="RID-d"),
    row(11, "n2", user="s10", recommendation_id="RID-d"),
]
COUNTS = ("events", "organic", "shown", "clicked", "created", "prior_factor")


@pytest.mark.parametrize("cuts", [(1,), (2, 6), (3, 4, 5), tuple(range(1, 12))])
def test_how_events_are_split_over_updates_does_not_matter(bundle: Bundle, cuts: tuple[int, ...]) -> None:
    whole = updated(bundle, *STORY)
    part, impressions = bundle, 0
    for start, stop in zip((0, *cuts), (*cuts, len(STORY)), strict=True):
        done = updated(part, *STORY[start:stop])
        part, impressions = done.bundle, impressions + done.impressions
    assert impressions == whole.impressions == 4 * len(LISTED)
    for name in COUNTS:
        np.testing.assert_array_equal(part.overlay[name], whole.bundle.overlay[name], err_msg=name)
    np.testing.assert_array_equal(part.posteriors.item, whole.bundle.posteriors.item)
    np.testing.assert_allclose(part.posteriors.mean, whole.bundle.posteriors.mean, atol=1e-4)
    np.testing.assert_allclose(part.posteriors.variance, whole.bundle.posteriors.variance, rtol=1e-3)
    users = ["s0", "s2", "s4", "s6", "s10", "u0"]
    for one, other in zip(part.user_states(users).h, whole.bundle.user_states(users).h, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for user in users:
        assert user_history(part, user).items.tolist() == user_history(whole.bundle, user).items.tolist()
    np.testing.assert_allclose(part.overlay["popularity"], whole.bundle.overlay["popularity"], rtol=1e-9)
    assert part.meta.latest == whole.bundle.meta.latest == STORY[-1].time
    assert part.meta.type_names == whole.bundle.meta.type_names


def test_counts_tell_impressions_clicks_and_organic_events_apart(bundle: Bundle) -> None:
    after = updated(bundle, *STORY).bundle

    def gained(name: str, item: str) -> int:
        code = bundle.item_code(item)
        return int(after.overlay[name][code] - bundle.overlay[name][code])

    assert {item: gained("shown", item) for item in ("i1", "n0", "i9")} == {"i1": 4, "n0": 4, "i9": 0}
    assert {item: gained("clicked", item) for item in ("i1", "n0", "i9")} == {"i1": 1, "n0": 1, "i9": 0}
    assert {item: gained("events", item) for item in ("i1", "n0", "i9")} == {"i1": 1, "n0": 2, "i9": 2}
    # Nor is the second click on n0 in one response the user's own doing: FULL will not count it so either.
    assert {item: gained("organic", item) for item in ("i1", "n0", "i9")} == {"i1": 0, "n0": 0, "i9": 2}


def test_an_event_that_names_a_response_nobody_logged_is_organic(bundle: Bundle) -> None:
    foreign = row(0, "i9", recommendation_id="of-another-system")
    done = update(bundle, UpdateInputs([foreign], {}, [], 1, bundle.meta.item_record_offset), 0).bundle
    code = bundle.item_code("i9")
    assert done.overlay["organic"][code] == bundle.overlay["organic"][code] + 1
    assert done.overlay["clicked"][code] == bundle.overlay["clicked"][code]


def test_a_list_that_comes_later_takes_the_place_of_the_response(bundle: Bundle) -> None:
    served = row(0, "n0", recommendation_id="RID-1")
    visible = row(1, user="s0", recommendation_id="RID-1", impression=("i1", "n0"))
    parts = updated(
        updated(updated(bundle, served).bundle, visible).bundle, replace(visible, offset=2)
    ).bundle
    whole = updated(bundle, served, visible).bundle
    assert {bundle.item_id(code) for code in parts.overlay["trial_item"]} == {"i1", "n0"}
    for name in ("trial_item", "trial_position", "trial_clicked", "shown", "clicked"):
        np.testing.assert_array_equal(parts.overlay[name], whole.overlay[name], err_msg=name)


def test_shares_of_given_items_are_no_scores_of_the_catalogue(bundle: Bundle) -> None:
    seen = row(0, recommendation_id="RID-1")

    def log_scores(ranked: bool) -> np.ndarray:
        response = Response(LISTED, SCORES, "", ranked)
        inputs = UpdateInputs([seen], {"RID-1": response}, [], 1, bundle.meta.item_record_offset)
        overlay = update(bundle, inputs, 0).bundle.overlay
        assert sorted(overlay["trial_position"].tolist()) == [1, 2, 3, 4, 5]
        return np.array(overlay["trial_log_score"])

    np.testing.assert_allclose(np.sort(log_scores(False)), np.sort(np.log(SCORES)), atol=1e-4)
    assert log_scores(True).max() < np.log(SCORES[0]) - 1


def test_the_same_inputs_give_the_same_bytes(bundle: Bundle) -> None:
    one, other = (updated(bundle, *STORY, *looks(30, 50)).bundle for _ in range(2))
    assert one.meta == other.meta
    assert sorted(one.overlay) == sorted(other.overlay)
    for name, array in one.overlay.items():
        assert array.dtype == other.overlay[name].dtype
        assert array.tobytes() == other.overlay[name].tobytes(), name


def test_an_update_shares_the_arrays_of_its_full_version(bundle: Bundle) -> None:
    assert updated(bundle, *STORY).bundle.base is bundle.base


def test_nothing_new_changes_nothing(bundle: Bundle) -> None:
    after = updated(bundle)
    assert after.bundle.meta == bundle.meta
    assert (after.new_items, after.impressions, after.warnings) == (0, 0, [])
    for name in set(bundle.overlay) - {"rules_offsets"}:  # padded to the number of items
        np.testing.assert_array_equal(after.bundle.overlay[name], bundle.overlay[name], err_msg=name)


# -- users, types and time


def test_new_events_are_history_and_move_the_state_of_their_user(bundle: Bundle) -> None:
    after = updated(bundle, row(0, "i5", user="u7"), row(1, "i6", user="new", type="watch")).bundle
    assert user_history(after, "u7").items.tolist()[-1] == bundle.item_code("i5")
    assert after.user_states(["u7", "new"]).item.tolist() == [bundle.item_code("i5"), bundle.item_code("i6")]
    assert np.abs(after.user_states(["u7"]).h - bundle.user_states(["u7"]).h).max() > 0.01
    np.testing.assert_array_equal(after.user_states(["u8"]).h, bundle.user_states(["u8"]).h)


def test_an_event_that_does_not_train_is_history_and_nothing_else(bundle: Bundle) -> None:
    after = updated(bundle, row(0, "i5", user="u7", counts=False)).bundle
    assert user_history(after, "u7").trained.tolist()[-1] is False
    np.testing.assert_array_equal(after.user_states(["u7"]).h, bundle.user_states(["u7"]).h)
    np.testing.assert_array_equal(after.overlay["events"], bundle.overlay["events"])


def test_new_event_types_get_names_and_those_of_mere_impressions_do_not(bundle: Bundle) -> None:
    after = updated(bundle, row(0, impression=("i1",), type="impression"), row(1, "i1", type="buy")).bundle
    assert after.meta.type_names == (*bundle.meta.type_names, "buy")
    history = user_history(after, "s1")
    assert after.meta.type_names[history.types[-1]] == "buy"


def test_an_impression_nobody_clicked_counts_for_the_newest_time(bundle: Bundle) -> None:
    assert (
        updated(bundle, row(0, impression=("i1",), time=LATEST + 5 * DAY)).bundle.meta.latest
        == LATEST + 5 * DAY
    )
    assert updated(bundle, row(0, "i1", time=LATEST - 50 * DAY)).bundle.meta.latest == LATEST


def test_a_jump_of_time_warns_with_the_number_of_items_that_left_exploration(bundle: Bundle) -> None:
    assert updated(bundle, row(0, "i1", time=LATEST + 7 * DAY)).warnings == []
    [short] = updated(bundle, row(0, "i1", time=LATEST + 8 * DAY)).warnings
    assert "8 days after" in short and " 0 items" in short
    [long] = updated(bundle, row(0, impression=("i1",), time=LATEST + 30 * DAY)).warnings
    assert "30 days after" in long and " 24 items" in long


# -- new items


def test_a_new_item_stands_near_old_ones_of_its_genre(bundle: Bundle, world: World) -> None:
    record = {"ITEM_ID": "fresh", "GENRES": "War", "CREATION_TIMESTAMP": LATEST}
    done = updated(bundle, records=(record,))
    assert done.new_items == 1
    war, other = (standing(done.bundle, "fresh", world.fans(genre)[:20])[0] for genre in ("War", "Drama"))
    assert war.mean() > other.mean() + 0.5
    np.testing.assert_allclose(
        standing(done.bundle, "fresh", ["u3"])[0], standing(bundle, "n3", ["u3"])[0], atol=1e-3
    )
    assert standing(done.bundle, "fresh", ["u3"])[1] > 0


def test_metadata_of_an_untrained_item_can_change_and_of_a_trained_one_does_not_count(
    bundle: Bundle, world: World
) -> None:
    records = tuple({"ITEM_ID": item, "GENRES": "War", "CREATION_TIMESTAMP": LATEST} for item in ("n0", "i0"))
    done = updated(bundle, records=records)
    assert done.new_items == 0
    fans = world.fans("War")[:20]
    assert (standing(done.bundle, "n0", fans)[0] > standing(bundle, "n0", fans)[0]).all()
    code = bundle.item_code("i0")
    np.testing.assert_array_equal(done.bundle.item_rows(np.array([code])), bundle.item_rows(np.array([code])))


def test_a_creation_time_that_is_taken_back_leaves_the_first_interaction(bundle: Bundle) -> None:
    first = updated(bundle, row(0, "fresh", time=LATEST + HOUR)).bundle
    stated = updated(first, records=({"ITEM_ID": "fresh", "CREATION_TIMESTAMP": 5},)).bundle
    code = first.item_code("fresh")
    assert stated.overlay["created"][code] == 5
    bare = updated(
        stated, records=tuple({"ITEM_ID": item, "CREATION_TIMESTAMP": None} for item in ("fresh", "i0", "n0"))
    ).bundle
    assert not bare.overlay["created_stated"][[code, bare.item_code("i0"), bare.item_code("n0")]].any()
    assert bare.overlay["created"][code] == LATEST + HOUR
    old = bare.item_code("i0")
    times = bare.base["history_times"][bare.base["history_items"] == old]
    assert bare.overlay["created"][old] == times.min()
    assert bare.overlay["created"][bare.item_code("n0")] == AGELESS


def test_an_undescribed_item_is_learned_from_who_clicks_it(bundle: Bundle, world: World) -> None:
    """Half of the fans of War click it; half of those of Comedy see it and do not."""
    fans, others = world.fans("War"), world.fans("Comedy")
    rows = [row(k, "plain", user=user, impression=("plain", "i1")) for k, user in enumerate(fans[:25])]
    rows += [row(100 + k, user=user, impression=("plain", "i1")) for k, user in enumerate(others[:25])]
    known = updated(bundle, records=({"ITEM_ID": "plain", "GENRES": None, "CREATION_TIMESTAMP": LATEST},))
    after = updated(known.bundle, *rows)
    # Judged by people who had no part in it.
    liked = standing(after.bundle, "plain", fans[25:])[0] - standing(known.bundle, "plain", fans[25:])[0]
    refused = (
        standing(after.bundle, "plain", others[25:])[0] - standing(known.bundle, "plain", others[25:])[0]
    )
    rest = [user for genre in ("Drama", "Horror") for user in world.fans(genre)]
    neutral = standing(after.bundle, "plain", rest)[0] - standing(known.bundle, "plain", rest)[0]
    assert liked.mean() > neutral.mean() + 0.3
    assert liked.mean() > refused.mean() + 0.6
    assert (liked > np.median(refused)).all()


def test_metadata_that_comes_after_the_first_click_is_what_counts(bundle: Bundle) -> None:
    record = {"ITEM_ID": "wild", "GENRES": "War", "CREATION_TIMESTAMP": LATEST}
    clicked = updated(bundle, row(0, "wild")).bundle
    described = updated(clicked, row(1, "i1"), records=(record,)).bundle
    later = updated(described, row(2, "i2")).bundle
    promised = updated(bundle, records=(record,)).bundle
    for after in (described, later):
        one, other = (b.item_rows(np.array([b.item_code("wild")])) for b in (after, promised))
        np.testing.assert_array_equal(one, other)


def test_who_only_looked_is_no_user_with_interactions(bundle: Bundle) -> None:
    assert updated(bundle, *looks(3), row(9, "i1")).bundle.n_users == bundle.n_users + 1


def test_an_item_that_was_only_clicked_becomes_known_and_is_as_old_as_its_first_click(bundle: Bundle) -> None:
    rows = [row(0, "wild", time=LATEST + 2 * HOUR), row(1, "wild", time=LATEST + HOUR)]
    first = updated(bundle, rows[0])
    assert first.new_items == 1
    code = first.bundle.item_code("wild")
    assert first.bundle.overlay["created"][code] == LATEST + 2 * HOUR
    second = updated(first.bundle, rows[1])
    assert second.new_items == 0
    assert second.bundle.overlay["created"][code] == LATEST + HOUR
    stated = updated(second.bundle, records=({"ITEM_ID": "wild", "CREATION_TIMESTAMP": LATEST - DAY},)).bundle
    assert stated.overlay["created"][code] == LATEST - DAY
    late = updated(stated, replace(rows[1], time=LATEST - 9 * DAY)).bundle
    assert late.overlay["created"][code] == LATEST - DAY


def test_the_prior_of_an_item_narrows_with_organic_events_only(bundle: Bundle) -> None:
    organic = [row(k, "n4") for k in range(10)]
    clicked = [row(20 + k, "n1", recommendation_id=f"RID-{k}") for k in range(10)]
    after = updated(bundle, *organic, *clicked).bundle
    factor = after.overlay["prior_factor"]
    assert factor[bundle.item_code("n4")] == pytest.approx(0.5)
    assert factor[bundle.item_code("n1")] == factor[bundle.item_code("n7")] == 1


# -- the blend


def test_the_blend_follows_organic_events_the_more_of_them_there_are(bundle: Bundle, world: World) -> None:
    rows = [row(k, "i1", user=user) for k, user in enumerate(world.users[:50])]
    before, few, many = (
        np.array([b.meta.blend.network, b.meta.blend.rules, *b.meta.blend.popularity])
        for b in (bundle, updated(bundle, *rows[:5]).bundle, updated(bundle, *rows).bundle)
    )
    assert 0 < np.abs(few - before).max() < np.abs(many - before).max()
    shown = [replace(one, impression=("i1", "i2")) for one in rows]
    assert updated(bundle, *shown).bundle.meta.blend == bundle.meta.blend


def test_examples_are_kept_for_later_updates_the_newest_of_them(bundle: Bundle, world: World) -> None:
    rows = [row(k, "i1", user=user) for k, user in enumerate(world.users)]
    first = updated(bundle, *rows[:20]).bundle
    assert first.overlay["example_time"].tolist() == [one.time for one in rows[:20]]
    again = update(first, UpdateInputs([], {}, [], first.meta.event_offset, 0), 0).bundle
    assert again.meta.blend == first.meta.blend
    more = [
        replace(one, offset=20 + k * 200 + n, time=one.time + (k + 1) * HOUR)
        for k in range(3)
        for n, one in enumerate(rows)
    ]
    later = updated(first, *more).bundle
    assert len(later.overlay["example_time"]) == MOST_EXAMPLES
    assert later.overlay["example_time"].min() > max(one.time for one in rows[:20])


def test_what_everybody_clicks_now_rises_for_everybody(bundle: Bundle, world: World) -> None:
    rows = [row(k, "i117", user=user) for k, user in enumerate(world.users)]
    after = updated(bundle, *rows).bundle
    before, now = (standing(b, "i117", ["nobody"])[0] for b in (bundle, after))
    assert now > before + 0.5


def test_a_click_in_a_list_counts_for_popularity_as_far_as_no_posterior_learns_from_it(
    bundle: Bundle,
) -> None:
    known = int(np.argmin(bundle.overlay["prior_factor"]))
    left = float(bundle.overlay["prior_factor"][known])
    assert left < 1
    listed = [row(k, bundle.item_id(known), impression=(bundle.item_id(known), "n1")) for k in range(3)]
    organic = [row(k, bundle.item_id(known)) for k in range(3)]

    def counted(*rows: EventRow) -> float:
        counts = updated(bundle, *rows).bundle.popularity
        return float(counts.values[-1, known] - bundle.popularity.values[-1, known])

    assert counted(*organic) == pytest.approx(3, rel=1e-3)
    assert counted(*listed) == pytest.approx(3 * (1 - left), rel=1e-3)
