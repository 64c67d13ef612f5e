"""`evaluate`: what another weight, version or campaign would have earned, from the project's own log.

The target is asked every logged question again by the very functions that serve; where its list puts which item is
drawn DRAWS times with fresh noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from newfound.campaigns import read_campaign, serving_version
from newfound.errors import QualityGateError, UsageError
from newfound.evaluation.off_policy import (
    Codes,
    Method,
    Slots,
    Target,
    evaluate_target,
    slot_figures,
)
from newfound.evaluation.reward_model import RewardModel, fit_reward_model
from newfound.explore.policy import choose
from newfound.explore.settings import ExplorationSettings
from newfound.outcomes import Outcomes, find_outcomes
from newfound.progress import Progress, ProgressCallback
from newfound.replaying import Logged, blocks, read_log, recompute
from newfound.serving.recommender import Recommender, Scored
from newfound.store.layout import Layout
from newfound.store.versions import find_version

DRAWS = 32
RECOMPUTED = 200


@dataclass(frozen=True, slots=True)
class Policy:
    """The target; what is None is as in each logged response."""

    version: str | None = None
    weight: float | None = None
    cutoff_days: float | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for values out of range."""
        usual = ExplorationSettings()
        ExplorationSettings(
            usual.exploration_weight if self.weight is None else self.weight,
            usual.item_age_cutoff_days if self.cutoff_days is None else self.cutoff_days,
        )

    def answered(self, logged: Logged) -> bool:
        """Say whether a response is this very policy's."""
        return (
            self.version in (None, logged.version)
            and self.weight in (None, logged.settings.exploration_weight)
            and self.cutoff_days in (None, logged.settings.item_age_cutoff_days)
        )


