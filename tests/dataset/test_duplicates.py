"""Duplicates, found in one pass over batches."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newfound.dataset.duplicates import EqualRecords, EqualRows, HashLog, HashSet
from newfound.store.scratch import Scratch

BATCHES = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=5)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    with Scratch(tmp_path) as scratch:
        yield scratch


@settings(deadline=None)
@given(BATCHES)
def test_a_set_counts_distinct_hashes(batches: list[list[int]]) -> None:
    hashes, known = HashSet(), set[int]()
    for batch in batches:
        hashes.add(np.array(batch, np.uint64))
        known.update(batch)
        assert len(hashes) == len(known)


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from([0, 1, 2**56, 2**56 + 1, 2**63, 2**64 - 1])), max_size=5))
def test_a_log_finds_every_hash_that_came_before(batches: list[list[int]]) -> None:
    known, places = set[int](), []
    for place, value in enumerate(chain.from_iterable(batches)):
        if value in known:
            places.append(place)
        known.add(value)
    with tempfile.TemporaryDirectory() as folder, Scratch(Path(folder)) as scratch:
        log = HashLog(scratch)
        for batch in batches:
            log.add(np.array(batch, np.uint64))
        assert log.repeats().tolist() == places


def frame(*rows: tuple[str | None, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"ITEM_ID": pl.String, "TITLE": pl.String}, orient="row")


def test_an_interaction_equal_in_every_column_to_any_earlier_one_is_a_duplicate(scratch: Scratch) -> None:
    known = EqualRows(scratch)
    assert known.fresh(frame(("a", "x"), ("a", "y"), ("a", "x"), ("x", "a"))).all()
    assert known.fresh(frame(("a", "y"), ("b", "x"), ("b", None))).all()
    assert known.late().tolist() == [2, 4]


def test_an_interaction_that_is_stored_is_a_duplicate_at_once(scratch: Scratch) -> None:
    known = EqualRows(scratch, [frame(("b", "x")), frame(("a", None), ("c", "x"))])
    assert known.fresh(frame(("a", "x"), ("b", "x"), ("a", None), ("a", "x"))).tolist() == [
        True,
        False,
        False,
        True,
    ]
    assert known.fresh(frame(("c", "x"))).tolist() == [False]
    assert known.late().tolist() == [1]


def test_nulls_in_different_columns_make_different_rows(scratch: Scratch) -> None:
    known = EqualRows(scratch)
    known.fresh(frame(("a", None), (None, "a"), ("a", None)))
    assert known.late().tolist() == [2]


def test_a_record_duplicates_only_the_one_that_it_would_replace() -> None:
    known = EqualRecords("ITEM_ID")
    assert known.fresh(frame(("a", "x"), ("b", "x"), ("a", "x"))).tolist() == [True, True, False]
    assert known.fresh(frame(("a", "y"), ("a", "x"), ("b", "x"))).tolist() == [True, True, False]
    assert known.fresh(frame()).tolist() == known.late().tolist() == []


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
