"""Where the trained network places items and people: the part of a bundle that needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.features import TokenTable
from newfound.dataset.histories import Histories
from newfound.dataset.runs import ranges
from newfound.explore.prior import WARM_EVENTS
from newfound.recipes.content import fit_content
from newfound.serving.arrays import Array
from newfound.serving.network import Floats, Network
from newfound.serving.user_state import STATE_FIELDS, Sequences, UserStates, advance, request_vectors

DAY_SECONDS = 86_400
STATE_SAMPLE = 20_000
BLOCK_USERS = 1_024


@dataclass(frozen=True, slots=True)
class ItemRows:
    """Vectors (n_items, d) and biases (n_items,), and of each what is promised before any event.

    coefficients (n_tokens + 1, d + 1): of vector and bias on tokens. What is promised of an item that training has
    learned is found without it.
    """

    vectors: Floats
    bias: Floats
    content: Floats
    content_bias: Floats
    coefficients: Floats


def item_rows(
    tokens: TokenTable,
    described: NDArray[np.bool_],
    trained: Mapping[str, Array],
    events: NDArray[np.int64],
    seed: int,
) -> ItemRows:
    """Place the items that training could not learn, those with 0 `events` (n_items,), where their metadata says."""
    learned = np.column_stack([trained["E"], trained["item_bias"]]).astype(np.float32)
    warm = events > 0
    usual = learned[warm].mean(axis=0) if warm.any() else learned.mean(axis=0)
    coefficients, content = usual[None], np.tile(usual, (len(learned), 1))
    if described.any():
        found = fit_content(tokens, learned, events, seed)
        coefficients = found.coefficients
        told = np.where(warm[:, None], found.withheld(tokens), found.of(tokens))
        content[described] = told[described]
    learned[~warm] = content[~warm]
    return ItemRows(learned[:, :-1], learned[:, -1], content[:, :-1], content[:, -1], coefficients)


def final_states(
    network: Network, vectors: Floats, seen: Histories, users: NDArray[np.integer] | None
) -> UserStates:
    """States of all users after their last seen event; only those of `users` are advanced (None: all)."""
    states = UserStates.empty(seen.n_users, network)
    chosen = np.arange(seen.n_users) if users is None else np.asarray(users)
    # Blocks of users with histories of like length: few of them stay in the cache from event to event.
    chosen = chosen[np.argsort(-np.diff(seen.offsets)[chosen], kind="stable")]
    for low in range(0, len(chosen), BLOCK_USERS):
        block = chosen[low : low + BLOCK_USERS]
        starts, stops = seen.offsets[block], seen.offsets[block + 1]
        at = ranges(starts, stops)
        offsets = np.append(0, np.cumsum(stops - starts))
        sequences = Sequences(offsets, seen.items[at], seen.times[at], seen.types[at])
        ready = advance(network, lambda codes: vectors[codes], states.rows(block), sequences)
        for name in STATE_FIELDS:
            getattr(states, name)[block] = getattr(ready, name)
    return states


def mean_vector(network: Network, vectors: Floats, states: UserStates, seed: int) -> Floats:
    """Mean (d,) of the vectors that users have a day after their last event."""
    active = np.flatnonzero(states.item >= 0)
    if len(active) > STATE_SAMPLE:
        active = np.sort(np.random.default_rng(seed).choice(active, STATE_SAMPLE, replace=False))
    some = states.rows(active)
    nobody = np.zeros(network.size, np.float32)
    tomorrow = some.time + DAY_SECONDS
    return request_vectors(network, lambda codes: vectors[codes], some, tomorrow, nobody).mean(axis=0)


def clicker_scale(
    network: Network, vectors: Floats, states: UserStates, center: Floats, seen: Histories
) -> float:
    """Regress item vectors on the mean vector of the users who chose them last, both centred."""
    active = np.flatnonzero(states.item >= 0)
    counts = np.bincount(states.item[active], minlength=seen.n_items)
    sums = np.zeros_like(vectors)
    # In blocks: what lies between states and vectors is several times as large as both.
    for low in range(0, len(active), BLOCK_USERS):
        some = states.rows(active[low : low + BLOCK_USERS])
        users = request_vectors(network, lambda codes: vectors[codes], some, some.time, center) - center
        np.add.at(sums, some.item, users)
    often = counts >= WARM_EVENTS
    if not often.any():
        return 0.0
    means = sums[often] / counts[often, None]
    centred = vectors[often] - vectors[often].mean(axis=0)
    return max(float((means * centred).sum() / max(float((means * means).sum()), 1e-9)), 0.0)
