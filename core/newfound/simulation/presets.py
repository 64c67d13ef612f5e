"""Synthetic worlds: how fast the catalogue changes is what tells them apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound import columns as c
from newfound.schema.builtin import builtin
from newfound.simulation.world import DAY, Codes, Floats, World, fading, fit_level

START = 1_700_000_000 // DAY * DAY
N_GENRES = 6
N_HIDDEN = 2
"""Directions of taste that metadata does not tell."""
TASTE, HIDDEN_TASTE, APPEAL = 2.0, 0.8, 1.0
"""Standard deviations in log-odds of taste that metadata tells, of taste that it does not, and of appeal."""
USUAL_EVENTS = 60
"""Clicks of a user before the start, on average."""
HOURS = 24


@dataclass(frozen=True, slots=True)
class Preset:
    """Items before the start, created over `old_days`; items that are brand-new at the start; arrivals a day."""

    half_life_days: float
    n_old: int
    old_days: float
    n_fresh: int
    arrivals_per_day: float
    history_days: int


PRESETS = {
    "static": Preset(np.inf, 1_740, 300, 191, 0, 30),
    "shop": Preset(14, 1_740, 174, 100, 10, 30),
    "churn": Preset(4, 1_740, 87, 191, 20, 30),
    "news": Preset(0.5, 1_600, 8, 60, 200, 7),
}


def synthetic_world(name: str, days: float, n_users: int, seed: int) -> World:
    """Draw a world of a preset that lasts `days` after its start."""
    preset = PRESETS[name]
    chance = np.random.default_rng(seed)
    n_coming = round(preset.arrivals_per_day * days)
    created = START + np.concatenate(
        [
            -np.sort(chance.uniform(0, preset.old_days, preset.n_old))[::-1] * DAY - 1,
            np.zeros(preset.n_fresh),
            np.sort(chance.uniform(0, days, n_coming)) * DAY,
        ]
    ).astype(np.int64)
    n_items = len(created)
    genres = chance.integers(0, N_GENRES, (n_items, 2))
    liking = chance.standard_normal((n_users, N_GENRES), dtype=np.float32) * np.float32(TASTE)
    told: Floats = liking[:, genres[:, 0]] + liking[:, genres[:, 1]]
    told /= np.where(genres[:, 0] == genres[:, 1], np.float32(2), np.float32(np.sqrt(2)))
    users = chance.standard_normal((n_users, N_HIDDEN), dtype=np.float32)
    items = chance.standard_normal((n_items, N_HIDDEN), dtype=np.float32)
    taste: Floats = told + users @ items.T * np.float32(HIDDEN_TASTE / np.sqrt(N_HIDDEN))
    appeal: Floats = chance.standard_normal(n_items, dtype=np.float32) * np.float32(APPEAL)
    drawn = chance.lognormal(0, 0.7, n_users)
    activity = drawn / drawn.sum()
    order = np.arange(preset.n_old)
    now = taste[:, order] + (appeal + fading(created, START, preset.half_life_days))[order]
    item_ids = [f"i{k:05d}" for k in range(n_items)]
    records = [
        {
            c.ITEM_ID: item_id,
            "GENRES": "|".join(dict.fromkeys(f"genre {g}" for g in pair)),
            "TITLE": None,
            c.CREATION_TIMESTAMP: int(time),
        }
        for item_id, pair, time in zip(item_ids, genres.tolist(), created, strict=True)
    ]
    return World(
        name,
        [f"u{k:05d}" for k in range(n_users)],
        item_ids,
        taste,
        appeal,
        created,
        preset.half_life_days,
        fit_level(now),
        activity,
        START,
        records,
        builtin("items"),
        _past(taste, appeal, created, activity, preset, seed),
    )


def _past(
    taste: Floats, appeal: Floats, created: Codes, activity: NDArray[np.float64], preset: Preset, seed: int
) -> tuple[Codes, Codes, Codes]:
    """What people clicked before the start, finding items by themselves: P(item) ~ its odds, each item once."""
    chance = np.random.default_rng([seed, 1])
    n_users = len(taste)
    n_hours = preset.history_days * HOURS
    seen = np.zeros(taste.shape, np.bool_)
    parts = []
    for hour in range(n_hours):
        now = START - (n_hours - hour) * 3_600
        alive = int(np.searchsorted(created, now, side="right"))
        n = chance.poisson(USUAL_EVENTS * n_users / n_hours)
        who = np.unique(chance.choice(n_users, n, p=activity))
        odds = taste[who, :alive] + (appeal + fading(created, now, preset.half_life_days))[:alive]
        noise = -np.log(chance.standard_exponential(odds.shape, dtype=np.float32) + np.float32(1e-30))
        what = np.argmax(np.where(seen[who, :alive], -np.inf, odds + noise), axis=1)
        seen[who, what] = True
        parts.append((who, what, np.sort(now + chance.integers(0, 3_600, len(who)))))
    users, items, times = (np.concatenate(part).astype(np.int64) for part in zip(*parts, strict=True))
    return users, items, times
