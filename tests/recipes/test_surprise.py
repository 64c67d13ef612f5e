from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from newfound.dataset.histories import Histories
from newfound.recipes.assemble import DEFAULT_MAPS
from newfound.recipes.surprise import SCALE_RANGE, surprise
from newfound.serving.bundle import Bundle
from newfound.serving.bundle_meta import Blend

NOTHING = (0.0,) * 7


@pytest.fixture
def plain(bundle: Bundle) -> Bundle:
    """A world whose relevance is the logit of the network alone."""
    meta = replace(bundle.meta, blend=Blend(1.0, 0.0, NOTHING), maps=DEFAULT_MAPS)
    return Bundle(
        meta, bundle.base, {**bundle.overlay, "metadata_bias": np.zeros(bundle.n_items, np.float32)}
    )


def seen(bundle: Bundle) -> Histories:
    """What the world's bundle was made from: all that it holds."""
    base, n = bundle.base, len(bundle.base["history_items"])
    names = ("items", "times", "types", "trained")
    arrays = [np.asarray(base[f"history_{name}"]) for name in names]
    return Histories([], [], np.asarray(base["history_offsets"]), *arrays, np.zeros(n, np.bool_), ())


def scale(plain: Bundle, size: float, variance: float) -> float:
    """Measure where each item's bias is `size` off what its metadata said, against a prior on the bias."""
    rng = np.random.default_rng(0)
    off = (size * rng.permutation(np.resize([-1.0, 1.0], plain.n_items))).astype(np.float32)
    prior = np.zeros_like(plain.base["prior_variance"])
    prior[0] = variance
    judged = Bundle(plain.meta, {**plain.base, "prior_variance": prior}, plain.overlay)
    content, bias = np.asarray(plain.base["E"]), np.asarray(plain.base["item_bias"])
    return surprise(judged, seen(plain), content, bias - off, np.ones(plain.n_items, np.bool_), 0)


@pytest.mark.parametrize(
    ("size", "variance", "expected"), [(1, 1, 1), (2, 1, 4), (1, 2, 0.5), (0.9, 0.1, 8.1)]
)
def test_the_scale_is_the_surprise_over_what_the_prior_explains(
    plain: Bundle, size: float, variance: float, expected: float
) -> None:
    assert scale(plain, size, variance) == pytest.approx(expected, rel=1e-3)


def test_what_all_items_are_promised_too_much_is_no_surprise(plain: Bundle) -> None:
    content, bias = np.asarray(plain.base["E"]), np.asarray(plain.base["item_bias"])
    warm = np.ones(plain.n_items, np.bool_)
    assert surprise(plain, seen(plain), content, bias + 3, warm, 0) == SCALE_RANGE[0]


def test_the_scale_stays_within_bounds(plain: Bundle) -> None:
    assert (scale(plain, 0, 1), scale(plain, 50, 1)) == SCALE_RANGE


def test_only_warm_items_are_judged(plain: Bundle) -> None:
    warm = np.zeros(plain.n_items, np.bool_)
    warm[:10] = True
    bias = np.array(plain.base["item_bias"])
    bias[10:] += 100
    content = np.asarray(plain.base["E"])
    assert surprise(plain, seen(plain), content, bias, warm, 0) == SCALE_RANGE[0]
