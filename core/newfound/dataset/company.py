"""Company: directions of taste that metadata does not tell, from which items the same people choose.

With N the 0/1 matrix of who chose what, n_u events of a user and p_i the share of an item, the entries of

    R = (N - n_u p_i) / sqrt(n_u p_i)

have mean 0 and variance 1 if people differ in nothing, so its singular values end at sqrt(users) + sqrt(items): what
lies beyond is taste. Items' metadata is projected out first. The singular vectors come from subspace iteration
(Halko, Martinsson and Tropp, SIAM Review 53, 2011) on some of the events.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int32, Int64, distinct, ranges, sums_of_rows

Floats = NDArray[np.float32]

N_DIRECTIONS = 16
SPARE = 8
"""Further columns that the iteration carries, so that the last direction it is asked for settles too."""
ITERATIONS = 5
LEAST_EVENTS = 5
"""Rarer items have no company that could be told from chance."""
SHRINK = 10.0
"""An item's coordinates count n / (n + SHRINK) after n events."""
BEYOND_CHANCE = 1.1
SAMPLE_EVENTS = 500_000


def company_coordinates(items: Int32, offsets: Int64, told: Floats, seed: int) -> Floats:
    """Coordinates (n_items, k) over all events of mean 0 and variance 1; 0 for rare items; k may be 0.

    Users' items are `items[offsets[u]:offsets[u + 1]]`; told (n_items, j): coordinates that metadata gives.
    """
    random = np.random.default_rng(seed)
    user, item = _pairs(items, offsets, random)
    counts = np.bincount(item, minlength=len(told))
    known = np.flatnonzero(counts >= LEAST_EVENTS)
    place = np.full(len(told), -1)
    place[known] = np.arange(len(known))
    user, item = user[place[item] >= 0], place[item[place[item] >= 0]]
    if not len(item):
        return np.zeros((len(told), 0), np.float32)
    _, user = np.unique(user, return_inverse=True)
    n_user, n_item = np.bincount(user), np.bincount(item)
    by_item = np.argsort(item, kind="stable")
    root_user = np.sqrt(n_user).astype(np.float32)[:, None]
    root_share = np.sqrt(n_item / len(item)).astype(np.float32)[:, None]
    plain: Floats = np.linalg.qr(root_share * np.column_stack([np.ones_like(root_share), told[known]]))[0]
    right: NDArray[np.floating] = random.standard_normal((len(known), N_DIRECTIONS + SPARE), dtype=np.float32)
    for _ in range(ITERATIONS):
        right = np.linalg.qr(right - plain @ (plain.T @ right))[0]
        left = np.linalg.qr(sums_of_rows(right / root_share, item, n_user) / root_user)[0]
        right = sums_of_rows(left / root_user, user[by_item], n_item) / root_share
        right -= plain @ (plain.T @ right)
    axes, strength, _ = np.linalg.svd(right, full_matrices=False)
    chance = np.sqrt(len(n_user)) + np.sqrt(len(known))
    kept = np.flatnonzero(strength > BEYOND_CHANCE * chance)[:N_DIRECTIONS]
    found = axes[:, kept] / root_share * (n_item / (n_item + SHRINK))[:, None]
    out = np.zeros((len(told), len(kept)), np.float32)
    out[known] = found / np.sqrt(np.square(root_share).T @ np.square(found))
    return out


def _pairs(items: Int32, offsets: Int64, random: np.random.Generator) -> tuple[Int64, Int64]:
    """Distinct users and items of enough users, by user."""
    users = random.permutation(len(offsets) - 1)
    lengths = np.diff(offsets)
    users = np.sort(users[: np.searchsorted(np.cumsum(lengths[users]), SAMPLE_EVENTS) + 1])
    owner = np.repeat(users, lengths[users])
    n_items = int(items.max(initial=0)) + 1
    chosen = items[ranges(offsets[users], offsets[users + 1])]
    return np.divmod(distinct(owner * n_items + chosen), n_items)
