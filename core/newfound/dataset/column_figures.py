"""Figures about each column of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from newfound.schema.document import Field
from newfound.schema.rules import TIMES

if TYPE_CHECKING:
    import polars as pl

# Tukey's outer fences: three interquartile ranges beyond the quartiles.
_FENCE = 3.0


@dataclass(frozen=True, slots=True)
class ColumnFigures:
    """`complete` is the share of rows with a value; the other figures are None where they have no meaning.

    `distinct` counts values, of a categorical column single categories. `outliers` is the share of far outliers.
    """

    field: Field
    complete: float
    distinct: int
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    outliers: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return what `dataset analyze --json` prints."""
        kind = (
            "categorical" if self.field.categorical else "textual" if self.field.textual else self.field.type
        )
        return {
            "column": self.field.name,
            "type": kind,
            "complete": round(self.complete, 4),
            "distinct": self.distinct,
            "min": self.min,
            "max": self.max,
            "mean": self.mean,
        }


def column_figures(rows: pl.LazyFrame, field: Field) -> ColumnFigures:
    """Compute the figures of one column; without any row nothing is complete."""
    import polars as pl

    values = pl.col(field.name)
    complete = rows.select(values.is_not_null().mean().fill_null(0.0)).collect().item()
    if field.type == "string":
        single = values.str.split("|").list.explode() if field.categorical else values
        return ColumnFigures(field, complete, rows.select(single.drop_nulls().n_unique()).collect().item())
    if field.type == "boolean":
        return ColumnFigures(field, complete, rows.select(values.drop_nulls().n_unique()).collect().item())
    low, high = values.quantile(0.25), values.quantile(0.75)
    fence = _FENCE * (high - low)
    far = pl.lit(field.name not in TIMES) & ((values < low - fence) | (values > high + fence)) & (fence > 0)
    figures = rows.select(
        distinct=values.drop_nulls().n_unique(),
        min=values.min(),
        max=values.max(),
        mean=values.mean(),
        outliers=far.mean().fill_null(0.0),
    )
    return ColumnFigures(field, complete, **figures.collect().row(0, named=True))
