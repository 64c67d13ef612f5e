"""Which items to show: relevance plus randomised optimism for young items (model specification §3).

Value of item i for user u: s_ui = relevance_ui + gain * sigma_ui * taper_i * (1 + 0.6 eps), eps ~ N(0, 1), where
sigma_ui is the posterior standard deviation and taper_i = lasting * sqrt(1 - age / cut-off) * share of the prior
variance of its appeal that is left: the bonus of an item ends sooner than its uncertainty does, and is the smaller the
sooner items here fade, for less is gained by what is learned of them. Weight 0 is the relevance order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from newfound.explore.propensities import slot_propensities
from newfound.explore.selection import best
from newfound.explore.settings import SECONDS_PER_DAY, ExplorationSettings

Floats = NDArray[np.float32]

NOISE = np.float32(0.6)
CACHED_CELLS = 1 << 17
"""So many values are worked on at once: as many as stay in the processor's cache."""
STILL = np.float32(1e-6)
"""A value that is spread less than this stands still."""


@dataclass(frozen=True, slots=True)
class YoungItems:
    """Items below the age cut-off: codes int32 (m,), sorted, and taper float32 (m,) in (0, 1]."""

    codes: NDArray[np.int32]
    taper: Floats


def young_items(
    created: NDArray[np.int64], unknown: Floats, lasting: float, latest: int, settings: ExplorationSettings
) -> YoungItems:
    """Find the young items; created: Unix seconds (n_items,), latest: T_latest. Future creation is age 0.

    unknown (n_items,): share of what was not known of an item that still is not. lasting: how long what is learned of
    an item is worth something here, in (0, 1].
    """
    cutoff = settings.item_age_cutoff_days * SECONDS_PER_DAY
    age = np.maximum(latest - created, 0)
    codes = np.flatnonzero(age < cutoff).astype(np.int32)
    taper = lasting * np.sqrt(1 - age[codes] / cutoff) * unknown[codes]
    return YoungItems(codes, taper.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Slate:
    """What is served, best first: items int32 (k,), propensities float64 (k,), explored bool (k,)."""

    items: NDArray[np.int32]
    propensities: NDArray[np.float64]
    explored: NDArray[np.bool_]


Chooser = Callable[[Floats, YoungItems, Floats, ExplorationSettings, int, Sequence[str]], list[Slate]]
"""A policy: relevance (n, n_items) of n users, young items, their sigma (n, m), settings, k and seeds of noise (n,)."""


def optimism(young: YoungItems, sigma: Floats, settings: ExplorationSettings) -> tuple[Floats, Floats]:
    """What exploration adds to the relevance of young items: mean and standard deviation, shaped like sigma."""
    spread = np.float32(settings.gain) * sigma * young.taper
    return spread, NOISE * spread


def noise_source(seed: str, purpose: str) -> np.random.Generator:
    """Make the generator that a seed text names; every purpose has its own stream."""
    return np.random.Generator(np.random.Philox(key=noise_key(seed, purpose)))


def noise_key(seed: str, purpose: str) -> NDArray[np.uint64]:
    """The generator's key (2,)."""
    digest = blake2b(f"{purpose}:{seed}".encode(), digest_size=16).digest()
    return np.frombuffer(digest, "<u8").astype(np.uint64)


def draw_noise(n: int, seeds: Sequence[str]) -> Floats:
    """Draw eps (len(seeds), n) of n young items: for each seed what `noise_source` gives for exploration."""
    noise = np.empty((len(seeds), n), np.float32)
    bits = np.random.Philox(key=0)
    source, start = np.random.Generator(bits), bits.state
    for row, seed in zip(noise, seeds, strict=True):
        # A new key makes it the generator of this seed, at a tenth of the cost of making one.
        start["state"]["key"] = noise_key(seed, "exploration")
        bits.state = start
        source.standard_normal(dtype=np.float32, out=row)
    return noise


def noisy_values(
    relevance: Floats, young: YoungItems, sigma: Floats, settings: ExplorationSettings, seed: str
) -> Floats:
    """Values (n_items,) to rank by: relevance, plus the randomised bonus for young items."""
    lift, spread = optimism(young, sigma, settings)
    values = relevance.copy()
    noise = noise_source(seed, "exploration").standard_normal(len(young.codes), dtype=np.float32)
    values[young.codes] += lift + spread * noise
    return values


def choose(
    relevance: Floats, young: YoungItems, sigma: Floats, settings: ExplorationSettings, k: int, seed: str
) -> NDArray[np.int32]:
    """Choose the items of `serve`, best first, and nothing more: for drawing what a policy would show many times."""
    if settings.exploration_weight == 0 or not len(young.codes):
        values = relevance
    else:
        values = noisy_values(relevance, young, sigma, settings, seed)
    [chosen] = best(values[None], k)
    return chosen[chosen >= 0].astype(np.int32)


def serve(
    relevance: Floats, young: YoungItems, sigma: Floats, settings: ExplorationSettings, k: int, seed: str
) -> Slate:
    """Choose k items for one user.

    relevance: float32 (n_items,), -inf for items that must not be shown; sigma: float32 (m,) for young items.
    """
    return serve_block(relevance[None], young, sigma[None], settings, k, [seed])[0]


def serve_block(
    relevance: Floats,
    young: YoungItems,
    sigma: Floats,
    settings: ExplorationSettings,
    k: int,
    seeds: Sequence[str],
) -> list[Slate]:
    """Choose k items for each of some users: `serve` with a row a user, and the same answers."""
    if settings.exploration_weight == 0 or not len(young.codes):
        greedy = best(relevance, k)
        return slates_of(greedy, np.ones(greedy.shape), np.zeros(greedy.shape, np.bool_))
    lift, spread = optimism(young, sigma, settings)
    moving = spread > STILL
    own_relevance = relevance[:, young.codes]
    means = own_relevance + lift
    noisy = means + spread * draw_noise(len(young.codes), seeds)
    still = not moving.all()
    settled, known = _best_settled(relevance, young, np.where(moving, -np.inf, noisy) if still else None, k)
    n = settled.shape[1]
    place = best(np.concatenate([known, np.where(moving, noisy, -np.inf) if still else noisy], axis=1), n)
    own = np.where(place < n, -1, place - n)  # the column among young items, -1 for a settled one
    served = np.where(
        own >= 0, young.codes[own], np.take_along_axis(settled, np.minimum(place, n - 1), axis=1)
    )
    served[place < 0] = -1
    propensities = slot_propensities(
        known,
        np.where(moving, means, -np.inf) if still else means,
        np.maximum(spread, STILL),
        np.where(place < 0, -2, own),
    )
    if still:
        is_young = np.append(young.codes, -1)[np.searchsorted(young.codes, served)] == served
        explored = is_young & ~among(served, best(relevance, k), relevance.shape[1])
    else:
        explored = _explored(own, young, own_relevance, settled, known)
    return slates_of(served, propensities, explored)


def _best_settled(
    relevance: Floats, young: YoungItems, of_young: Floats | None, k: int
) -> tuple[NDArray[np.int64], Floats]:
    """Best settled items (n, k) and their values, -1 and -inf where there are fewer.

    of_young: values (n, m) of young items, -inf for those that move; None if all do.
    """
    n_users, n_items = relevance.shape
    settled = np.empty((n_users, min(k, n_items)), np.int64)
    known = np.empty(settled.shape, np.float32)
    size = max(1, CACHED_CELLS // n_items)
    for rows in (slice(low, low + size) for low in range(0, n_users, size)):
        values = relevance[rows].copy()
        values[:, young.codes] = -np.inf if of_young is None else of_young[rows]
        settled[rows] = chosen = best(values, k)
        known[rows] = np.where(chosen >= 0, np.take_along_axis(values, chosen, axis=1), -np.inf)
    return settled, known


def _explored(
    own: NDArray[np.int64], young: YoungItems, relevance: Floats, settled: NDArray[np.int64], known: Floats
) -> NDArray[np.bool_]:
    """Mark slots (n, k) whose item weight 0 would not show: at least k items are more relevant.

    own (n, k): columns of the young items that stand there, below 0 for others; relevance (n, m) of young items, none
    of them settled; settled, known (n, k): the best of the others.
    """
    n = own.shape[1]
    row, slot = (own >= 0).nonzero()
    column = own[row, slot]
    ahead = _ahead(relevance[row, column], young.codes[column], known[row], settled[row])
    # Where the others alone do not say it, young items count too.
    left = np.flatnonzero(ahead < n)
    row_left, column_left = row[left], column[left]
    value, code = relevance[row_left, column_left], young.codes[column_left]
    ahead[left] += _ahead(value, code, relevance[row_left], young.codes)
    explored = np.zeros(own.shape, np.bool_)
    explored[row, slot] = ahead >= n
    return explored


def _ahead(
    value: Floats, code: NDArray[np.integer], values: Floats, codes: NDArray[np.integer]
) -> NDArray[np.int64]:
    """How many of m items, `codes` of `values` (n, m), stand before each item `code` of `value` (n,)."""
    value, code = value[:, None], code[:, None]
    return np.count_nonzero((values > value) | ((values == value) & (codes < code)), axis=1)


def among(items: NDArray[np.int64], others: NDArray[np.int64], n_items: int) -> NDArray[np.bool_]:
    """Mark the items (n, k) of each row that are among its others (n, l)."""
    marks = np.zeros((len(others), n_items), np.bool_)
    np.put_along_axis(marks, others, values=True, axis=1)
    return np.take_along_axis(marks, items, axis=1)


def slates_of(
    items: NDArray[np.int64], propensities: NDArray[np.float64], explored: NDArray[np.bool_]
) -> list[Slate]:
    """Part a block (n, k) into slates; items -1 end a row."""
    lengths = np.count_nonzero(items >= 0, axis=1).tolist()
    codes = items.astype(np.int32)
    return [Slate(codes[u, :n], propensities[u, :n], explored[u, :n]) for u, n in enumerate(lengths)]
