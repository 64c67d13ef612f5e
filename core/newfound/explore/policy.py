"""Which items to show: relevance plus randomised optimism for young items (model specification §3).

Value of item i for user u: s_ui = relevance_ui + gain * sigma_ui * taper_i * (0.75 + 0.5 eps), eps ~ N(0, 1), where
sigma_ui is the posterior standard deviation and taper_i = sqrt(1 - age / cut-off). Weight 0 is the relevance order.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from newfound.explore.settings import SECONDS_PER_DAY, ExplorationSettings

Floats = NDArray[np.float32]

OPTIMISM = np.float32(0.75)
NOISE = np.float32(0.5)
DRAWS = 128
FARTHEST = np.float32(4.0)
"""Noise beyond this many standard deviations is left out of the propensities' candidates."""


@dataclass(frozen=True, slots=True)
class YoungItems:
    """Items below the age cut-off: codes int32 (m,), sorted, and taper float32 (m,) in (0, 1]."""

    codes: NDArray[np.int32]
    taper: Floats


def young_items(created: NDArray[np.int64], latest: int, settings: ExplorationSettings) -> YoungItems:
    """Find the young items; created: Unix seconds (n_items,), latest: T_latest. Future creation is age 0."""
    cutoff = settings.item_age_cutoff_days * SECONDS_PER_DAY
    age = np.maximum(latest - created, 0)
    codes = np.flatnonzero(age < cutoff).astype(np.int32)
    return YoungItems(codes, np.sqrt(1 - age[codes] / cutoff).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Slate:
    """What is served, best first: items int32 (k,), propensities float64 (k,), explored bool (k,)."""

    items: NDArray[np.int32]
    propensities: NDArray[np.float64]
    explored: NDArray[np.bool_]


def noise_source(seed: str, purpose: str) -> np.random.Generator:
    """Make the generator that a seed text names; every purpose has its own stream."""
    key = int.from_bytes(blake2b(f"{purpose}:{seed}".encode(), digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))


def top(values: Floats, k: int) -> NDArray[np.int64]:
    """Positions of the k largest finite values, best first; ties go to the lower position."""
    k = min(k, len(values))
    if k <= 0:
        return np.zeros(0, np.int64)
    threshold = np.partition(values, len(values) - k)[len(values) - k]
    candidates = np.flatnonzero(values >= threshold)
    best = candidates[np.argsort(-values[candidates], kind="stable")][:k]
    return best[np.isfinite(values[best])]


def noisy_values(
    relevance: Floats, young: YoungItems, sigma: Floats, settings: ExplorationSettings, seed: str
) -> Floats:
    """Values (n_items,) to rank by: relevance, plus the randomised bonus for young items."""
    spread = np.float32(settings.gain) * sigma * young.taper
    noise = noise_source(seed, "exploration").standard_normal(len(young.codes), dtype=np.float32)
    values = relevance.copy()
    values[young.codes] += OPTIMISM * spread + NOISE * spread * noise
    return values


def choose(
    relevance: Floats, young: YoungItems, sigma: Floats, settings: ExplorationSettings, k: int, seed: str
) -> NDArray[np.int32]:
    """Choose the items of `serve`, best first, and nothing more: for drawing what a policy would show many times."""
    if settings.exploration_weight == 0 or not len(young.codes):
        return top(relevance, k).astype(np.int32)
    return top(noisy_values(relevance, young, sigma, settings, seed), k).astype(np.int32)


def serve(
    relevance: Floats, young: YoungItems, sigma: Floats, settings: ExplorationSettings, k: int, seed: str
) -> Slate:
    """Choose k items for one user.

    relevance: float32 (n_items,), -inf for items that must not be shown; sigma: float32 (m,) for young items.
    """
    greedy = top(relevance, k)
    spread = np.float32(settings.gain) * sigma * young.taper
    if settings.exploration_weight == 0 or not len(young.codes):
        return Slate(greedy.astype(np.int32), np.ones(len(greedy)), np.zeros(len(greedy), np.bool_))
    values = noisy_values(relevance, young, sigma, settings, seed)
    served = top(values, k)
    mean = relevance[young.codes] + OPTIMISM * spread
    values[young.codes] = -np.inf
    settled = top(values, k)
    reach = mean + FARTHEST * NOISE * spread
    floor = values[settled[-1]] if len(settled) == k else -np.inf
    movable = (reach >= floor) & np.isfinite(mean) | np.isin(young.codes, served)
    candidates = np.concatenate([settled, young.codes[movable]])
    centers = np.concatenate([values[settled], mean[movable]])
    spreads = np.concatenate([np.zeros(len(settled), np.float32), NOISE * spread[movable]])
    propensities = slot_propensities(candidates, centers, spreads, served, noise_source(seed, "propensity"))
    is_young = np.isin(served, young.codes)
    return Slate(served.astype(np.int32), propensities, is_young & ~np.isin(served, greedy))


def slot_propensities(
    candidates: NDArray[np.integer],
    centers: Floats,
    spreads: Floats,
    served: NDArray[np.integer],
    source: np.random.Generator,
) -> NDArray[np.float64]:
    """Estimate P(item served[s] in slot s), (k,), by drawing the noise anew DRAWS times.

    The served slate itself counts as one draw, so no propensity is 0.
    """
    k = len(served)
    noise = source.standard_normal((DRAWS, len(candidates)), dtype=np.float32)
    drawn = centers + spreads * noise
    best = np.argpartition(-drawn, min(k, drawn.shape[1]) - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(drawn, best, axis=1), axis=1, kind="stable")
    slates = candidates[np.take_along_axis(best, order, axis=1)]
    return ((slates == served).sum(axis=0) + 1) / (DRAWS + 1)
