from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.worlds import LATEST

from newfound.recipes.assemble import DEFAULT_MAPS
from newfound.recipes.blending import Examples
from newfound.recipes.newcomers import fit_newcomers
from newfound.serving.bundle import Bundle
from newfound.serving.bundle_meta import Blend, Newcomers
from newfound.serving.user_state import request_vectors

N = 400


@pytest.fixture(scope="module")
def plain(bundle: Bundle) -> Bundle:
    """A world where the network's logit is all that there is to relevance, and every item is known well."""
    meta = replace(bundle.meta, blend=Blend(1.0, 0.0, (0.0,) * 7), maps=DEFAULT_MAPS)
    overlay = {
        **bundle.overlay,
        "metadata_bias": np.zeros(bundle.n_items, np.float32),
        "organic": np.full(bundle.n_items, 10**6),
        "created": np.zeros(bundle.n_items, np.int64),
    }
    return Bundle(meta, bundle.base, overlay)


def choices(bundle: Bundle) -> Examples:
    """What people choose by the softmax of their logits."""
    rng = np.random.default_rng(0)
    states = bundle.user_states([f"u{k % 50}" for k in range(N)])
    vectors = request_vectors(
        bundle.network, bundle.item_rows, states, np.full(N, LATEST), bundle.base["center"]
    )
    noise = rng.gumbel(size=(N, bundle.n_items))
    targets = (bundle.logits(vectors) + noise).argmax(axis=1).astype(np.int32)
    nothing = np.zeros(N, np.int64)
    return Examples(vectors, targets, np.full(N, LATEST), np.zeros(0, np.int32), nothing, nothing, False)


def found(bundle: Bundle, examples: Examples, share: float, lower: float) -> Newcomers:
    """Fit, where metadata promises `share` of every logit, less `lower`."""
    promise = share * np.asarray(bundle.base["E"]), share * np.asarray(bundle.base["item_bias"]) - lower
    known = ((k, bundle.popularity) for k in range(len(examples.targets)))
    return fit_newcomers(bundle, examples, known, promise, 0)


def test_nothing_is_added_where_metadata_promises_what_comes_true(plain: Bundle) -> None:
    examples = choices(plain)
    newcomers = found(plain, examples, 1.0, 0.0)
    chosen = plain.logits(examples.vectors)[np.arange(N), examples.targets]
    assert newcomers.network == pytest.approx(0, abs=0.15)
    assert newcomers.level + newcomers.network * chosen.mean() == pytest.approx(0, abs=0.1)


def test_newcomers_are_raised_by_what_metadata_promises_too_little(plain: Bundle) -> None:
    lower, whole = (found(plain, choices(plain), 1.0, by) for by in (2.0, 0.0))
    raised = lower.level - 2 * lower.network - whole.level + 2 * whole.network
    assert raised == pytest.approx(2, abs=0.5)
    assert found(plain, choices(plain), 0.5, 0.0).network == pytest.approx(1, abs=0.35)


def test_without_examples_newcomers_get_what_they_got(plain: Bundle) -> None:
    nobody = choices(plain)
    nobody = replace(nobody, targets=nobody.targets[:0])
    assert found(plain, nobody, 1.0, 0.0) == Newcomers()
