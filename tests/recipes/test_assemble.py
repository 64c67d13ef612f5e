from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.worlds import LATEST

from newfound.dataset.event_rows import EventRow
from newfound.dataset.features import FeatureField, TokenTable, encode_tokens
from newfound.dataset.histories import EventSelection, Histories
from newfound.recipes.assemble import PRIOR_EVENTS, FullInputs, assemble, empty_overlay
from newfound.recipes.update import UpdateInputs, update
from newfound.serving.bundle import Bundle, learned_tastes
from newfound.serving.bundle_meta import Blend, Maps
from newfound.serving.history import user_history
from newfound.serving.network import Network
from newfound.serving.user_state import Sequences, UserStates, advance

N_ITEMS, D = 30, 32
NETWORK = Network.__slots__


def tokens(described: bool = True) -> TokenTable:
    """Even items are of one genre, odd ones of another; the last two say nothing."""
    if not described:
        return TokenTable([], 0, np.zeros(1, np.int64), np.zeros(0, np.int32))
    spelled = [[["G=even"] if item % 2 == 0 else ["G=odd"]] for item in range(N_ITEMS - 2)]
    return encode_tokens([*spelled, [[]], [[]]], ["G=even", "G=odd"], 1)


@pytest.fixture(scope="module")
def weights(bundle: Bundle) -> dict[str, np.ndarray]:
    """The network of the small world, with item vectors of our own."""
    rng = np.random.default_rng(0)
    token_vectors = rng.normal(size=(2, D)).astype(np.float32)
    content = token_vectors[np.arange(N_ITEMS) % 2]
    return {
        **{name: np.array(bundle.base[name]) for name in NETWORK},
        "E": content + 0.3 + 0.1 * rng.normal(size=(N_ITEMS, D)).astype(np.float32),
        "item_bias": rng.normal(size=N_ITEMS).astype(np.float32),
        "token_vectors": token_vectors,
        "token_bias": np.array([0.5, -0.5], np.float32),
    }


def inputs(*, described: bool = True, shown: np.ndarray | None = None, listed: int = 0) -> FullInputs:
    """Forty users who did twenty items each; items from 24 on were never chosen, item 23 twice.

    The last `listed` events answered a displayed list.
    """
    rng = np.random.default_rng(1)
    items = np.concatenate([rng.permutation(23)[:20] for _ in range(40)]).astype(np.int32)
    items[[5, 45]] = 23
    n = len(items)
    histories = Histories(
        [f"u{k}" for k in range(40)],
        [f"i{k}" for k in range(N_ITEMS)],
        np.arange(0, n + 1, 20),
        items,
        LATEST - n * 60 + 60 * np.arange(n),
        np.zeros(n, np.int16),
        np.ones(n, np.bool_),
        np.arange(n) >= n - listed,
        ("click",),
    )
    created = np.full(N_ITEMS, LATEST - 10**7)
    none = np.zeros(N_ITEMS, np.int64)
    return FullInputs(
        histories, EventSelection(), (FeatureField("G", "category"),) * described, tokens(described),
        created, created > 0, none if shown is None else shown, LATEST, 0, 0, True, 0,
    )  # fmt: skip


def test_an_item_is_trusted_by_what_was_chosen_without_a_list(weights: dict[str, np.ndarray]) -> None:
    some = inputs(listed=400)
    bundle = assemble(some, some.histories, weights)
    items = some.histories.items
    assert bundle.overlay["events"].tolist() == np.bincount(items, minlength=N_ITEMS).tolist()
    assert bundle.overlay["organic"].tolist() == np.bincount(items[:-400], minlength=N_ITEMS).tolist()
    assert bundle.overlay["clicked"].tolist() == np.bincount(items[-400:], minlength=N_ITEMS).tolist()


def without_tower(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in weights.items() if not name.startswith("token")}


def test_an_item_that_training_could_not_learn_stands_where_its_metadata_says(
    weights: dict[str, np.ndarray],
) -> None:
    made = inputs()
    base = assemble(made, made.histories, weights).base
    np.testing.assert_array_equal(base["E"][:23], weights["E"][:23])
    warm = weights["E"][:23]
    for item in (23, 24, 27):  # 23 has two events, too few to learn from
        near, far = (warm[(item + k) % 2 :: 2].mean(axis=0) for k in (0, 1))
        share = (base["E"][item] - far) @ (near - far) / np.square(near - far).sum()
        assert 0.7 < share < 1.1, "shrunk a little toward the usual"
    for item in (28, 29):
        np.testing.assert_allclose(base["E"][item], warm.mean(axis=0), atol=1e-5)


