from __future__ import annotations

import numpy as np
import pytest

from newfound.dataset.features import TokenTable, encode_tokens
from newfound.recipes import content
from newfound.recipes.content import N_TOKENS, Content, fit_content, promised

VOCABULARY = ["red", "blue", "big", "old"]


def items(n: int, seed: int = 0) -> tuple[TokenTable, np.ndarray]:
    """Items of one colour, in a field of its own, and some of them big or old; with their marks (n, 4)."""
    rng = np.random.default_rng(seed)
    marks = np.column_stack([colour := rng.random(n) < 0.5, ~colour, *(rng.random((2, n)) < 0.4)])
    spelled = [
        [[word for word, has in zip(VOCABULARY[part], row[part], strict=True) if has] for part in parts]
        for row in marks
        for parts in [(slice(0, 2), slice(2, 4))]
    ]
    return encode_tokens(spelled, VOCABULARY, 2), marks.astype(np.float32)


def fit(table: TokenTable, targets: np.ndarray, events: int = 1_000) -> Content:
    return fit_content(table, targets.astype(np.float32), np.full(len(targets), events), 0)


def test_a_linear_truth_is_found_for_items_that_did_not_take_part() -> None:
    table, marks = items(2_000)
    truth = marks @ np.array([[1.0, 0.0], [-1.0, 0.0], [2.0, -3.0], [0.0, 0.5]]) + 0.7
    others, their_marks = items(50, seed=1)
    found = promised(others, fit(table, truth).coefficients)
    expected = their_marks @ np.array([[1.0, 0.0], [-1.0, 0.0], [2.0, -3.0], [0.0, 0.5]]) + 0.7
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_an_item_has_no_part_in_what_is_promised_of_it_as_if_withheld(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(content, "RIDGES", (10.0,))
    table, marks = items(300)
    truth = (marks @ np.array([1.0, -1.0, 2.0, 0.0]))[:, None]
    changed = truth.copy()
    changed[7] += 1_000
    before, after = (fit(table, targets).withheld(table) for targets in (truth, changed))
    assert after[7] == pytest.approx(before[7], abs=0.05)
    assert abs(after - before).max() > 1, "the others of its kind are promised more"


def test_noise_promises_nothing() -> None:
    table, _ = items(300)
    noise = np.random.default_rng(2).normal(size=(300, 1))
    found = fit(table, noise)
    assert np.square(noise - found.withheld(table)).mean() < 1.1 * noise.var()
    assert np.abs(found.coefficients).max() < 0.4


def test_items_without_events_take_no_part_and_those_with_few_count_less() -> None:
    table, marks = items(300)
    truth = (marks @ np.array([1.0, -1.0, 0.0, 0.0])).astype(np.float32)[:, None]
    truth[200:] = 50
    events = np.where(np.arange(300) < 200, 1_000, 0)
    red = promised(table, fit_content(table, truth, events, 0).coefficients)[marks[:, 0] == 1]
    np.testing.assert_allclose(red, 1, atol=0.2)
    few = promised(table, fit_content(table, truth, np.maximum(events, 1), 0).coefficients)[marks[:, 0] == 1]
    assert 1 < few.mean() < 5


def test_only_the_commonest_tokens_take_part() -> None:
    spelled = [[[f"t{k}", "all"]] for k in range(N_TOKENS + 10)]
    table = encode_tokens(spelled, ["all", *(f"t{k}" for k in range(N_TOKENS + 10))], 1)
    targets = np.zeros((N_TOKENS + 10, 1))
    targets[-1] = 100
    found = fit(table, targets)
    assert len(found.coefficients) == N_TOKENS + 1
    assert promised(table, found.coefficients)[-1] == pytest.approx(targets.mean(), abs=0.5)
