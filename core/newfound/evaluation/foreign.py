"""Off-policy evaluation of a log from elsewhere, whose target is a column of it or the log of another policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from newfound.dataset.sources import open_sources
from newfound.errors import QualityGateError, UsageError
from newfound.evaluation.off_policy import Codes, Floats, Method, Slots, Target, evaluate_target, slot_figures
from newfound.evaluation.reward_model import RewardModel, fit_reward_model
from newfound.evaluation.slot_file import read_slot_file

if TYPE_CHECKING:
    import polars as pl

SLOT = ("context", "position")


def evaluate_files(
    log: Path, target_log: Path | None, mapping: Mapping[str, str], method: Method
) -> dict[str, Any]:
    """Estimate what the target would have earned in the places of `log`.

    Raises QualityGateError for a log that cannot answer, UsageError without a target, InputRefusedError for bad files.
    """
    optional = ("propensity", "response", *(("target",) if target_log is None else ()))
    logged = read_slot_file(log, mapping, ("item", "reward"), optional)
    if "propensity" not in logged.columns:
        raise QualityGateError(
            f"{log}: the log has no propensities, so it says nothing about another policy",
            "log with each item the probability that the policy put it there, as PROPENSITY",
            str(log),
        )
    slot, labels = _codes(logged, SLOT)
    response = _codes(logged, ("response",))[0] if "response" in logged.columns else np.arange(logged.height)
    slots = Slots(response, slot, logged["propensity"].to_numpy(), logged["reward"].to_numpy())
    if target_log is not None:
        columns = {name for source in open_sources([target_log]) for name in source.columns()}
        own = {name: field for name, field in mapping.items() if name in columns}
        other = read_slot_file(target_log, own, ("item",), ())
        shares = _shares(slots, logged, other, labels, target_log)
        target = shares.target(np.ones(len(shares.shown)))
        result = evaluate_target(slots, target, method, shares.resampled)
    elif "target" in logged.columns:
        target = Target(logged["target"].to_numpy())
        result = evaluate_target(slots, target, method)
    else:
        raise UsageError(
            f"{log} has no column TARGET_PROPENSITY",
            "add the probability that the target shows the same item there, or name the target's --target-log",
        )
    figures = slot_figures(slots, target, method.clip)
    places = [{"context": row["context"], "position": int(row["position"])} for row in labels.to_dicts()]
    return result | {
        "responses": slots.n_responses,
        "slots": [place | row for place, row in zip(places, figures, strict=True)],
    }


def _codes(
    frame: pl.DataFrame, names: tuple[str, ...], known: pl.DataFrame | None = None
) -> tuple[Codes, Any]:
    """Number the rows of some columns by the distinct ones, sorted, or by `known` ones, else -1: codes (n,), rows."""
    import polars as pl

    rows = frame.select(names).unique().sort(names) if known is None else known
    numbered = rows.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("code"))
    joined = frame.join(numbered, on=names, how="left", nulls_equal=True, maintain_order="left")
    return joined["code"].fill_null(-1).to_numpy(), rows


@dataclass(frozen=True, slots=True)
class _Shares:
    """The target's marginal distribution of items in each slot, as its own log shows it.

    A cell is an item in a slot: slot and item of each (n_cells,), the cell of each row of the log (n,) and of each row
    that the target has `shown` (m,).
    """

    slots: Slots
    slot: Codes
    item: Codes
    cell: Codes
    shown: Codes
    model: RewardModel
    predicted: Floats

    def target(self, times: Floats) -> Target:
        """The target when each row of its log counts so often, (m,)."""
        n = self.slots.n_slots
        counts = np.bincount(self.shown, times, len(self.slot))
        share = counts / np.maximum(np.bincount(self.slot, counts, n), 1)[self.slot]
        lift = np.stack([np.bincount(self.slot, share * own[self.item], n) for own in self.model.lift])
        response, slot = self.slots.response, self.slots.slot
        expected = (self.model.base * lift)[response % len(lift), slot]
        return Target(share[self.cell], expected, self.predicted)

    def resampled(self, rng: np.random.Generator) -> Target:
        """The target as another sample of the same size would show it."""
        m = len(self.shown)
        return self.target(np.bincount(rng.integers(m, size=m), minlength=m).astype(np.float64))


def _shares(
    slots: Slots, logged: pl.DataFrame, other: pl.DataFrame, labels: pl.DataFrame, path: Path
) -> _Shares:
    import polars as pl

    if (other_slot := _codes(other, SLOT, labels)[0]).min() < 0:
        row = other.row(int(other_slot.argmin()), named=True)
        raise QualityGateError(
            f"{path} shows position {row['position']:g}, context {row['context']}, where the log shows nothing",
            "compare logs of the same places",
            str(path),
        )
    both = pl.concat([logged.select("item", *SLOT), other.select("item", *SLOT)])
    cell, cells = _codes(both, ("item", *SLOT))
    slot = _codes(cells, SLOT, labels)[0]
    item, items = _codes(cells, ("item",))
    n = logged.height
    row_item = item[cell[:n]]
    model = fit_reward_model(slots.response, slots.slot, row_item, slots.reward, slots.n_slots, items.height)
    predicted = model.predict(slots.response, slots.slot, row_item)
    return _Shares(slots, slot, item, cell[:n], cell[n:], model, predicted)
