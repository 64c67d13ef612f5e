"""Duplicates, found in one pass over batches."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from newfound.dataset.duplicates import EqualRecords, EqualRows, HashSet

BATCHES = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=5)


@settings(deadline=None)
@given(BATCHES)
def test_a_hash_is_fresh_once(batches: list[list[int]]) -> None:
    hashes, known = HashSet(), set[int]()
    for batch in batches:
        expected = []
        for value in batch:
            expected.append(value not in known)
            known.add(value)
        assert hashes.add(np.array(batch, np.uint64)).tolist() == expected
        assert len(hashes) == len(known)


def frame(*rows: tuple[str | None, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"ITEM_ID": pl.String, "TITLE": pl.String}, orient="row")


def test_an_interaction_equal_in_every_column_to_any_earlier_one_is_a_duplicate() -> None:
    known = EqualRows()
    assert known.fresh(frame(("a", "x"), ("a", "y"), ("a", "x"), ("x", "a"))).tolist() == [
        True,
        True,
        False,
        True,
    ]
    assert known.fresh(frame(("a", "y"), ("b", "x"), ("b", None))).tolist() == [False, True, True]


def test_nulls_in_different_columns_make_different_rows() -> None:
    assert EqualRows().fresh(frame(("a", None), (None, "a"), ("a", None))).tolist() == [True, True, False]


def test_a_record_duplicates_only_the_one_that_it_would_replace() -> None:
    known = EqualRecords("ITEM_ID")
    assert known.fresh(frame(("a", "x"), ("b", "x"), ("a", "x"))).tolist() == [True, True, False]
    assert known.fresh(frame(("a", "y"), ("a", "x"), ("b", "x"))).tolist() == [True, True, False]
    assert known.fresh(frame()).tolist() == []


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), max_size=5), max_size=4))
def test_records_without_their_duplicates_end_in_the_same_state(batches: list[list[tuple[str, str]]]) -> None:
    known, state, current = EqualRecords("ITEM_ID"), dict[str, str](), dict[str, str]()
    for batch in batches:
        state.update(batch)
        for (key, value), fresh in zip(batch, known.fresh(frame(*batch)), strict=True):
            assert fresh == (current.get(key) != value)
            current[key] = value
    assert current == state
