from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from newfound.dataset.runs import ranges


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9))))
def test_runs_are_listed_end_to_end(runs: list[tuple[int, int]]) -> None:
    starts = np.array([start for start, _ in runs], np.int64)
    stops = np.array([start + length for start, length in runs], np.int64)
    assert ranges(starts, stops).tolist() == [
        i for start, length in runs for i in range(start, start + length)
    ]
