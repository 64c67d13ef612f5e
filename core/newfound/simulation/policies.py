"""The policies that a simulation compares: newfound's own at several weights, and the usual others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from newfound.explore.policy import Chooser, Floats, Slate, YoungItems, noise_source, noisy_values, top
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
    relevance: Floats, young: YoungItems, sigma: Floats, settings: ExplorationSettings, k: int, seed: str
) -> Slate:
    """Choose as `serve` does, without the propensities: nothing in the loop reads them."""
    values = relevance if settings.exploration_weight == 0 else noisy_values(relevance, young, sigma, settings, seed)
    return _slate(relevance, young, values, k)


def _thompson(
    relevance: Floats, young: YoungItems, sigma: Floats, settings: ExplorationSettings, k: int, seed: str
) -> Slate:
    values = relevance.copy()
    noise = noise_source(seed, "thompson").standard_normal(len(young.codes), dtype=np.float32)
    values[young.codes] += sigma * noise
    return _slate(relevance, young, values, k)


def _ucb(
    relevance: Floats, young: YoungItems, sigma: Floats, settings: ExplorationSettings, k: int, seed: str
) -> Slate:
    values = relevance.copy()
    values[young.codes] += sigma
    return _slate(relevance, young, values, k)


def _epsilon_greedy(
    relevance: Floats, young: YoungItems, sigma: Floats, settings: ExplorationSettings, k: int, seed: str
) -> Slate:
    source = noise_source(seed, "epsilon")
    served = top(relevance, k)
    others = np.setdiff1d(young.codes[np.isfinite(relevance[young.codes])], served)
    places = np.flatnonzero(source.random(len(served)) < EPSILON)[: len(others)]
    served[places] = source.choice(others, len(places), replace=False)
    return Slate(served.astype(np.int32), np.ones(len(served)), np.isin(np.arange(len(served)), places))


def _slate(relevance: Floats, young: YoungItems, values: Floats, k: int) -> Slate:
    served = top(values, k)
    explored = np.isin(served, young.codes) & ~np.isin(served, top(relevance, k))
    return Slate(served.astype(np.int32), np.ones(len(served)), explored)


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
