"""Offline metrics of a model beside its baselines: intervals, paired gains, and slices of items and of users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.rules import RulesTable
from newfound.dataset.runs import Int32, Int64
from newfound.evaluation import baselines
from newfound.evaluation.bootstrap import coverage_interval, interval
from newfound.evaluation.metrics import (
    METRIC_NAMES,
    USER_METRICS,
    HeldOut,
    coverage,
    ndcg_by_chance,
    relevance,
    user_metrics,
)
from newfound.evaluation.ranking import Past, Scorer, rank
from newfound.evaluation.splits import WithheldSplit, held_out

MIN_WARM_EVENTS: Final = 5
NEW_USER_EVENTS: Final = 5
LONG_HISTORY_EVENTS: Final = 50
DEFINITION: Final = {
    "split": "the newest 10 % of events of a tenth of the users; their older events are the input",
    "leaveOneOut": "the same users' last event, all before it is the input; no exploration",
    "inTime": "everybody's events after a cut in time, asked of a model made from the events before it alone;"
    " no exploration, nothing learned after the cut",
    "relevant": "an item among the user's withheld events, counted once",
    "coverage": "distinct items in the top 25 of all test users / items in the catalogue",
    "mean_reciprocal_rank_at_25": "mean of 1 / rank of the first relevant item within 25, else 0",
    "normalized_discounted_cumulative_gain": "sum of 1 / log2(1 + rank) over relevant items in the top K / "
    "the same sum over ranks 1 .. min(K, withheld items)",
    "precision": "relevant items in the top K / K",
    "interval": "95 %; bootstrap over users, coverage by the jackknife",
    "gains": "the model less a baseline, user by user, with its interval",
    "chance": "expected NDCG@10 of a random order of the catalogue",
    "cold": f"only withheld items with fewer than {MIN_WARM_EVENTS} training events are relevant",
    "warm": f"only withheld items with at least {MIN_WARM_EVENTS} training events are relevant",
    "newUsers": f"users with fewer than {NEW_USER_EVENTS} events as input",
    "longHistories": f"users with at least {LONG_HISTORY_EVENTS} events as input",
}

Mask = NDArray[np.bool_]


def evaluate_rankings(
    rankings: Mapping[str, Int32], held: HeldOut, counts: Int64, n_known: Int64, seed: int
) -> dict[str, Any]:
    """Report the ranking called "model" and, under "baselines", all others.

    `rankings` are int32 `[n_test_users, 25]`, `counts` the training events of each item, `n_known` the input events
    of each test user. Returns what `_report` does for everything, and under "slices" the same for cold and warm items,
    new users and long histories (None for a slice that no test user falls into). Raises ValueError without test users.
    """
    cold, everyone = counts < MIN_WARM_EVENTS, np.arange(len(n_known))
    slices = {
        "cold": (cold, everyone),
        "warm": (~cold, everyone),
        "newUsers": (np.ones_like(cold), np.flatnonzero(n_known < NEW_USER_EVENTS)),
        "longHistories": (np.ones_like(cold), np.flatnonzero(n_known >= LONG_HISTORY_EVENTS)),
    }
    return {
        **_report(rankings, held, np.ones_like(cold), seed),
        "slices": {name: _slice(rankings, held, *part, seed) for name, part in slices.items()},
    }


def evaluate(
    score: Scorer,
    split: WithheldSplit,
    items: Int32,
    offsets: Int64,
    rules: RulesTable,
    *,
    seed: int,
    hide_seen: bool,
    others: Mapping[str, Scorer] | None = None,
) -> dict[str, Any]:
    """Rank for the test users by `score`, by popularity, by sequential rules and by `others`, and report all.

    `rules` must be built on events that came before the withheld ones only. With `hide_seen` nobody is recommended an
    item of the own input.
    """
    past = Past(items, offsets[:-1], split.ends)
    scorers = {
        "model": score,
        "popularity": baselines.popularity(rules.counts),
        "sequential_rules": baselines.sequential_rules(rules, past),
        **(others or {}),
    }
    seen = past if hide_seen else None
    rankings = {name: rank(scorer, split.test_users, seen=seen) for name, scorer in scorers.items()}
    n_known = (split.ends - offsets[:-1])[split.test_users]
    return evaluate_rankings(rankings, held_out(split, items, offsets), rules.counts, n_known, seed)


def _slice(
    rankings: Mapping[str, Int32], held: HeldOut, catalogue: Mask, users: Int64, seed: int
) -> dict[str, Any] | None:
    held = held.of(users)
    if not catalogue[held.items].any():
        return None
    return _report({name: ranked[users] for name, ranked in rankings.items()}, held, catalogue, seed)


def _report(rankings: Mapping[str, Int32], held: HeldOut, catalogue: Mask, seed: int) -> dict[str, Any]:
    """Reduce rankings to metrics, intervals, baselines, gains over each of these, chance, users and items.

    `catalogue` is a mask over item codes: only held-out items inside it are relevant, and users without any
    count for coverage alone.
    """
    held = held.among(catalogue)
    asked = np.diff(held.offsets) > 0
    values = {name: user_metrics(*relevance(ranked, held))[asked] for name, ranked in rankings.items()}
    model, *rest = values.values()
    columns = np.concatenate([model, *(model - other for other in rest)], axis=1)
    bounds = np.stack(interval(columns, seed), axis=1).reshape(1 + len(rest), len(USER_METRICS), 2)
    means = {name: np.sort(column, axis=0).mean(axis=0).tolist() for name, column in values.items()}
    metrics = {
        name: dict(zip(METRIC_NAMES, (coverage(ranked, catalogue), *means[name]), strict=True))
        for name, ranked in rankings.items()
    }
    own = metrics.pop("model")
    low_high = [coverage_interval(rankings["model"], catalogue), *bounds[0].tolist()]
    return {
        "metrics": own,
        "intervals": {name: list(pair) for name, pair in zip(METRIC_NAMES, low_high, strict=True)},
        "baselines": metrics,
        "gains": {
            name: {
                metric: {"value": own[metric] - found[metric], "interval": pair}
                for metric, pair in zip(USER_METRICS, pairs.tolist(), strict=True)
            }
            for (name, found), pairs in zip(metrics.items(), bounds[1:], strict=True)
        },
        "chance": ndcg_by_chance(held, len(catalogue), 10),
        "users": int(np.count_nonzero(asked)),
        "items": int(catalogue.sum()),
    }
