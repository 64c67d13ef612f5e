"""Offline metrics of a model beside its baselines, with intervals and the slice of cold items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.rules import RulesTable
from newfound.dataset.runs import Int32, Int64
from newfound.evaluation import baselines
from newfound.evaluation.bootstrap import coverage_interval, interval
from newfound.evaluation.metrics import METRIC_NAMES, HeldOut, coverage, relevance, user_metrics
from newfound.evaluation.ranking import Past, Scorer, rank
from newfound.evaluation.splits import WithheldSplit, held_out

MIN_WARM_EVENTS: Final = 5
DEFINITION: Final = {
    "split": "the newest 10 % of events of a tenth of the users; their older events are the input",
    "relevant": "an item among the user's withheld events, counted once",
    "coverage": "distinct items in the top 25 of all test users / items in the catalogue",
    "mean_reciprocal_rank_at_25": "mean of 1 / rank of the first relevant item within 25, else 0",
    "normalized_discounted_cumulative_gain": "sum of 1 / log2(1 + rank) over relevant items in the top K / "
    "the same sum over ranks 1 .. min(K, withheld items)",
    "precision": "relevant items in the top K / K",
    "interval": "95 %; bootstrap over users, coverage by the jackknife",
    "cold": f"only withheld items with fewer than {MIN_WARM_EVENTS} training events are relevant",
}

Summary = dict[str, dict[str, float]]
Mask = NDArray[np.bool_]


def summarise(ranked: Int32, held: HeldOut, catalogue: Mask, seed: int) -> Summary:
    """Reduce rankings to {metric: {"value", "low", "high"}} over all of `METRIC_NAMES`.

    `catalogue` is a mask over item codes: only held-out items inside it are relevant, and users without any
    count for coverage alone. Raises ValueError when no user is left.
    """
    hits, n_relevant = relevance(ranked, held.among(catalogue))
    values = user_metrics(hits, n_relevant)[n_relevant > 0]
    low, high = interval(values, seed)
    means = np.sort(values, axis=0).mean(axis=0)
    columns = [
        (coverage(ranked, catalogue), *coverage_interval(ranked, catalogue)),
        *zip(means.tolist(), low.tolist(), high.tolist(), strict=True),
    ]
    return {
        name: dict(zip(("value", "low", "high"), column, strict=True))
        for name, column in zip(METRIC_NAMES, columns, strict=True)
    }


def evaluate_rankings(
    rankings: Mapping[str, Int32], held: HeldOut, counts: Int64, seed: int
) -> dict[str, Any]:
    """Report the ranking called "model" and, under "baselines", all others.

    `rankings` are int32 `[n_test_users, 25]`, `counts` the training events of each item. Returns "metrics",
    "intervals", "baselines", "users", "cold" (the same for the rarest items, None when no test user holds
    one) and "definition". Raises ValueError without test users.
    """
    cold = counts < MIN_WARM_EVENTS
    return {
        **_report(rankings, held, np.ones_like(cold), seed),
        "cold": _report(rankings, held, cold, seed) if cold[held.items].any() else None,
        "definition": DEFINITION,
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
) -> dict[str, Any]:
    """Rank for the test users by `score`, by popularity and by sequential rules, and report all three.

    `rules` must be built on the events before `split.ends` only. With `hide_seen` nobody is recommended an
    item of the own input.
    """
    past = Past(items, offsets[:-1], split.ends)
    scorers = {
        "model": score,
        "popularity": baselines.popularity(rules.counts),
        "sequential_rules": baselines.sequential_rules(rules, past),
    }
    seen = past if hide_seen else None
    rankings = {name: rank(scorer, split.test_users, seen=seen) for name, scorer in scorers.items()}
    return evaluate_rankings(rankings, held_out(split, items, offsets), rules.counts, seed)


def _report(rankings: Mapping[str, Int32], held: HeldOut, catalogue: Mask, seed: int) -> dict[str, Any]:
    summaries = {name: summarise(ranked, held, catalogue, seed) for name, ranked in rankings.items()}
    values = {
        name: {metric: figures["value"] for metric, figures in summary.items()}
        for name, summary in summaries.items()
    }
    return {
        "metrics": values.pop("model"),
        "intervals": {metric: [row["low"], row["high"]] for metric, row in summaries["model"].items()},
        "baselines": values,
        "users": int(np.count_nonzero(np.diff(held.among(catalogue).offsets))),
        "items": int(catalogue.sum()),
    }
