from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.worlds import DAY, HOUR, LATEST, World

from newfound.dataset.event_rows import EventRow
from newfound.explore.settings import ExplorationSettings
from newfound.serving.bundle import Bundle
from newfound.serving.filters import parse_filter
from newfound.serving.history import user_history
from newfound.serving.recommender import Answer, Recommender, Request

NOW = LATEST + 300 * DAY
ALL = 144


def row(item: str | None, time: int = LATEST + HOUR, kind: str = "click", user: str = "u0") -> EventRow:
    return EventRow(0, user, item, kind, time, None, None, None, item is not None)


def clauses(text: str) -> tuple:
    return parse_filter(text.replace("TYPE", "ItemID WHERE Interactions.EVENT_TYPE")).bind({})


def items(bundle: Bundle, answer: Answer) -> list[str]:
    return [bundle.item_id(code) for code in answer.slate.items.tolist()]


def ask(bundle: Bundle, request: Request, *rows: EventRow, weight: float = 0.0, now: int = NOW) -> Answer:
    recommender = Recommender(bundle, ExplorationSettings(weight), now)
    return recommender.answer([request], {request.user: rows})[0]


def shown(bundle: Bundle, text: str, *rows: EventRow, weight: float = 0.0) -> set[str]:
    return set(
        items(bundle, ask(bundle, Request("u0", ALL, "s", clauses=clauses(text)), *rows, weight=weight))
    )


def done(world: World, kind: str | None = None) -> set[str]:
    """What u0 did, in any way or one."""
    return {item for user, item, other, *_ in world.rows if user == "u0" and kind in (None, other)}


def test_an_exclusion_hides_what_was_imported_and_what_was_streamed(bundle: Bundle, world: World) -> None:
    everything = {*world.old, *world.new}
    assert done(world)
    assert shown(bundle, "EXCLUDE TYPE IN (*)") == everything - done(world)
    assert shown(bundle, "EXCLUDE TYPE IN (*)", row("n3")) == everything - done(world) - {"n3"}


def test_an_exclusion_of_one_type_leaves_the_others(bundle: Bundle, world: World) -> None:
    watched = done(world, "watch")
    assert watched and watched != done(world)
    assert shown(bundle, 'EXCLUDE TYPE IN ("WATCH")') == {*world.old, *world.new} - watched


def test_not_in_hides_what_was_done_in_any_other_way(bundle: Bundle, world: World) -> None:
    assert shown(bundle, 'EXCLUDE TYPE NOT IN ("watch")') == {*world.old, *world.new} - done(world, "click")
    assert shown(bundle, "EXCLUDE TYPE NOT IN (*)") == {*world.old, *world.new}


def test_an_inclusion_shows_only_what_was_done(bundle: Bundle, world: World) -> None:
    assert shown(bundle, 'INCLUDE TYPE IN ("watch")') == done(world, "watch")
    both = 'INCLUDE TYPE IN ("watch") | INCLUDE TYPE IN ("click") | EXCLUDE TYPE IN ("watch")'
    assert shown(bundle, both) == done(world) - done(world, "watch")


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_filter_that_leaves_nothing_leaves_nothing(bundle: Bundle, weight: float) -> None:
    assert shown(bundle, 'INCLUDE TYPE IN ("never")', weight=weight) == set()


def test_a_type_that_came_after_training_can_be_filtered_by_name(bundle: Bundle, world: World) -> None:
    bought = row("i119", kind="buy")
    assert "i119" not in done(world)
    assert shown(bundle, 'INCLUDE TYPE IN ("buy")', bought) == {"i119"}
    assert shown(bundle, 'EXCLUDE TYPE IN ("buy")', bought) == {*world.old, *world.new} - {"i119"}
    assert "i119" in shown(bundle, 'EXCLUDE TYPE NOT IN ("buy")', bought)
    two = (bought, row("i118", kind="rent"))
    assert shown(bundle, 'INCLUDE TYPE IN ("rent")', *two) == {"i118"}


def test_an_event_moves_its_user_and_one_on_an_unknown_item_does_not(bundle: Bundle) -> None:
    before = ask(bundle, Request("u0", ALL, "s", at=LATEST + DAY))
    after = ask(bundle, Request("u0", ALL, "s", at=LATEST + DAY), row("i3"))
    unknown = ask(bundle, Request("u0", ALL, "s", at=LATEST + DAY), row("nobody-knows-it"))
    assert items(bundle, after) != items(bundle, before)
    np.testing.assert_array_equal(unknown.relevance, before.relevance)


def test_an_event_that_does_not_train_is_history_for_filters_and_no_step(bundle: Bundle) -> None:
    request = Request("u0", ALL, "s", at=LATEST + DAY)
    silent = replace(row("i119"), counts=False)
    np.testing.assert_array_equal(ask(bundle, request, silent).relevance, ask(bundle, request).relevance)
    assert "i119" not in shown(bundle, "EXCLUDE TYPE IN (*)", silent)


def test_events_after_the_time_of_the_request_are_ignored(bundle: Bundle) -> None:
    request = Request("u0", ALL, "s", at=LATEST + HOUR)
    early, late = row("i3", LATEST + HOUR), row("i7", LATEST + HOUR + 1)
    both = ask(bundle, request, early, late)
    np.testing.assert_array_equal(both.relevance, ask(bundle, request, early).relevance)
    hidden = replace(request, clauses=clauses("EXCLUDE TYPE IN (*)"))
    assert {"i3", "i7"} & set(items(bundle, ask(bundle, hidden, early, late))) == {"i7"}


