"""Off-policy estimators: what another policy would have earned, from places in lists that were shown.

Every place (slot) is a small experiment of its own: the reward of an item depends on the item and its slot, not on its
neighbours (the item-position model: Li et al., Offline Evaluation of Ranking Policies with Click Models, KDD 2018).
With w = min(P_target(item in slot) / P_log(item in slot), clip), r the reward, means over the rows of one slot, and
slots weighted by how often they were shown:

IPS     mean of w r                          unbiased without clipping
SNIPS   sum of w r / sum of w                a little biased, much steadier
DR      mean of q_target + w (r - q_logged)  q: a reward model; right if either q or the propensities are
replay  sum of p r / sum of p                p = P_target; right only where the log was uniformly random
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.errors import QualityGateError, UsageError
from newfound.evaluation.bootstrap import N_RESAMPLES

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

ESTIMATORS = ("snips", "ips", "dr", "replay")
DEFAULT_CLIP = 100.0
MIN_EFFECTIVE = 100
MIN_COVERAGE = {"snips": 0.8, "ips": 0.95, "dr": 0.8, "replay": 0.8}
"""How much of what the target shows the log must have tried. IPS takes the rest to earn nothing, the others do not."""


@dataclass(frozen=True, slots=True)
class Slots:
    """n places that were shown, one row each.

    response: 0 .. n_responses - 1; slot: 0 .. n_slots - 1; propensity in (0, 1], of the policy that showed it; reward.
    """

    response: Codes
    slot: Codes
    propensity: Floats
    reward: Floats

    @property
    def n_responses(self) -> int:
        """Lists that were shown."""
        return int(self.response.max(initial=-1)) + 1

    @property
    def n_slots(self) -> int:
        """Slots that any list had."""
        return int(self.slot.max(initial=-1)) + 1


@dataclass(frozen=True, slots=True)
class Target:
    """What another policy does in the same places: (n,) arrays.

    probability: that it shows the logged item there; expected: the mean predicted reward of what it shows there;
    predicted: the predicted reward of the logged item. Both None without a reward model.
    """

    probability: Floats
    expected: Floats | None = None
    predicted: Floats | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """How to evaluate. clip: the greatest weight of a place. Raises UsageError for what cannot be."""

    estimator: str = "snips"
    clip: float = DEFAULT_CLIP
    seed: int = 0

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS:
            hint = f"choose one of {', '.join(ESTIMATORS)}"
            raise UsageError(f"there is no estimator {self.estimator!r}", hint)
        if not self.clip > 0:
            raise UsageError(f"weights cannot be clipped at {self.clip:g}", "choose a positive number")


Resample = Callable[[np.random.Generator], Target]
"""Draws the target anew where it is itself estimated from a sample."""


def estimate(slots: Slots, target: Target, clip: float, times: Floats) -> Floats:
    """Compute every one of ESTIMATORS and then the mean reward of the log itself, (5,).

    times: (n_responses,), how often each response counts. A slot where the target never meets the log adds 0; DR is NaN
    without a reward model.
    """
    n = slots.n_slots
    weight = np.minimum(target.probability / slots.propensity, clip)
    each = times[slots.response]
    shown = np.bincount(slots.slot, each, n)
    share = shown / shown.sum()

    def mean(values: Floats) -> float:
        return float(each @ values / shown.sum())

    def ratio(weights: Floats) -> float:
        of = np.bincount(slots.slot, each * weights, n)
        earned = np.bincount(slots.slot, each * weights * slots.reward, n)
        return float(share @ np.divide(earned, of, out=np.zeros(n), where=of > 0))

    doubly = np.nan
    if target.expected is not None and target.predicted is not None:
        doubly = mean(target.expected + weight * (slots.reward - target.predicted))
    return np.array(
        [ratio(weight), mean(weight * slots.reward), doubly, ratio(target.probability), mean(slots.reward)]
    )


def effective_sample_size(slots: Slots, weight: Floats) -> float:
    """(sum W)^2 / sum W^2 over responses, W the mean weight of a response's slots; 0 without weight."""
    sums = np.bincount(slots.response, weight, slots.n_responses)
    means = sums / np.maximum(np.bincount(slots.response, minlength=slots.n_responses), 1)
    squares = float(means @ means)
    return float(means.sum()) ** 2 / squares if squares > 0 else 0.0


