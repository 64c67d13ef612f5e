"""What metadata promises of an item that nobody chose yet: ridge regressions from tokens on what chosen items turned
out to be (model specification §3, prior).

The item tower trains together with the ids and says little of an item that has none. What it and the id sum up to,
regressed on tokens afterwards, predicts withheld items better (benchmarks/README.md, Cold items).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.features import TokenTable
from newfound.dataset.runs import ranges, sums_by_run

Floats = NDArray[np.float32]

N_TOKENS = 1_024
"""So many of the commonest tokens take part."""
N_FOLDS = 5
RIDGES = (1.0, 10.0, 100.0)
"""The one that predicts the items of left-out folds best is kept."""
MAX_ITEMS = 20_000
"""The regressions are on as many items, drawn if there are more."""
STEADY_EVENTS = 20.0
"""An item with n events counts n / (n + STEADY_EVENTS): a vector of few events is mostly chance."""


@dataclass(frozen=True, slots=True)
class Content:
    """Regressions of t targets on tokens: `coefficients` (n_tokens + 1, t), the last row is the intercept.

    `without` (N_FOLDS, n_tokens + 1, t) are the same without the items of one fold, `fold` (n_items,).
    """

    coefficients: Floats
    without: Floats
    fold: NDArray[np.int8]

    def of(self, table: TokenTable) -> Floats:
        """What the metadata of the table's items promises, (n, t)."""
        return promised(table, self.coefficients)

    def withheld(self, table: TokenTable) -> Floats:
        """The same for all items, each as if nobody had chosen those of its fold: (n_items, t)."""
        out = np.empty((len(self.fold), self.coefficients.shape[1]), np.float32)
        for fold, coefficients in enumerate(self.without):
            own = self.fold == fold
            out[own] = promised(table, coefficients)[own]
        return out


def fit_content(table: TokenTable, targets: Floats, events: NDArray[np.int64], seed: int) -> Content:
    """Regress targets (n_items, t) of the items with events (n_items,) on their tokens."""
    source = np.random.default_rng(seed)
    fold = source.integers(N_FOLDS, size=len(events)).astype(np.int8)
    rows = np.flatnonzero(events)
    if len(rows) > MAX_ITEMS:
        rows = np.sort(source.choice(rows, MAX_ITEMS, replace=False))
    marks = _marks(table, rows, min(N_TOKENS, len(table.vocabulary)))
    weight = (events[rows] / (events[rows] + STEADY_EVENTS))[:, None]
    wanted = targets[rows].astype(np.float64)
    own = [fold[rows] == k for k in range(N_FOLDS)]
    parts = [_sums(marks[some], wanted[some], weight[some]) for some in own]
    whole = _sums(marks, wanted, weight)
    fits = []
    for ridge in RIDGES:
        without = [_solve(_Sums(whole.gram - p.gram, whole.moments - p.moments), ridge) for p in parts]
        misses = [wanted[some] - marks[some] @ fit for some, fit in zip(own, without, strict=True)]
        miss = (weight * np.square(np.concatenate(misses)) / (wanted.var(axis=0) + 1e-9)).sum()
        fits.append((float(miss), ridge, np.stack(without)))
    _, ridge, kept = min(fits, key=lambda fit: fit[0])
    return Content(_solve(whole, ridge), kept, fold)


def promised(table: TokenTable, coefficients: Floats) -> Floats:
    """Predictions (n, t) for the table's items: the intercept and the sum over their tokens."""
    n_tokens = len(coefficients) - 1
    known = table.tokens < n_tokens
    rows = np.where(known, table.tokens, 0)
    lengths = np.diff(table.offsets[:: table.n_fields])
    return sums_by_run(coefficients[rows] * known[:, None], lengths) + coefficients[-1]


def _marks(table: TokenTable, items: NDArray[np.integer], n_tokens: int) -> NDArray[np.float64]:
    """Which of the commonest tokens these items carry (n, n_tokens), and a column of ones."""
    bounds = table.offsets[:: table.n_fields]
    starts, stops = bounds[items], bounds[items + 1]
    row = np.repeat(np.arange(len(items)), stops - starts)
    token = table.tokens[ranges(starts, stops)]
    marks = np.zeros((len(items), n_tokens + 1))
    common = token < n_tokens
    marks[row[common], token[common]] = 1
    marks[:, -1] = 1
    return marks


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over items of marks times marks, and of marks times targets."""

    gram: NDArray[np.float64]
    moments: NDArray[np.float64]


def _sums(marks: NDArray[np.float64], targets: NDArray[np.float64], weight: NDArray[np.float64]) -> _Sums:
    weighted = marks * weight
    return _Sums(weighted.T @ marks, weighted.T @ targets)


def _solve(sums: _Sums, ridge: float) -> Floats:
    penalty = np.full(len(sums.gram), ridge)
    penalty[-1] = 1e-6  # the intercept is free
    solved: Floats = np.linalg.solve(sums.gram + np.diag(penalty), sums.moments).astype(np.float32)
    return solved