def test_a_request_about_the_past_sees_the_user_as_it_was_then(bundle: Bundle, world: World) -> None:
    rows = [row for row in world.rows if row[0] == "u1"]
    cut = rows[5][3]
    known = [row for row in rows if row[3] <= cut]
    past = ask(bundle, Request("u1", ALL, "s", at=cut, clauses=clauses("EXCLUDE TYPE IN (*)")))
    assert {*world.old, *world.new} - set(items(bundle, past)) == {row[1] for row in known}
    # A stranger who did the same, one event after the other, stands where u1 stood.
    copied = [row(item, time, kind, "stranger") for _, item, kind, time, _ in known]
    stranger = ask(bundle, Request("stranger", ALL, "s", at=cut), *copied)
    again = ask(bundle, Request("u1", ALL, "s", at=cut))
    assert items(bundle, again) == items(bundle, stranger)
    np.testing.assert_allclose(again.relevance, stranger.relevance, atol=1e-4)


def test_a_request_before_all_history_is_one_of_nobody(bundle: Bundle) -> None:
    past = ask(bundle, Request("u1", ALL, "s", at=1_000))
    nobody = ask(bundle, Request("stranger", ALL, "s", at=1_000))
    np.testing.assert_array_equal(past.relevance, nobody.relevance)


def test_now_is_at_most_a_day_after_the_newest_event(bundle: Bundle) -> None:
    request = Request("u0", 1, "s")
    assert ask(bundle, request).at == LATEST + DAY
    assert ask(bundle, request, row("i3", LATEST + 9 * DAY)).at == LATEST + 10 * DAY
    assert ask(bundle, request, now=LATEST + HOUR).at == LATEST + HOUR


@pytest.mark.parametrize("ahead", [0, 1, DAY])
def test_an_event_just_put_counts_also_when_its_clock_is_ahead(bundle: Bundle, ahead: int) -> None:
    now = LATEST + HOUR
    counted = ask(bundle, Request("u0", ALL, "s"), row("i3", now + ahead), now=now)
    same = ask(bundle, Request("u0", ALL, "s", at=now + ahead), row("i3", now + ahead), now=now)
    np.testing.assert_allclose(counted.relevance, same.relevance, atol=1e-4)
    assert items(bundle, counted) != items(bundle, ask(bundle, Request("u0", ALL, "s"), now=now))


def test_history_ahead_of_the_clock_is_not_forgotten(bundle: Bundle) -> None:
    """Data may be dated in the future: only a stated time cuts history."""
    early = ask(bundle, Request("u1", ALL, "s"), now=LATEST - 50 * DAY)
    assert items(bundle, early) != items(bundle, ask(bundle, Request("stranger", ALL, "s")))
    unseen = Request("u1", ALL, "s", clauses=clauses("EXCLUDE TYPE IN (*)"))
    hidden = ALL - len(items(bundle, ask(bundle, unseen, now=LATEST - 50 * DAY)))
    assert hidden == len(np.unique(user_history(bundle, "u1").items))


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_block_of_requests_is_answered_as_each_alone(bundle: Bundle, weight: float) -> None:
    """Whoever else asks, at whatever time, and whatever the others did."""
    requests = [
        Request("u0", 10, "a"),
        Request("u1", 10, "b", at=LATEST + DAY + 5 * HOUR),
        Request("u2", 10, "c", at=LATEST + DAY + 7 * HOUR),
        Request("u3", 10, "d", at=LATEST - 10 * DAY),
        Request("stranger", 10, "e", candidates=("i1", "i2", "n3")),
        Request("u4", 10, "f", clauses=clauses("EXCLUDE TYPE IN (*)")),
    ]
    events = {"u0": [row("i3", LATEST + 5 * HOUR)], "u4": [row("n0", LATEST + 6 * HOUR)]}
    recommender = Recommender(bundle, ExplorationSettings(weight), NOW)
    together = recommender.answer(requests, events)
    for request, answer in zip(requests, together, strict=True):
        alone = recommender.answer([request], events)[0]
        assert answer.at == alone.at
        assert items(bundle, answer) == items(bundle, alone)
        np.testing.assert_allclose(answer.relevance, alone.relevance, atol=1e-5)
        np.testing.assert_allclose(answer.scores, alone.scores, rtol=1e-4)
        np.testing.assert_allclose(answer.slate.propensities, alone.slate.propensities, rtol=1e-4)


def test_scores_are_shares_of_the_whole_catalogue_whatever_is_filtered(bundle: Bundle) -> None:
    whole = ask(bundle, Request("u0", ALL, "s"))
    assert whole.scores.sum() == pytest.approx(1, rel=1e-4)
    part = ask(bundle, Request("u0", ALL, "s", clauses=clauses("EXCLUDE TYPE IN (*)")))
    score = dict(zip(items(bundle, whole), whole.scores.tolist(), strict=True))
    assert part.scores.sum() < 0.9
    for item, value in zip(items(bundle, part), part.scores.tolist(), strict=True):
        assert value == pytest.approx(score[item], rel=1e-5)


def test_scores_of_ranked_items_are_shares_of_these_items(bundle: Bundle) -> None:
    named = ("i1", "n2", "i1", "nobody-knows-it", "i3")
    ranked = ask(bundle, Request("u0", 5, "s", candidates=named))
    assert sorted(items(bundle, ranked)) == ["i1", "i3", "n2"]
    assert ranked.scores.sum() == pytest.approx(1, rel=1e-5)
    whole = ask(bundle, Request("u0", ALL, "s"))
    order = [item for item in items(bundle, whole) if item in named]
    assert items(bundle, ranked) == order


def test_only_young_items_are_uncertain(bundle: Bundle, world: World) -> None:
    answer = ask(bundle, Request("u0", ALL, "s"), weight=0.3)
    certain = {item for item, sigma in zip(items(bundle, answer), answer.sigma, strict=True) if sigma == 0}
    assert certain == set(world.old)
