"""Judging asks a bundle for what it has not seen, each user in the right state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newfound.dataset.histories import EventSelection
from newfound.evaluation.splits import WithheldSplit, last_withheld
from newfound.project import Project
from newfound.recipes.assemble import assemble
from newfound.recipes.full import until
from newfound.recipes.gather import Snapshots, gather_full
from newfound.recipes.judging import Judgement, _vectors_at_ends, _vectors_at_last, judge, judge_later
from newfound.recipes.warm_start import NEEDED, OPTIONAL
from newfound.serving.bundle import Bundle

USERS = np.arange(0, 100, 5)


@pytest.fixture(scope="module")
def judgements(trained: Path, bundle: Bundle) -> tuple[Judgement, Judgement]:
    """Twenty users hide their last four events, and the last alone; both bundles know no more than what is visible."""
    layout = Project.open(trained).layout
    inputs = gather_full(layout, Snapshots.take(layout), EventSelection(), explores=True, seed=0)
    known = inputs.histories
    ends = known.offsets[1:].copy()
    ends[USERS] -= 4
    four = WithheldSplit(ends, USERS, USERS[:0])
    weights = {name: np.asarray(bundle.base[name]) for name in (*NEEDED[1:], *OPTIONAL)}
    found = []
    for split in (four, last_withheld(four, known.offsets)):
        seen = assemble(inputs, until(known, split.ends), weights)
        found.append(Judgement(seen, known, split, True, 0))
    return found[0], found[1]


def test_before_the_last_event_a_user_is_where_all_others_lead(
    judgements: tuple[Judgement, Judgement],
) -> None:
    four, one = judgements
    np.testing.assert_allclose(_vectors_at_last(four), _vectors_at_ends(one), atol=1e-4)
    np.testing.assert_allclose(_vectors_at_last(one), _vectors_at_ends(one), atol=1e-6)


def test_a_report_asks_everybody_at_both_protocols(judgements: tuple[Judgement, Judgement]) -> None:
    report = judge(judgements[0])
    assert report["users"] == report["leaveOneOut"]["users"] == len(USERS)
    assert report["explorationWeight"] == 0.3
    assert report["slices"]["newUsers"] is None
    assert report["slices"]["longHistories"] is None
    # One item is relevant when the last event alone is asked for, so precision at 10 is a tenth of a hit rate.
    hits = report["leaveOneOut"]["metrics"]["precision_at_10"] * 10 * len(USERS)
    assert hits == pytest.approx(round(hits))


def test_the_last_week_stands_beside_what_came_later(judgements: tuple[Judgement, Judgement]) -> None:
    baselines = judge_later(judgements[0])["baselines"]
    assert list(baselines) == ["popularity", "sequential_rules", "recent_popularity"]
