from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from newfound.evaluation.metrics import HeldOut

HoldOut = Callable[[Sequence[Sequence[int]]], HeldOut]


@pytest.fixture
def hold_out() -> HoldOut:
    """Held-out items from one list per user."""

    def make(lists: Sequence[Sequence[int]]) -> HeldOut:
        offsets = np.append(0, np.cumsum([len(items) for items in lists]))
        return HeldOut(offsets, np.array([item for items in lists for item in items], np.int32))

    return make