def evaluate(
    layout: Layout,
    campaign: str,
    policy: Policy,
    method: Method,
    *,
    target: str | None,
    event_type: str | None,
    count_silent: bool,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Estimate what the policy would have earned on a campaign's logged requests; see `find_outcomes`.

    `target`: the campaign whose policy is meant, instead of `policy`.

    Raises QualityGateError when the log cannot answer, UsageError without a policy, NotFoundError.
    """
    policy = _asked(layout, policy, target)
    learned = 0
    if policy.version is not None:
        learned = find_version(layout, policy.version).record["eventOffset"]
    responses = read_log(layout, campaign)
    if not responses:
        read_campaign(layout, campaign)
    found = find_outcomes(
        layout,
        responses,
        event_type=event_type,
        count_silent=count_silent,
        target=policy.version,
        learned=learned,
    )
    if not found.shown:
        raise QualityGateError(
            f"campaign {campaign!r} has no response to learn from: {found.why_left_out()}",
            "after `newfound recommend`, put an event with the recommendationId of each list that was seen",
        )
    if all(found.clicked) and not count_silent:
        raise QualityGateError(
            "every response that an event names was clicked: lists without a click are not reported",
            "put events without an item for these, or --count-silent if every answer was shown",
        )
    sample = found.shown[:: max(1, len(found.shown) // RECOMPUTED)][:RECOMPUTED]
    identical = sum(recompute(layout, sample))
    other = f"{len(sample) - identical} of {len(sample)} logged answers do not come out the same again"
    slots, item, ids = _slots(found)
    model = fit_reward_model(slots.response, slots.slot, item, slots.reward, slots.n_slots, len(ids))
    places = _Places(found.shown, slots, item, ids, model)
    shown = _target(layout, policy, places, method.seed, progress)
    result = evaluate_target(slots, shown, method)
    figures = slot_figures(slots, shown, method.clip)
    return {
        "campaign": campaign,
        "target": {
            "solutionVersion": policy.version,
            "explorationWeight": policy.weight,
            "explorationItemAgeCutoff": policy.cutoff_days,
        },
        **result,
        "rewardPerResponse": result["value"] * len(item) / len(found.shown),
        "slots": [{"position": k, **row} for k, row in enumerate(figures, start=1)],
        "responses": len(found.shown),
        "leftOut": found.left_out,
        "recomputed": {"responses": len(sample), "identical": identical},
        "warnings": [] if identical == len(sample) else [f"{other}: was the log or a version changed?"],
    }


def _asked(layout: Layout, policy: Policy, target: str | None) -> Policy:
    """The policy itself, or what the campaign `target` is now; raise UsageError for none or both, NotFoundError."""
    if target is None:
        if policy == Policy():
            raise UsageError(
                "no policy to evaluate",
                "name one: --exploration-weight 0.1, --version default@v2 or --target NAME",
            )
        return policy
    if policy != Policy():
        raise UsageError("--target already says which policy", "name no version, weight or cut-off with it")
    campaign = read_campaign(layout, target)
    version, settings = serving_version(layout, campaign), campaign.settings
    return Policy(version.name, settings.exploration_weight, settings.item_age_cutoff_days)


@dataclass(frozen=True, slots=True)
class _Places:
    """The slots of responses that were shown, the code of the item in each, and all codes by id."""

    shown: Sequence[Logged]
    slots: Slots
    item: Codes
    ids: dict[str, int]
    model: RewardModel


def _slots(found: Outcomes) -> tuple[Slots, Codes, dict[str, int]]:
    """Lay responses out slot by slot."""
    ids: dict[str, int] = {}
    rows = [
        (row, slot, ids.setdefault(item, len(ids)), propensity, item in own)
        for row, (logged, own) in enumerate(zip(found.shown, found.clicked, strict=True))
        for slot, (item, propensity) in enumerate(zip(logged.items, logged.propensities, strict=True))
    ]
    response, slot, item, propensity, reward = (np.array(column) for column in zip(*rows, strict=True))
    return Slots(response, slot, propensity, reward.astype(np.float64)), item, ids


def _target(layout: Layout, policy: Policy, places: _Places, seed: int, progress: ProgressCallback) -> Target:
    """Draw what the policy shows in each slot of the log."""
    slots, item, model = places.slots, places.item, places.model
    probability, expected = np.zeros(len(item)), np.zeros(len(item))
    starts = np.searchsorted(slots.response, np.arange(len(places.shown) + 1))
    asked, code_of = None, np.zeros(0, np.int64)
    done = 0
    for block in blocks(layout, places.shown, policy.version, policy.weight, policy.cutoff_days):
        if block.recommender is not asked:
            asked, code_of = block.recommender, _codes(block.recommender, places.ids)
        for row, scored in zip(block.rows, asked.score(block.requests, block.known), strict=True):
            drawn = code_of[_redrawn(asked, scored, seed)]  # (draws, k)
            at = np.arange(starts[row], min(starts[row + 1], starts[row] + drawn.shape[1]))
            within = slots.slot[at]
            probability[at] = (drawn[:, within] == item[at]).mean(axis=0)
            expected[at] = model.predict(slots.response[at], within, drawn[:, within]).mean(axis=0)
            if policy.answered(places.shown[row]):
                probability[at] = slots.propensity[at]
        done += len(block.rows)
        progress(Progress("replay", done, len(places.shown)))
    return Target(probability, expected, model.predict(slots.response, slots.slot, item))


def _codes(recommender: Recommender, ids: dict[str, int]) -> Codes:
    """Translate the bundle's item codes into those of the log; -1 for items that were never logged."""
    codes = np.full(recommender.bundle.n_items, -1)
    for item, code in ids.items():
        if (own := recommender.bundle.item_code(item)) >= 0:
            codes[own] = code
    return codes


def _redrawn(recommender: Recommender, scored: Scored, seed: int) -> Codes:
    """Lists (draws, k) of item codes that the target would show, each with noise of its own."""
    settings, request, values = recommender.settings, scored.request, scored.showable
    chance = settings.exploration_weight > 0 and len(recommender.young.codes) > 0
    return np.stack(
        [
            choose(
                values, recommender.young, scored.sigma, settings, request.k, f"{seed} {draw} {request.seed}"
            )
            for draw in range(DRAWS if chance else 1)
        ]
    )
