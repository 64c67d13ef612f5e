from __future__ import annotations

import numpy as np
import pytest

from newfound.explore.knots import FAR, MOST, cut, place_knots


def some_items(spreads: list[float]) -> tuple[np.ndarray, np.ndarray]:
    means = np.linspace(0, 3, len(spreads), dtype=np.float32)
    return means[None], np.array([spreads], np.float32)


@pytest.mark.parametrize("narrow", [1.0, 0.3, 0.05])
def test_knots_are_close_where_a_narrow_item_is(narrow: float) -> None:
    means, spreads = some_items([1.0, narrow, 1.0])
    knots = place_knots(np.array([-1], np.float32), means, spreads, spreads > 0)
    values = knots.values[0, : knots.counts[0]]
    assert values[0] == -1
    assert values[-1] == pytest.approx(3 + FAR, abs=1e-4)
    gaps = np.diff(values)
    near = np.abs((values[1:] + values[:-1]) / 2 - 1.5) < 3 * narrow
    assert gaps.min() > 0
    assert gaps[near].max() < 0.65 * narrow
    assert knots.counts[0] <= MOST


def test_an_item_narrower_than_all_knots_costs_no_more_than_the_most() -> None:
    means, spreads = some_items([1.0, *[1e-4] * 150])
    knots = place_knots(np.array([-1], np.float32), means, spreads, spreads > 0)
    assert (np.diff(knots.values[0]) >= 0).all()
    assert knots.counts[0] == MOST


def test_a_cubic_is_found_again_with_its_slope_and_bend() -> None:
    means, spreads = some_items([1.0, 0.2, 0.5])
    settled = np.array([[2.5, 1.1, 0.3, -np.inf]], np.float32)
    knots = place_knots(np.array([-1], np.float32), means, spreads, spreads > 0)
    cells = cut(knots, settled)
    cubic = np.polynomial.Polynomial([0.3, -1, 0.5, 0.2])
    at_knots = cubic(knots.values[0])
    places = np.concatenate([cells.middles[0], settled[0, :3]])
    for order, weights in enumerate(cells.weights[:, :, 0]):
        found = sum(weights[k] * at_knots[cells.first[0] + k] for k in range(4))
        wanted = cubic.deriv(order)(places) if order else cubic(places)
        in_question = np.append(
            np.flatnonzero(cells.middles[0] < 3 + FAR), len(cells.middles[0]) + np.arange(3)
        )
        np.testing.assert_allclose(found[in_question], wanted[in_question], rtol=0.01, atol=0.02)


def test_cells_know_how_many_settled_values_are_above() -> None:
    means, spreads = some_items([1.0, 0.5])
    settled = np.array([[2.0, 1.0, 1.0, -0.5]], np.float32)
    cells = cut(place_knots(np.array([-1], np.float32), means, spreads, spreads > 0), settled)
    wide = (np.diff(cells.edges[0]) > 0) & (cells.middles[0] < 3 + 0.5 * FAR)
    above = np.count_nonzero(settled[:, None, :] > cells.middles[:, :, None], axis=2)
    assert (cells.above[0, wide] == above[0, wide]).all()
