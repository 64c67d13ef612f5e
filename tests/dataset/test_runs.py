from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from newfound.dataset.runs import distinct, ranges, sums_by_run, sums_of_rows


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9))))
def test_runs_are_listed_end_to_end(runs: list[tuple[int, int]]) -> None:
    starts = np.array([start for start, _ in runs], np.int64)
    stops = np.array([start + length for start, length in runs], np.int64)
    assert ranges(starts, stops).tolist() == [
        i for start, length in runs for i in range(start, start + length)
    ]


@given(st.lists(st.integers(0, 5), max_size=20), st.integers(0, 4))
def test_sums_of_named_rows_are_the_sums_of_these_rows(lengths: list[int], k: int) -> None:
    rng = np.random.default_rng(k)
    table, rows = rng.integers(-9, 9, (7, k)).astype(np.float32), rng.integers(0, 7, sum(lengths))
    found = sums_of_rows(table, rows, np.array(lengths, np.int64))
    np.testing.assert_array_equal(found, sums_by_run(table[rows], np.array(lengths, np.int64)))


@given(st.lists(st.integers(-3, 3)))
def test_distinct_values_are_sorted_and_come_once(values: list[int]) -> None:
    assert distinct(np.array(values, np.int64)).tolist() == sorted(set(values))
