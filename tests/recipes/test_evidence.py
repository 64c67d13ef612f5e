from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from tests.worlds import DAY, HOUR, LATEST

from newfound.dataset.event_rows import EventRow, Response
from newfound.explore.displays import Displays
from newfound.explore.learned import Learned
from newfound.explore.posterior import Posteriors, Trials
from newfound.hashing import hash64_many
from newfound.recipes.evidence import Slate, collect_slates, slate_key, vectors_when_shown
from newfound.recipes.trials import build_trials
from newfound.serving.bundle import Bundle
from newfound.serving.user_state import Sequences, UserStates, request_vectors

RESPONSES = {"RID-1": Response(("i1", "i2", "n3"), (0.5, 0.2, 0.1), "default@v2")}


def row(item: str | None = None, **fields: object) -> EventRow:
    given: dict[str, object] = {
        "offset": 0, "user": "u0", "item": item, "type": "click", "time": LATEST, "session": None,
        "recommendation_id": None, "impression": None, "counts": item is not None,
    }  # fmt: skip
    return EventRow(**given | fields)  # type: ignore[arg-type]  # fields of several types


def only(slates: list[Slate]) -> Slate:
    assert len(slates) == 1
    return slates[0]


def test_a_response_becomes_a_slate_when_an_event_refers_to_it() -> None:
    assert collect_slates([row("i1")], RESPONSES) == []
    slate = only(collect_slates([row(recommendation_id="RID-1", offset=7)], RESPONSES))
    assert (slate.items, slate.scores) == (("i1", "i2", "n3"), (0.5, 0.2, 0.1))
    assert (slate.user, slate.time, slate.offset, slate.clicked) == ("u0", LATEST, 7, set())


def test_a_response_that_nobody_logged_is_no_evidence() -> None:
    assert collect_slates([row("i1", recommendation_id="RID-404")], RESPONSES) == []


def test_all_clicks_on_a_response_belong_to_one_slate() -> None:
    rows = [
        row(recommendation_id="RID-1", time=LATEST),
        row("i2", recommendation_id="RID-1", time=LATEST + 5),
        row("n3", recommendation_id="RID-1", time=LATEST + DAY),
    ]
    slate = only(collect_slates(rows, RESPONSES))
    assert slate.clicked == {"i2", "n3"}
    assert slate.time == LATEST


@pytest.mark.parametrize("listed_first", [True, False])
def test_an_explicit_list_wins_over_the_response_that_is_named(listed_first: bool) -> None:
    rows = [
        row("i2", recommendation_id="RID-1", impression=("i2", "n9")),
        row(recommendation_id="RID-1"),
    ]
    slate = only(collect_slates(rows if listed_first else rows[::-1], RESPONSES))
    assert (slate.items, slate.scores, slate.clicked) == (("i2", "n9"), None, {"i2"})


def test_an_event_that_does_not_train_shows_the_list_and_clicks_nothing() -> None:
    slate = only(collect_slates([row("i1", recommendation_id="RID-1", counts=False)], RESPONSES))
    assert slate.clicked == set()


def test_the_same_list_again_is_the_same_slate_within_a_session_or_an_hour() -> None:
    first = row(impression=("a", "b"), time=1_000 * HOUR)
    same = [row(impression=("a", "b"), time=1_000 * HOUR + 3_599)]
    other = [
        row(impression=("b", "a"), time=1_000 * HOUR),
        row(impression=("a", "b"), time=1_001 * HOUR),
        row(impression=("a", "b"), time=1_000 * HOUR, user="u1"),
        row(impression=("a", "b"), time=1_000 * HOUR, session="s"),
    ]
    assert all(slate_key(one) == slate_key(first) for one in same)
    assert len({slate_key(one) for one in [first, *other]}) == 5
    late = row(impression=("a", "b"), time=1_050 * HOUR, session="s")
    assert slate_key(late) == slate_key(other[-1])


def trials_of(
    bundle: Bundle,
    *rows: EventRow,
    wanted: np.ndarray | None = None,
    served_by: Mapping[str, Learned] | None = None,
) -> Trials:
    slates = collect_slates(rows, RESPONSES)
    vectors = np.tile(np.asarray(bundle.base["center"]), (len(slates), 1))
    nothing = np.zeros(len(slates), np.int64)
    tails = (np.zeros(0, np.int32), nothing, nothing)
    mask = np.ones(bundle.n_items, np.bool_) if wanted is None else wanted
    owners = [slate.user for slate in slates]
    return build_trials(bundle, slates, owners, vectors, tails, mask, served_by or {})[0]


