from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.worlds import DAY, LATEST, World

from newfound.dataset import popularity
from newfound.dataset.affinity import affinities
from newfound.recipes.blending import (
    MAX_EXAMPLES,
    Examples,
    fit_blend,
    fit_map,
    n_examples,
    popularity_before,
)
from newfound.serving.bundle import Bundle
from newfound.serving.bundle_meta import Blend
from newfound.serving.user_state import request_vectors

HALF_LIVES = np.array([3_600.0, 86_400.0])


def test_popularity_before_a_moment_knows_nothing_of_that_moment_or_later() -> None:
    items = np.array([2, 0, 1, 0], np.int32)
    times = np.array([30, 10, 20, 40])
    moments = np.array([20, 5, 100, 21])
    nothing = popularity.empty(HALF_LIVES, 3)
    found = dict(popularity_before(nothing, items, times, moments))
    assert sorted(found) == [0, 1, 2, 3]
    for example, moment in enumerate(moments):
        before = times < moment
        state = popularity.updated(nothing, items[before], times[before], 3) if before.any() else nothing
        expected = popularity.log_popularity(state, int(moment))
        np.testing.assert_allclose(
            popularity.log_popularity(found[example], int(moment)), expected, atol=1e-5
        )


def test_there_are_fewer_examples_the_larger_the_catalogue() -> None:
    assert n_examples(10) == MAX_EXAMPLES
    assert n_examples(10**6) == 50
    assert n_examples(0) == MAX_EXAMPLES
    assert 50 < n_examples(200_000) < MAX_EXAMPLES


def test_a_rule_map_finds_a_line_and_weighs_the_likely_items() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(50, 40)).astype(np.float32)
    level, slope = fit_map([(logits[:20], 0.7 * logits[:20] - 5), (logits[20:], 0.7 * logits[20:] - 5)])
    assert (level, slope) == (pytest.approx(-5, abs=1e-4), pytest.approx(0.7, abs=1e-4))
    bent = np.where(logits > 1, logits, 9.0).astype(np.float32)
    assert fit_map([(20 * logits, 20 * bent)])[1] > 0.5


def test_a_rule_map_never_falls_with_the_logit() -> None:
    logits = np.linspace(-1, 1, 20, dtype=np.float32)[None]
    level, slope = fit_map([(logits, -logits)])
    assert slope == 0
    assert -1 < level < 1


def examples(bundle: Bundle, world: World, targets: list[str], *, hide_seen: bool = False) -> Examples:
    n = len(targets)
    users = list(world.users[:n])
    at = np.full(n, LATEST + DAY)
    states = bundle.user_states(users)
    vectors = request_vectors(bundle.network, bundle.item_rows, states, at, bundle.base["center"])
    return Examples(
        vectors,
        np.array([bundle.item_code(item) for item in targets], np.int32),
        at,
        np.zeros(0, np.int32),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        hide_seen,
    )


def fitted(bundle: Bundle, asked: Examples) -> Blend:
    nobody = np.zeros(0, np.int32), np.zeros(0, np.int64)
    return fit_blend(bundle, asked, popularity_before(bundle.popularity, *nobody, asked.times), 0)[0]


def test_without_examples_the_blend_stays(bundle: Bundle, world: World) -> None:
    assert fitted(bundle, examples(bundle, world, [])) == bundle.meta.blend


def test_weights_are_never_negative_and_popularity_gains_when_everybody_follows_it(
    bundle: Bundle, world: World
) -> None:
    calm = Bundle(
        replace(bundle.meta, blend=Blend(0.5, 0.0, (0.0,) * 7)),
        bundle.base,
        {**bundle.overlay, "organic": np.full(bundle.n_items, 10**6)},
    )
    hit = examples(calm, world, ["i0"] * 120)
    values = np.array(calm.overlay["popularity"])
    values[:, calm.item_code("i0")] = 1_000
    crowd = Bundle(calm.meta, calm.base, {**calm.overlay, "popularity": values})
    blend = fitted(crowd, hit)
    assert min(blend.network, blend.rules, *blend.popularity) >= 0
    assert sum(blend.popularity) > 0.5
    taste = examples(calm, world, [f"i{k % 4}" for k in range(120)])
    assert fitted(calm, taste).network > blend.network


def test_affinity_gains_where_people_choose_what_goes_with_their_history(
    bundle: Bundle, world: World
) -> None:
    calm = Bundle(replace(bundle.meta, blend=Blend(0.5, 0.0, (0.0,) * 7)), bundle.base, bundle.overlay)
    n = 100
    past = {"items": calm.affinity.items[:n], "starts": np.arange(n), "stops": np.arange(n) + 1}
    near = affinities(calm.affinity, *past.values())
    near[np.arange(n), np.arange(n)] = -np.inf
    nearest = calm.item_ids(calm.affinity.items[near.argmax(axis=1)])
    assert fitted(calm, replace(examples(calm, world, nearest), **past)).affinity > 0.5
    near[np.arange(n), np.arange(n)] = np.inf
    farthest = calm.item_ids(calm.affinity.items[near.argmin(axis=1)])
    assert fitted(calm, replace(examples(calm, world, farthest), **past)).affinity == 0


def test_what_people_had_lately_counts_as_much_as_they_come_back_to_it(bundle: Bundle, world: World) -> None:
    calm = Bundle(replace(bundle.meta, blend=Blend(0.5, 0.0, (0.0,) * 7)), bundle.base, bundle.overlay)
    n = 100
    items = np.array([bundle.item_code(f"i{k}") for k in range(n)], np.int32)
    past = {"items": items, "starts": np.arange(n), "stops": np.arange(n) + 1}
    same = replace(examples(calm, world, [f"i{k}" for k in range(n)]), **past)
    other = replace(examples(calm, world, [f"i{(k + 4) % n}" for k in range(n)]), **past)
    assert fitted(calm, same).again > 1
    assert fitted(calm, other).again < 0
    assert fitted(calm, replace(same, hide_seen=True)).again == 0


def test_items_already_seen_compete_no_more_where_people_do_not_come_back(
    bundle: Bundle, world: World
) -> None:
    """Each of these users chose, next, the best item that it had not seen."""
    users = list(world.users[:60])
    codes = [sorted({bundle.item_code(item) for item in world.seen(user)}) for user in users]
    plain = examples(bundle, world, ["i0"] * 60)
    logits = bundle.logits(plain.vectors)
    for row, seen in enumerate(codes):
        logits[row, seen] = -np.inf
    stops = np.cumsum([len(seen) for seen in codes])
    asked = replace(
        plain,
        targets=logits.argmax(axis=1).astype(np.int32),
        items=np.concatenate(codes).astype(np.int32),
        starts=stops - [len(seen) for seen in codes],
        stops=stops,
    )
    assert fitted(bundle, replace(asked, hide_seen=True)).network > fitted(bundle, asked).network
