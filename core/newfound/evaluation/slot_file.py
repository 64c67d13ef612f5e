"""Logs from elsewhere: a file with one row a place in a list that was shown, read into arrays.

Columns, case and underscores ignored: ITEM_ID (or ITEM), REWARD and PROPENSITY of the policy that showed the item; if
there, POSITION from 1, CONTEXT (any text: places are compared within it), TARGET_PROPENSITY and RESPONSE (or
RECOMMENDATION_ID: rows of one list, which are drawn together).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING

from newfound.dataset.batch import Batch, RefusedCell
from newfound.dataset.rejects import Rejects
from newfound.dataset.sources import open_sources, renamed
from newfound.errors import InputRefusedError, SchemaError

if TYPE_CHECKING:
    import polars as pl

NAMES = {
    "item": "item",
    "itemid": "item",
    "position": "position",
    "propensity": "propensity",
    "reward": "reward",
    "targetpropensity": "target",
    "context": "context",
    "response": "response",
    "recommendationid": "response",
}
NUMBERS = {
    "position": (1.0, float("inf"), "not a position: a number from 1"),
    "propensity": (5e-324, 1.0, "not a propensity: a number above 0, at most 1"),
    "target": (0.0, 1.0, "not a probability: a number from 0 to 1"),
    "reward": (-float("inf"), float("inf"), "not a number"),
}


def read_slot_file(
    path: Path, mapping: Mapping[str, str], needed: Sequence[str], optional: Sequence[str]
) -> pl.DataFrame:
    """Read some of the columns of NAMES from a CSV, JSON Lines or Parquet file, `mapping` renaming its columns.

    Numbers are float64, ids text; position 1 and context null where the file has none. Raises InputRefusedError for a
    file without a `needed` column or without rows, RowError for bad rows.
    """
    import polars as pl

    rejects = Rejects()
    wanted = {*needed, *optional, "position", "context"}
    sources = renamed(open_sources([path]), mapping)
    frames = [
        _checked(source.path, batch, wanted, rejects) for source in sources for batch in source.batches()
    ]
    if rejects.n_rows:
        raise rejects.error()
    frame = pl.concat(frames, how="diagonal") if frames else pl.DataFrame()
    if missing := [name for name in needed if name not in frame.columns]:
        raise InputRefusedError(
            f"{path}: no column {missing[0].upper()}",
            "--map COLUMN=FIELD gives a column that name",
            str(path),
        )
    if not frame.height:
        raise InputRefusedError(f"{path}: no rows", "give a row for each item that was shown", str(path))
    usual = {"position": pl.lit(1.0), "context": pl.lit(None, dtype=pl.String)}
    absent = [value.alias(name) for name, value in usual.items() if name not in frame.columns]
    return frame.with_columns(absent)


def _checked(path: str, batch: Batch, wanted: AbstractSet[str], rejects: Rejects) -> pl.DataFrame:
    import polars as pl

    spelled = {name: NAMES.get(name.replace("_", "").lower(), "") for name in batch.frame.columns}
    known = {name: field for name, field in spelled.items() if field in wanted}
    if len(set(known.values())) < len(known):
        raise SchemaError(
            f"{path}: two of the columns {', '.join(known)} mean the same", "leave one out", path
        )
    types = {field: pl.Float64 if field in NUMBERS else pl.String for field in known.values()}
    read = batch.frame.select(
        pl.col(name).cast(types[field], strict=False).alias(field) for name, field in known.items()
    )
    bad = list(batch.broken)
    for name, field in known.items():
        bad += _bad_cells(batch, name, field, read[field])
    if bad:
        rejects.add(path, bad, len({cell.row for cell in bad}))
    return read


def _bad_cells(batch: Batch, name: str, field: str, values: pl.Series) -> Iterator[RefusedCell]:
    if field in NUMBERS:
        low, high, reason = NUMBERS[field]
        wrong = ~(values.is_between(low, high) & values.is_finite()).fill_null(value=False)
    else:
        wrong, reason = values.is_null() | (values == "").fill_null(value=False), "empty"
    for k in wrong.arg_true().to_list():
        yield RefusedCell(int(batch.rows[k]), name, str(batch.frame[name][k]), reason)
