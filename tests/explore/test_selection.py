from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from newfound.explore.selection import N_GROUPS, best

Floats = NDArray[np.float32]
some = st.sampled_from([-np.inf, -2.5, 0.0, 1.0, 7.0])


def brute_force(values: Floats, k: int) -> list[list[int]]:
    rows = []
    for row in values:
        order = [i for i in np.argsort(-row, kind="stable").tolist() if np.isfinite(row[i])][:k]
        rows.append(order + [-1] * (min(k, len(row)) - len(order)))
    return rows


@given(
    arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 30)), elements=some), st.integers(0, 40)
)
def test_the_best_come_first_and_ties_go_to_the_lower_position(values: Floats, k: int) -> None:
    assert best(values, k).tolist() == brute_force(values, k)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(0, 3 * N_GROUPS))
def test_so_they_do_in_a_large_catalogue(seed: int, k: int, hidden: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(3, 3 * N_GROUPS + 7)).astype(np.float32).round(2)
    values[:, rng.permutation(values.shape[1])[:hidden]] = -np.inf
    assert best(values, k).tolist() == brute_force(values, k)
