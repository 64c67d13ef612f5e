"""A world made from a project's own data: taste fitted by matrix factorisation, the newest items held back to come.

Implicit alternating least squares (Hu, Koren and Volinsky, ICDM 2008) knows ids alone, no metadata and no order of
events: another class of model than the one that is tried in this world.
"""

from __future__ import annotations

import numpy as np

from newfound import columns as c
from newfound.dataset.current import current_records
from newfound.dataset.histories import EventSelection, Histories
from newfound.errors import TooLittleDataError
from newfound.recipes.catalogue import align_records, creation_times
from newfound.schema.registry import document_for
from newfound.serving.bundle import AGELESS
from newfound.simulation.world import DAY, Codes, Floats, World, fit_level
from newfound.store.layout import Layout

HELD_OUT = 0.1
"""Share of the items, the newest, that are held back and come during the run."""
MIN_ITEM_EVENTS = 3
MOST_USERS = 3_000
FACTORS, SWEEPS, RIDGE, CONFIDENCE = 24, 8, 5.0, 20.0
TASTE, APPEAL = 1.2, 0.7
"""Standard deviations in log-odds that taste and appeal are scaled to."""
LONGEST_DAYS = 365.0
MIN_HISTORY = 1_000


def project_world(layout: Layout, days: float, seed: int) -> World:
    """Fit the truth on all interactions; the past are those with the items that are not held back.

    At most MOST_USERS users, drawn at random. Raises TooLittleDataError.
    """
    from newfound.recipes.gather import Snapshots, interaction_histories, session_logins

    records = current_records(layout, "items").to_dicts()
    at = Snapshots.take(layout)
    histories = interaction_histories(layout, EventSelection(), records, at, session_logins(layout, at))
    owner, items, times = (
        histories.users().astype(np.int64),
        histories.items.astype(np.int64),
        histories.times,
    )
    events = np.bincount(items, minlength=histories.n_items)
    created = creation_times(align_records(records, histories.item_ids), histories.items, times)
    kept = np.flatnonzero((events >= MIN_ITEM_EVENTS) & (created < AGELESS))
    kept = kept[np.lexsort((kept, created[kept]))]  # by creation
    users = _some_users(histories, seed)
    n_old = len(kept) - max(1, round(HELD_OUT * len(kept)))
    item_row, user_row = _places(kept, histories.n_items), _places(users, histories.n_users)
    inside = (item_row[items] >= 0) & (user_row[owner] >= 0)
    user, item, when = user_row[owner[inside]], item_row[items[inside]], times[inside]
    past = item < n_old
    if past.sum() < MIN_HISTORY:
        raise TooLittleDataError(
            f"{past.sum():,} interactions with items that are not among the newest are too few to simulate",
            "import more interactions, or simulate a preset: --world churn",
        )
    start = int(when[past].max()) + 1
    coming = np.sort(np.random.default_rng([seed, 3]).uniform(0, days, len(kept) - n_old))
    coming[: len(coming) // 2] = 0  # half of them are there when the run begins
    taste, appeal = _truth(user, item, len(users), len(kept))
    order = np.argsort(when[past], kind="stable")
    moved = np.append(np.minimum(created[kept[:n_old]], start - 1), start + np.sort(coming) * DAY).astype(
        np.int64
    )
    item_ids = [histories.item_ids[code] for code in kept]
    by_id = {record[c.ITEM_ID]: record for record in records}
    activity = np.bincount(user, minlength=len(users)).astype(np.float64)
    return World(
        "project",
        [histories.user_ids[code] for code in users],
        item_ids,
        taste,
        appeal,
        moved,
        half_life_days(item[past], when[past], start),
        fit_level(taste[:, :n_old] + appeal[:n_old]),
        activity / activity.sum(),
        start,
        [
            by_id.get(name, {c.ITEM_ID: name}) | {c.CREATION_TIMESTAMP: int(time)}
            for name, time in zip(item_ids, moved, strict=True)
        ],
        document_for(layout, "items"),
        (user[past][order], item[past][order], when[past][order]),
    )


def _some_users(histories: Histories, seed: int) -> Codes:
    users = np.arange(histories.n_users)
    if len(users) > MOST_USERS:
        users = np.sort(np.random.default_rng([seed, 4]).choice(users, MOST_USERS, replace=False))
    return users


def _places(codes: Codes, n: int) -> Codes:
    place = np.full(n, -1, np.int64)
    place[codes] = np.arange(len(codes))
    return place


def _truth(user: Codes, item: Codes, n_users: int, n_items: int) -> tuple[Floats, Floats]:
    """Taste (n_users, n_items) by alternating least squares and appeal (n_items,) by counts, in log-odds."""
    counts = np.zeros((n_users, n_items), np.float32)
    counts[user, item] = 1
    own = np.random.default_rng(0).standard_normal((n_users, FACTORS)) * 0.1
    for _ in range(SWEEPS):
        other = _solve(counts.T, own)
        own = _solve(counts, other)
    taste = (own @ other.T).astype(np.float32)
    taste -= taste.mean(axis=0)
    taste -= taste.mean(axis=1, keepdims=True)
    appeal = np.log(np.bincount(item, minlength=n_items) + 1.0)
    appeal = (appeal - appeal.mean()) * APPEAL / max(float(appeal.std()), 1e-9)
    return taste * np.float32(TASTE / max(float(taste.std()), 1e-9)), appeal.astype(np.float32)


def _solve(counts: Floats, other: np.ndarray) -> np.ndarray:
    """Least squares of each row of counts (n, m) on factors (m, FACTORS); what was chosen weighs 1 + CONFIDENCE."""
    gram = other.T @ other + RIDGE * np.eye(FACTORS)
    out = np.zeros((len(counts), FACTORS))
    for row, chosen in enumerate(counts):
        mine = other[np.flatnonzero(chosen)]
        out[row] = np.linalg.solve(gram + CONFIDENCE * mine.T @ mine, (1 + CONFIDENCE) * mine.sum(axis=0))
    return out


def half_life_days(item: Codes, when: Codes, start: int) -> float:
    """How fast items fade: from how many clicks come in the first and in the second part of their first weeks.

    Infinity where the second part has as many.
    """
    first = np.full(int(item.max()) + 1, start, np.int64)
    np.minimum.at(first, item, when)
    part = min(LONGEST_DAYS, (start - int(when.min())) / DAY / 8) * DAY
    old_enough = first[item] + 2 * part <= start
    age = (when - first[item])[old_enough]
    early, late = int((age < part).sum()), int(((age >= part) & (age < 2 * part)).sum())
    if early <= late or not late:
        return np.inf
    return float(part / DAY * np.log(2) / np.log(early / late))
