"""The split in time: nothing that came after the cut reaches the model that is judged on it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from newfound.dataset.histories import EventSelection, Histories
from newfound.project import Project
from newfound.recipes.assemble import FullInputs
from newfound.recipes.gather import Snapshots, gather_full
from newfound.recipes.later import TimeSplit, split_in_time


@pytest.fixture(scope="module")
def inputs(trained: Path) -> FullInputs:
    layout = Project.open(trained).layout
    return gather_full(layout, Snapshots.take(layout), EventSelection(), explores=True, seed=0)


def cut(inputs: FullInputs) -> TimeSplit:
    at = split_in_time(inputs)
    assert at is not None
    return at


def test_nine_tenths_come_before_the_cut_and_the_rest_is_asked(inputs: FullInputs) -> None:
    at = cut(inputs)
    times = inputs.histories.times
    assert at.past.latest == np.quantile(times, 0.9, method="lower") == at.past.histories.times.max()
    assert len(at.past.histories.items) == (times <= at.past.latest).sum()
    first = at.trained.times[at.split.ends[at.split.test_users]]
    assert (first > at.past.latest).all()
    late = [u for u in range(at.trained.n_users) if times[at.trained.offsets[u + 1] - 1] > at.past.latest]
    assert at.split.test_users.tolist() == late


def test_other_events_after_the_cut_change_nothing_before_it(inputs: FullInputs) -> None:
    later = inputs.histories.times > cut(inputs).past.latest
    items = inputs.histories.items.copy()
    items[later] = np.random.default_rng(0).integers(inputs.histories.n_items, size=later.sum())
    shown = inputs.shown + 5
    changed = replace(inputs, histories=replace(inputs.histories, items=items), shown=shown)
    one, other = cut(inputs).past, cut(changed).past
    for field in fields(Histories):
        assert np.array_equal(getattr(one.histories, field.name), getattr(other.histories, field.name))
    assert not one.shown.any()
    assert not other.shown.any()


def test_there_is_no_split_where_everything_happened_at_once(inputs: FullInputs) -> None:
    times = np.full_like(inputs.histories.times, 7)
    assert split_in_time(replace(inputs, histories=replace(inputs.histories, times=times))) is None