def test_without_metadata_every_unlearned_item_is_the_usual_one(weights: dict[str, np.ndarray]) -> None:
    made = inputs(described=False)
    whole = assemble(made, made.histories, without_tower(weights))
    np.testing.assert_allclose(whole.base["E"][25], weights["E"][:23].mean(axis=0), atol=1e-5)
    assert not whole.overlay["described"].any()
    assert (whole.overlay["metadata_bias"] == 0).all()


def test_states_are_those_of_reading_each_history_to_its_end(weights: dict[str, np.ndarray]) -> None:
    made = inputs()
    seen = made.histories
    whole = assemble(made, seen, weights)
    user = slice(7 * 20, 8 * 20)
    alone = Sequences(np.array([0, 20]), seen.items[user], seen.times[user], seen.types[user])
    expected = advance(whole.network, whole.item_rows, UserStates.empty(1, whole.network), alone)
    np.testing.assert_allclose(whole.user_states(["u7"]).h, expected.h, atol=1e-5)
    assert whole.user_states(["u7"]).item.tolist() == expected.item.tolist()
    some = assemble(made, seen, weights, users=np.array([7, 9]))
    np.testing.assert_allclose(some.user_states(["u7"]).h, expected.h, atol=1e-5)
    assert some.user_states(["u8"]).item.tolist() == [-1]


def test_counts_trust_and_the_prior_come_from_the_events_that_were_seen(
    weights: dict[str, np.ndarray],
) -> None:
    shown = np.zeros(N_ITEMS, np.int64)
    shown[[0, 25]] = 400
    made = inputs(shown=shown)
    overlay = assemble(made, made.histories, weights).overlay
    counts = np.bincount(made.histories.items, minlength=N_ITEMS)
    for name in ("events", "events_at_full", "organic"):
        assert overlay[name].tolist() == counts.tolist()
    expected = PRIOR_EVENTS / (PRIOR_EVENTS + counts)
    expected[0] = PRIOR_EVENTS / (PRIOR_EVENTS + counts[0] + 400 * 0.05)
    # Item 25 was shown, too, but not learned: its trials count one by one instead.
    np.testing.assert_allclose(overlay["prior_factor"], expected, rtol=1e-6)


def test_a_full_version_is_ready_for_updates(weights: dict[str, np.ndarray]) -> None:
    made = inputs()
    whole = assemble(made, made.histories, weights)
    rows = [EventRow(0, "u1", "i25", "click", LATEST, None, None, ("i25", "i1"), True)]
    after = update(whole, UpdateInputs(rows, {}, [{"ITEM_ID": "new"}], 1, 1), 0).bundle
    assert after.n_items == N_ITEMS + 1
    assert user_history(after, "u1").items[-1] == 25
    assert set(empty_overlay(whole.network, 0)) < set(after.overlay)


def test_the_prior_has_a_constant_and_the_directions_in_which_people_differ_most(
    weights: dict[str, np.ndarray],
) -> None:
    made = inputs()
    whole = assemble(made, made.histories, weights)
    assert whole.base["prior_variance"].shape == (1 + len(whole.learned_tastes),)
    assert (whole.base["prior_variance"] > 0).all()


def test_posteriors_live_on_no_more_than_sixteen_directions() -> None:
    variance = np.arange(1, 21, dtype=np.float32)
    variance[3] = 100
    assert learned_tastes(variance).tolist() == [3, *range(5, 20)]
    assert learned_tastes(variance[:2]).tolist() == [0, 1]


def test_the_blend_that_was_fitted_is_the_blend_that_is_served(weights: dict[str, np.ndarray]) -> None:
    made = inputs()
    blend = Blend(0.3, 0.9, (0.1,) * 7)
    meta = assemble(made, made.histories, weights, blend, maps := Maps((-4.0, 0.5), (0.1, 0.2))).meta
    assert (meta.blend, meta.maps) == (blend, maps)
    assert len(meta.popularity_prior) == len(meta.half_lives) == 7


def test_history_keeps_what_does_not_train(weights: dict[str, np.ndarray]) -> None:
    made = inputs()
    all_events = made.histories
    mask = np.arange(len(all_events.items)) % 2 == 0
    made = replace(made, histories=replace(all_events, trained=mask))
    whole = assemble(made, made.histories.restricted_to_trained(), weights)
    assert len(user_history(whole, "u3").items) == 20
    assert whole.overlay["events"].sum() == mask.sum()
