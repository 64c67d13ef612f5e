"""The policies that a simulation compares: newfound's own at several weights, and the usual others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.explore.policy import (
    Chooser,
    Floats,
    Slate,
    YoungItems,
    among,
    draw_noise,
    noise_source,
    optimism,
    slates_of,
)
from newfound.explore.selection import best
from newfound.explore.settings import ExplorationSettings

EPSILON = 0.1
"""Share of places that epsilon-greedy gives to young items at random."""

GREEDY, IGNORE_NEW, ORACLE, POPULARITY = "greedy", "ignore-new", "oracle", "popularity"


@dataclass(frozen=True, slots=True)
class Policy:
    """A way to choose lists from what the model says; `told`: it hears of new items."""

    name: str
    settings: ExplorationSettings
    choose: Chooser
    told: bool = True


def weighted(weight: float) -> Policy:
    """newfound's own policy."""
    return Policy(weight_name(weight), ExplorationSettings(weight), _newfound)


def weight_name(weight: float) -> str:
    """Name newfound's policy at a weight; weight 0 is greedy."""
    return GREEDY if weight == 0 else f"weight {weight:g}"


def _newfound(
    relevance: Floats,
    young: YoungItems,
    sigma: Floats,
    settings: ExplorationSettings,
    k: int,
    seeds: Sequence[str],
) -> list[Slate]:
    """Choose as `serve_block` does, without the propensities: nothing in the loop reads them."""
    if settings.exploration_weight == 0:
        return _slates(relevance, young, relevance, k)
    lift, spread = optimism(young, sigma, settings)
    values = relevance.copy()
    values[:, young.codes] += lift + spread * draw_noise(len(young.codes), seeds)
    return _slates(relevance, young, values, k)


def _thompson(
    relevance: Floats,
    young: YoungItems,
    sigma: Floats,
    settings: ExplorationSettings,
    k: int,
    seeds: Sequence[str],
) -> list[Slate]:
    """Rank by one draw from each posterior."""
    draws = [noise_source(seed, "thompson").standard_normal(len(young.codes), np.float32) for seed in seeds]
    values = relevance.copy()
    values[:, young.codes] += sigma * np.stack(draws)
    return _slates(relevance, young, values, k)


def _ucb(
    relevance: Floats,
    young: YoungItems,
    sigma: Floats,
    settings: ExplorationSettings,
    k: int,
    seeds: Sequence[str],
) -> list[Slate]:
    """Rank by relevance and one standard deviation."""
    values = relevance.copy()
    values[:, young.codes] += sigma
    return _slates(relevance, young, values, k)


def _epsilon_greedy(
    relevance: Floats,
    young: YoungItems,
    sigma: Floats,
    settings: ExplorationSettings,
    k: int,
    seeds: Sequence[str],
) -> list[Slate]:
    """Rank by relevance, and give each place to a random young item with probability EPSILON."""
    served = best(relevance, k)
    for row, own, seed in zip(served, relevance, seeds, strict=True):
        source = noise_source(seed, "epsilon")
        others = np.setdiff1d(young.codes[np.isfinite(own[young.codes])], row)
        places = np.flatnonzero(source.random(len(row)) < EPSILON)[: len(others)]
        row[places] = source.choice(others, len(places), replace=False)
    return _described(relevance, young, served, k)


def _slates(relevance: Floats, young: YoungItems, values: Floats, k: int) -> list[Slate]:
    return _described(relevance, young, best(values, k), k)


def _described(relevance: Floats, young: YoungItems, served: NDArray[np.int64], k: int) -> list[Slate]:
    explored = np.isin(served, young.codes) & ~among(served, best(relevance, k), relevance.shape[1])
    return slates_of(served, np.ones(served.shape), explored)


OTHERS = {
    policy.name: policy
    for policy in (
        Policy(IGNORE_NEW, ExplorationSettings(0), _newfound, told=False),
        Policy("epsilon-greedy", ExplorationSettings(0), _epsilon_greedy),
        Policy("thompson", ExplorationSettings(0), _thompson),
        Policy("ucb", ExplorationSettings(0), _ucb),
    )
}
"""Policies on newfound's model that are not its own."""
