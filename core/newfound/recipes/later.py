"""The honest split in time: a model made from what was known at a cut, asked for what came after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.histories import Histories
from newfound.evaluation.splits import WithheldSplit, in_time, most_test_users, user_keys
from newfound.progress import ProgressCallback
from newfound.recipes.assemble import FullInputs
from newfound.recipes.full import Learned, learn, until
from newfound.recipes.judging import Judgement, judge_later
from newfound.serving.bundle import Bundle

SHARE_BEFORE = 0.9


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """The inputs as they were at the cut, all interactions that train, and what is hidden of these.

    The catalogue is today's: an item that nobody had chosen yet is known by its metadata alone.
    """

    past: FullInputs
    trained: Histories
    split: WithheldSplit


def split_in_time(inputs: FullInputs) -> TimeSplit | None:
    """Cut where nine tenths of the interactions have happened; None if fewer than two users did anything after it."""
    trained = inputs.trained
    cut = int(np.quantile(trained.times, SHARE_BEFORE, method="lower"))
    keys, most = user_keys(trained.user_ids, inputs.seed), most_test_users(trained.n_items)
    split = in_time(trained.offsets, trained.times, cut, keys, most)
    if len(split.test_users) < 2:
        return None
    whole = inputs.histories
    ends = in_time(whole.offsets, whole.times, cut, keys, 0).ends
    past = replace(inputs, histories=until(whole, ends), latest=cut, shown=np.zeros_like(inputs.shown))
    return TimeSplit(past, trained, split)


@dataclass(frozen=True, slots=True)
class Twin:
    """What would have been made at the cut: a bundle with the states of the test users, and the facts of training."""

    at: TimeSplit
    learned: Learned
    bundle: Bundle

    def judge(self, users: NDArray[np.int64]) -> dict[str, Any]:
        """Report on what these users did after the cut."""
        split = replace(self.at.split, test_users=users)
        return judge_later(
            Judgement(self.bundle, self.at.trained, split, self.learned.inputs.hide_seen, self.at.past.seed)
        )


def train_twin(
    at: TimeSplit, hyperparameters: Mapping[str, str], max_minutes: float | None, progress: ProgressCallback
) -> Twin:
    """Train on the past of the cut alone, from the seed."""
    learned, _ = learn(at.past, hyperparameters, None, False, max_minutes, progress)
    return Twin(at, learned, learned.assembled(at.split.test_users))