def evaluate_target(
    slots: Slots, target: Target, method: Method, resample: Resample | None = None
) -> dict[str, Any]:
    """Estimate with 95 % bootstrap intervals over responses, and say how well the log overlaps with the target.

    Returns what the chosen estimator says, then "estimators" {name: {value, interval, effectiveSampleSize, refusal}}
    (DR None without a reward model), "logged", "difference" (the chosen one's, from the log) and "overlap". Raises
    QualityGateError if the log cannot answer.
    """
    clip = method.clip
    once = np.ones(slots.n_responses)
    values = estimate(slots, target, clip, once)
    raw = target.probability / slots.propensity
    rng = np.random.default_rng(method.seed)
    drawn, coverage = np.empty((N_RESAMPLES, len(values))), np.empty(N_RESAMPLES)
    for k in range(N_RESAMPLES):
        times = np.bincount(rng.integers(slots.n_responses, size=slots.n_responses), minlength=len(once))
        other = target if resample is None else resample(rng)
        drawn[k] = estimate(slots, other, clip, times.astype(np.float64))
        each = times[slots.response]
        coverage[k] = each @ (other.probability / slots.propensity) / each.sum()
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    overlap = _overlap(slots, raw, clip, coverage)
    report: dict[str, Any] = {}
    for k, name in enumerate(ESTIMATORS):
        size = effective_sample_size(slots, target.probability if name == "replay" else np.minimum(raw, clip))
        report[name] = (
            None
            if np.isnan(values[k])
            else {
                "value": float(values[k]),
                "interval": [float(low[k]), float(high[k])],
                "effectiveSampleSize": size,
                "refusal": _refusal(size, overlap, MIN_COVERAGE[name]),
            }
        )
    k = ESTIMATORS.index(method.estimator)
    difference = np.percentile(drawn[:, k] - drawn[:, -1], [2.5, 97.5])
    return {
        **_chosen(report[method.estimator], method.estimator),
        "estimators": report,
        "logged": {"value": float(values[-1]), "interval": [float(low[-1]), float(high[-1])]},
        "difference": {"value": float(values[k] - values[-1]), "interval": difference.tolist()},
        "overlap": overlap,
    }


def _chosen(figures: dict[str, Any] | None, estimator: str) -> dict[str, Any]:
    if figures is None:
        raise QualityGateError(
            f"{estimator} needs all that the target shows, and the log says only where the two agree",
            "give the target's own log, or choose another estimator",
        )
    if figures["refusal"]:
        raise QualityGateError(
            f"the log cannot answer: {figures['refusal']}",
            "log more, explore more, or ask about a policy nearer to the one that was logged",
        )
    keys = ("value", "interval", "effectiveSampleSize")
    return {"estimator": estimator} | {key: figures[key] for key in keys}


def _overlap(slots: Slots, raw: Floats, clip: float, coverage: Floats) -> dict[str, Any]:
    """Describe unclipped weights (n,), whose mean is 1 where the log covers all that the target shows."""
    return {
        "meanWeight": float(raw.mean()),
        "meanWeightInterval": np.percentile(coverage, [2.5, 97.5]).tolist(),
        "maxWeight": float(raw.max(initial=0.0)),
        "clippedShare": float((raw > clip).mean()),
        "zeroShare": float((raw == 0).mean()),
        "minPropensity": float(slots.propensity.min(initial=1.0)),
    }


def _refusal(size: float, overlap: dict[str, Any], needed: float) -> str | None:
    """Say why the log cannot answer, if it cannot."""
    if size == 0:
        return "the target never shows what the log shows in the same place"
    if (covered := overlap["meanWeightInterval"][1]) < needed:
        return (
            f"the log covers at most {100 * covered:.0f} % of what the target shows: the rest was never tried"
        )
    if size < MIN_EFFECTIVE:
        return f"the effective sample size is {size:.0f} responses, and {MIN_EFFECTIVE} are needed"
    return None


def slot_figures(slots: Slots, target: Target, clip: float) -> list[dict[str, Any]]:
    """Break the estimate down: for each slot SNIPS, the log's own mean reward, rows and effective sample size."""
    rows = []
    for slot in range(slots.n_slots):
        inside = slots.slot == slot
        response = np.unique(slots.response[inside], return_inverse=True)[1]
        part = replace(
            slots,
            response=response,
            slot=np.zeros_like(response),
            propensity=slots.propensity[inside],
            reward=slots.reward[inside],
        )
        weight = np.minimum(target.probability[inside] / part.propensity, clip)
        total = float(weight.sum())
        rows.append(
            {
                "value": float(weight @ part.reward) / total if total else None,
                "logged": float(part.reward.mean()),
                "shown": len(response),
                "effectiveSampleSize": effective_sample_size(part, weight),
            }
        )
    return rows
