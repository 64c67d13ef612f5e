"""Taste: the few directions of metadata in which people differ most.

An item has coordinates y from its metadata alone, so a brand-new item has them too. Over all events y has mean 0 and,
nearly, variance 1 in each direction, uncorrelated; people differ in each independently. Directions are the leading
solutions of a generalised eigenproblem: the covariance of people's tastes, by moments, against that of y. What one
person likes is told by `dataset/profile.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.features import TokenTable
from newfound.dataset.runs import Int32, Int64, ranges, sums_by_run, sums_of_rows

Floats = NDArray[np.float32]

N_TOKENS = 256
"""So many of the commonest tokens tell taste."""
N_DIRECTIONS = 16
LEAST_VARIANCE = 1e-3
"""Directions in which people differ less than this, in units of the items' own variance, are left out."""
STEADY_EVENTS = 10.0
"""A person's few events say little: n events count n^2 / (n + STEADY_EVENTS)^2 where directions are chosen."""
RARE = 0.1
"""Share of the mean variance of a token that is added to each: a token that hardly anybody meets is no direction."""
ALIKE = 1e-9
SAMPLE_USERS = 20_000


def token_coordinates(
    table: TokenTable, telling: NDArray[np.bool_], items: Int32, offsets: Int64, seed: int
) -> Floats:
    """Find the directions in which people differ most, k of them, maybe 0: (n_tokens, k), 0 for rare tokens.

    telling (n_fields,): fields that say what an item is; users' items are `items[offsets[u]:offsets[u + 1]]`.
    """
    n_tokens = min(N_TOKENS, len(table.vocabulary))
    nothing = np.zeros((len(table.vocabulary), 0), np.float32)
    if not n_tokens or not len(items):
        return nothing
    users = some_users(offsets, seed)
    lengths = offsets[users + 1] - offsets[users]
    chosen, event = np.unique(items[ranges(offsets[users], offsets[users + 1])], return_inverse=True)
    marks, field = _marks(table, telling, chosen, n_tokens)
    counts = np.bincount(event)
    weight = counts @ marks  # (n_tokens,)
    share = weight / np.maximum(np.bincount(field, weight)[field], 1e-9)
    center = (np.eye(n_tokens) - (field[:, None] == field) * share) * (weight > 0)[:, None]
    marks = marks @ center
    sums = sums_of_rows(marks, event, lengths)  # (n_users, n_tokens)
    within = (marks * counts[:, None]).T @ marks / len(event)
    if np.trace(within) < ALIKE:
        return nothing
    steady = 1 / np.square(lengths + STEADY_EVENTS)
    excess = (sums * steady[:, None]).T @ sums - (lengths * steady).sum() * within
    between = excess / (np.square(lengths) * steady).sum()
    scale, axes = np.linalg.eigh(within + RARE * np.trace(within) / n_tokens * np.eye(n_tokens))
    whiten = axes / np.sqrt(scale)
    variance, axes = np.linalg.eigh(whiten.T @ between @ whiten)
    kept = np.flatnonzero(variance > LEAST_VARIANCE)[::-1][:N_DIRECTIONS]
    tokens = np.zeros((len(table.vocabulary), len(kept)), np.float32)
    tokens[:n_tokens] = center @ whiten @ axes[:, kept]
    return tokens


def some_users(offsets: Int64, seed: int) -> Int64:
    """Draw at most SAMPLE_USERS users."""
    users = np.arange(len(offsets) - 1)
    if len(users) <= SAMPLE_USERS:
        return users
    return np.sort(np.random.default_rng(seed).choice(users, SAMPLE_USERS, replace=False))


def item_coordinates(table: TokenTable, tokens: Floats, n_items: int) -> Floats:
    """Coordinates y (n_items, k): sums over the tokens of each field, over the root of how many it has."""
    if not tokens.size:
        return np.zeros((n_items, tokens.shape[1]), np.float32)
    _, weight = _entries(table)
    return sums_by_run(weight[:, None] * tokens[table.tokens], np.diff(table.offsets[:: table.n_fields]))


def _marks(
    table: TokenTable, telling: NDArray[np.bool_], items: Int32, n_tokens: int
) -> tuple[Floats, Int64]:
    """Weights (n, n_tokens) of the common tokens of n items, and the field of each token (n_tokens,)."""
    row, weight = _entries(table)
    item, field = np.divmod(row, table.n_fields)
    place = np.full((len(table.offsets) - 1) // table.n_fields, -1)
    place[items] = np.arange(len(items))
    kept = (table.tokens < n_tokens) & telling[field] & (place[item] >= 0)
    marks = np.zeros((len(items), n_tokens), np.float32)
    marks[place[item[kept]], table.tokens[kept]] = weight[kept]
    field_of = np.zeros(n_tokens, np.int64)
    field_of[table.tokens[kept]] = field[kept]
    return marks, field_of


def _entries(table: TokenTable) -> tuple[Int64, Floats]:
    """Row (item and field) of each token of the table, and its weight: one over the root of the row's tokens."""
    n = np.diff(table.offsets)
    row = np.repeat(np.arange(len(n)), n)
    return row, (1 / np.sqrt(n[row])).astype(np.float32)
