from __future__ import annotations

import numpy as np
import pytest

from newfound.dataset.youth import DAYS, LEAST_BORN, fit_youth

DAY = 86_400
START = 1_700_000_000


def history(
    half_life_days: float, *, per_day: int = 30, days: int = 40
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Creation times, items and times where an item's odds halve every so many days down to a tenth."""
    rng = np.random.default_rng(0)
    created = np.sort(START + rng.uniform(-40 * DAY, days * DAY, per_day * (days + 40)).astype(np.int64))
    times = np.sort(START + rng.uniform(0, days * DAY, 20_000).astype(np.int64))
    appeal = np.exp(rng.standard_normal(len(created)))
    items = np.empty(len(times), np.int32)
    for event, time in enumerate(times):
        age = (time - created[: np.searchsorted(created, time)]) / DAY / half_life_days
        odds = np.cumsum(appeal[: len(age)] * (0.1 + 0.9 * 2.0**-age))
        items[event] = np.searchsorted(odds, rng.random() * odds[-1])
    return created, items, times


@pytest.mark.parametrize(("half_life", "days"), [(0.5, (0.5, 1)), (4, (4, 8, 16))])
def test_where_items_fade_new_ones_start_high_for_as_long_as_it_takes(
    half_life: float, days: tuple[float, ...]
) -> None:
    created, items, times = history(half_life)
    level, found = fit_youth(created, np.ones(len(created), np.bool_), items, times)
    assert 1 < level < 3
    assert found in days


def test_where_nothing_fades_new_items_are_as_good_as_others() -> None:
    created, items, times = history(np.inf)
    level, days = fit_youth(created, np.ones(len(created), np.bool_), items, times)
    assert abs(level) < 0.3
    assert days in DAYS


def test_without_stated_ages_or_items_that_came_in_time_nothing_is_promised() -> None:
    created, items, times = history(4, per_day=10, days=3)
    n = len(created)
    assert fit_youth(created, np.zeros(n, np.bool_), items, times)[0] == 0
    few = created > times[0]
    few &= np.cumsum(few) < LEAST_BORN
    assert fit_youth(created, few, items, times)[0] == 0
    nothing = np.zeros(0, np.int64)
    assert fit_youth(created, np.ones(n, np.bool_), nothing.astype(np.int32), nothing)[0] == 0