def test_a_trial_of_a_response_has_its_position_and_its_logged_score(bundle: Bundle) -> None:
    trials = trials_of(bundle, row("i2", recommendation_id="RID-1"))
    assert trials.item.tolist() == [bundle.item_code(item) for item in ("i1", "i2", "n3")]
    assert trials.position.tolist() == [1, 2, 3]
    assert trials.clicked.tolist() == [False, True, False]
    np.testing.assert_allclose(trials.log_score, np.log([0.5, 0.2, 0.1]), rtol=1e-6)
    assert len(set(trials.key.tolist())) == 1


def test_what_the_serving_version_knew_of_an_item_is_taken_out_of_its_score(bundle: Bundle) -> None:
    k = 1 + len(bundle.learned_tastes)
    mean = np.zeros((1, k), np.float32)
    mean[0, 0] = 0.75
    posteriors = Posteriors(np.array([bundle.item_code("n3")], np.int32), mean, np.ones((1, k), np.float32))
    shown = Displays(
        hash64_many(["u0"]), bundle.item_codes(["i1"]), np.ones(1, np.float32), np.array([LATEST])
    )
    known = Learned(posteriors, shown, 0.4)
    trials = trials_of(bundle, row("i2", recommendation_id="RID-1"), served_by={"default@v2": known})
    np.testing.assert_allclose(
        trials.log_score, np.log([0.5, 0.2, 0.1]) - [-0.4 * np.log(2), 0, 0.75], rtol=1e-6
    )
    other = trials_of(bundle, row("i2", recommendation_id="RID-1"), served_by={"default@v3": known})
    np.testing.assert_allclose(other.log_score, np.log([0.5, 0.2, 0.1]), rtol=1e-6)


def test_a_trial_of_an_explicit_list_has_no_position_and_the_score_of_now(bundle: Bundle) -> None:
    trials = trials_of(bundle, row("i2", impression=("i1", "i2")), row(impression=("n1",)))
    assert trials.position.tolist() == [0, 0, 0]
    assert trials.clicked.tolist() == [False, True, False]
    assert (trials.log_score < 0).all()
    assert trials.log_score[0] != trials.log_score[1]


def test_items_twice_in_a_list_unknown_or_unwanted_are_no_trials_of_their_own(bundle: Bundle) -> None:
    wanted = np.ones(bundle.n_items, np.bool_)
    wanted[bundle.item_code("i2")] = False
    trials = trials_of(bundle, row(impression=("i1", "i2", "nowhere", "i1")), wanted=wanted)
    assert trials.item.tolist() == [bundle.item_code("i1")]
    empty = trials_of(bundle, row(impression=("nowhere",)))
    assert empty.user_features.shape == (0, len(bundle.learned_tastes) + 1)
    assert trials_of(bundle).item.tolist() == []


def test_a_slate_is_seen_by_the_user_in_the_state_of_that_moment(bundle: Bundle) -> None:
    """Slates before, between and after two events of one user, and one of a user without events."""
    sequences = Sequences(
        np.array([0, 2, 2]),
        np.array([3, 7], np.int32),
        np.array([LATEST, LATEST + HOUR]),
        np.zeros(2, np.int16),
    )
    states = UserStates.empty(2, bundle.network)
    owner, after = np.array([0, 0, 0, 1]), np.array([0, 1, 2, 0])
    at = np.array([LATEST - 5, LATEST + 60, LATEST + 2 * HOUR, LATEST])
    vectors, final = vectors_when_shown(bundle, states, sequences, owner, after, at)
    center = np.asarray(bundle.base["center"])
    np.testing.assert_array_equal(vectors[0], center)
    np.testing.assert_array_equal(vectors[3], center)
    for slate, events in ((1, 1), (2, 2)):
        cut = Sequences(
            np.array([0, events]), *(getattr(sequences, n)[:events] for n in ("items", "times", "types"))
        )
        nobody = UserStates.empty(1, bundle.network)
        _, then = vectors_when_shown(bundle, nobody, cut, owner[:0], after[:0], at[:0])
        expected = request_vectors(bundle.network, bundle.item_rows, then, at[slate : slate + 1], center)
        np.testing.assert_allclose(vectors[slate], expected[0], atol=1e-5)
    assert final.item.tolist() == [7, -1]
