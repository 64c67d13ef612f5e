"""What a run amounts to: clicks, cost of exploration, how fast good new items were found (model specification §6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.simulation.loop import RunLog
from newfound.simulation.traffic import HOUR
from newfound.simulation.world import Codes, World

GOOD_SHARE = 0.2
FOUND_IMPRESSIONS = 30
WINDOW_HOURS = 6
RESAMPLES = 1_000
ENOUGH_SEEDS = 5
T_95 = (
    12.706,
    4.303,
    3.182,
    2.776,
    2.571,
    2.447,
    2.365,
    2.306,
    2.262,
    2.228,
    2.201,
    2.179,
    2.160,
    2.145,
    2.131,
)
"""97.5 % points of Student's t for 1 to 15 degrees of freedom; the last stands for more, which is on the safe side."""

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NewItems:
    """The items that came after the start: codes, their first hour, whether good or in the worse half, by true worth;

    fair: impressions the oracle gave each in each window since it came, (n, windows).
    """

    codes: Codes
    came: Codes
    good: NDArray[np.bool_]
    worse: NDArray[np.bool_]
    fair: Codes


def judge_new_items(world: World, oracle: RunLog, n_hours: int) -> NewItems:
    """Rank new items by the impressions that the oracle gave them."""
    codes = np.arange(world.n_old, len(world.item_ids))
    came = -(-(world.created[codes] - world.start) // HOUR)  # items are told of at the next full hour
    fair = windows(oracle, codes, came, n_hours)
    order = np.argsort(np.argsort(-fair.sum(axis=1), kind="stable"), kind="stable")
    return NewItems(codes, came, order < GOOD_SHARE * len(codes), order >= len(codes) / 2, fair)


def windows(log: RunLog, codes: Codes, came: Codes, n_hours: int) -> Codes:
    """Impressions (n, windows) of items in each WINDOW_HOURS since they came."""
    n_windows = -(-n_hours // WINDOW_HOURS)
    row, _ = np.nonzero(log.items >= 0)
    items, hours = log.items[log.items >= 0], log.hour[row]
    place = np.full(max(int(items.max(initial=0)), int(codes.max(initial=0))) + 1, -1)
    place[codes] = np.arange(len(codes))
    at = place[items]
    window = (hours - came[at]) // WINDOW_HOURS
    inside = (at >= 0) & (window >= 0)
    cells = at[inside] * n_windows + window[inside]
    return np.bincount(cells, minlength=len(codes) * n_windows).reshape(len(codes), n_windows)


def summarise(world: World, log: RunLog, oracle: RunLog, new: NewItems, n_hours: int) -> dict[str, Any]:
    """Figures of one run beside the oracle's on the same traffic."""
    clicks, best = log.clicked.sum(), oracle.clicked.sum()
    shown = np.unique(log.items[log.items >= 0])
    young = np.isin(log.items, new.codes)
    return {
        "requests": len(log.hour),
        "clicks": int(clicks),
        "clickRate": float(clicks / max(np.count_nonzero(log.items >= 0), 1)),
        "shareOfOracle": float(clicks / max(best, 1)),
        "regretPerThousandRequests": float((best - clicks) / len(log.hour) * 1_000),
        "newShare": float(young.mean()),
        "exploredShare": float(log.explored.mean()),
        "exploredOnWorseHalf": _share(np.isin(log.items[log.explored & young], new.codes[new.worse])),
        "coverage": len(shown) / len(world.item_ids),
        **_discovery(log, new, n_hours),
    }


def _share(mask: NDArray[np.bool_]) -> float | None:
    return float(mask.mean()) if len(mask) else None


def _discovery(log: RunLog, new: NewItems, n_hours: int) -> dict[str, float | None]:
    """How soon good new items are seen; those that came too late to tell are left out."""
    own = windows(log, new.codes, new.came, n_hours)
    total = np.cumsum(own, axis=1)
    lasting = n_hours - new.came
    result: dict[str, float | None] = {}
    for hours in (24, 72):
        told = new.good & (lasting >= hours)
        found = total[told, min(hours // WINDOW_HOURS, total.shape[1]) - 1] >= FOUND_IMPRESSIONS
        result[f"foundIn{hours}Hours"] = _share(found)
    enough = (2 * own >= new.fair) & (new.fair > 0)
    told = new.good & (lasting >= 24)
    first = np.where(enough.any(axis=1), (enough.argmax(axis=1) + 1.0) * WINDOW_HOURS, np.inf)[told]
    middle = float(np.median(first)) if len(first) else np.inf
    result["t50Hours"] = middle if np.isfinite(middle) else None
    return result


def lift(
    logs: list[RunLog], bases: list[RunLog], n_users: int, hours: tuple[float, float] = (0, np.inf)
) -> dict[str, float] | None:
    """Clicks over a base's clicks minus 1, run by run on the same traffic, with a 95 % interval; None without clicks.

    From ENOUGH_SEEDS seeds on: mean and Student's t over seeds. Fewer: bootstrap over the users of all of them, which
    does not tell how differently the policies would learn elsewhere.
    """
    own = [_clicks(log, n_users, hours) for log in logs]
    other = [_clicks(log, n_users, hours) for log in bases]
    if not all(clicks.any() for clicks in other):
        return None
    ratios = np.array([mine.sum() / theirs.sum() - 1 for mine, theirs in zip(own, other, strict=True)])
    if len(logs) >= ENOUGH_SEEDS:
        return mean_interval(ratios)
    n = n_users * len(logs)
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    resampled = drawn @ np.concatenate(own) / np.maximum(drawn @ np.concatenate(other), 1) - 1
    low, high = np.percentile(resampled, [2.5, 97.5])
    return {"value": float(ratios.mean()), "low": float(low), "high": float(high)}


def mean_interval(values: Float64) -> dict[str, float]:
    """Mean of one value a seed, with Student's 95 % interval."""
    freedom = min(len(values) - 1, len(T_95))
    half = T_95[freedom - 1] * values.std(ddof=1) / np.sqrt(len(values)) if freedom else 0.0
    middle = float(values.mean())
    return {"value": middle, "low": middle - float(half), "high": middle + float(half)}


def _clicks(log: RunLog, n_users: int, hours: tuple[float, float]) -> Float64:
    """Clicks of each user in these hours, (n_users,)."""
    inside = (log.hour >= hours[0]) & (log.hour < hours[1])
    clicks = log.clicked[inside].sum(axis=1)
    return np.bincount(log.user[inside], clicks, minlength=n_users).astype(np.float64)


def hourly(log: RunLog, n_hours: int) -> dict[str, Float64]:
    """Clicks, requests and places given to what exploration added, by hour: (n_hours,) each."""
    return {
        "clicks": np.bincount(log.hour, log.clicked.sum(axis=1), minlength=n_hours).astype(np.float64),
        "requests": np.bincount(log.hour, minlength=n_hours).astype(np.float64),
        "explored": np.bincount(log.hour, log.explored.mean(axis=1), minlength=n_hours).astype(np.float64),
    }


def break_even(own: Float64, base: Float64) -> int | None:
    """The hour from which on the clicks so far stay at or above the base's; None if they end below."""
    behind = np.flatnonzero(np.cumsum(own - base) < 0)
    if not len(behind):
        return 0
    return int(behind[-1]) + 1 if behind[-1] < len(own) - 1 else None
