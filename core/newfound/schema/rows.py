"""Check whole frames against a document: fast over columns, with the scalar judge for doubtful cells alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newfound.errors import SchemaError
from newfound.schema import rules
from newfound.schema.document import Field, SchemaDocument
from newfound.schema.values import RefusedValueError, Value, check_value

if TYPE_CHECKING:
    import polars as pl

_MAX_SHOWN = 100
_BLEMISH = r"[<&\t\r\n]|  |^ | $"


def check_rows(frame: pl.DataFrame, document: SchemaDocument) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cast a frame of text, free of NUL characters, or typed columns to the physical types of `document`.

    Returns all rows with the document's columns, an absent one null and refused cells null, and the refused cells:
    `index` (row of the frame), `column`, `value` (text), `reason`. Raises SchemaError for a column of a type that no
    field can hold.
    """
    import polars as pl

    absent = pl.Series([None]).new_from_index(0, frame.height)
    raw = {name: plain_column(frame.get_column(name, default=absent).alias(name)) for name in document.names}
    typed = pl.DataFrame([_cast(raw[field.name], field) for field in document.fields])
    # One query over all columns: where nothing is suspect, as usual, no mask is ever built.
    suspect = typed.select(_suspect(field).any() for field in document.fields).row(0)
    refused: list[tuple[int, str, str, str]] = []
    for field, is_suspect in zip(document.fields, suspect, strict=True):
        cells, values = raw[field.name], typed[field.name]
        if is_suspect or values.null_count() > (cells.null_count() if field.nullable else 0):
            doubtful = values.is_null() & (cells.is_not_null() if field.nullable else True)
            doubtful |= typed.select(_suspect(field).fill_null(value=False)).to_series()
            typed = typed.with_columns(_judge(values, cells, doubtful.arg_true(), field, refused))
    schema = {"index": pl.Int64, "column": pl.String, "value": pl.String, "reason": pl.String}
    return typed, pl.DataFrame(refused, schema=schema, orient="row").sort("index", maintain_order=True)


def polars_type(field: Field) -> pl.DataType:
    """Return the polars type of a field's stored column."""
    import polars as pl

    types = {"long": pl.Int64(), "double": pl.Float64(), "boolean": pl.Boolean(), "string": pl.String()}
    return types[field.stored_type]


def plain_column(raw: pl.Series) -> pl.Series:
    """Return a column as text, null where empty, numbers, booleans or objects; raise SchemaError for the rest."""
    import polars as pl

    if raw.dtype == pl.List(pl.String):
        raw = raw.list.join("|")
    elif isinstance(raw.dtype, pl.Decimal):
        raw = raw.cast(pl.Float64 if raw.dtype.scale else pl.Int128)
    elif raw.dtype in (pl.Categorical, pl.Enum):
        raw = raw.cast(pl.String)
    if raw.dtype == pl.String:
        return raw.set(raw == "", None) if (raw == "").any() else raw
    if raw.dtype.is_integer() or raw.dtype.is_float() or raw.dtype in (pl.Boolean, pl.Object, pl.Null):
        return raw
    raise SchemaError(
        f"column {raw.name} holds values of type {raw.dtype}",
        "store it as text or numbers, times as whole Unix seconds",
    )


def _cast(raw: pl.Series, field: Field) -> pl.Series:
    """Cast what can be cast; the rest becomes null, for the judge to decide."""
    import polars as pl

    target, dtype = polars_type(field), raw.dtype
    if dtype == pl.String and target == pl.Boolean:
        return raw.replace_strict({"true": True, "false": False}, default=None, return_dtype=target)
    if dtype == pl.String and target.is_numeric():
        return _numbers(raw, target)
    if dtype.is_float() and target == pl.Int64:
        return _whole(raw)
    numeric = (dtype.is_integer() and target != pl.Boolean) or (dtype.is_float() and target.is_float())
    if numeric or dtype in (pl.String, pl.Null) or dtype == target:
        return raw.cast(target, strict=False)
    return pl.Series(raw.name, [None], target).new_from_index(0, len(raw))


def _numbers(raw: pl.Series, target: pl.DataType) -> pl.Series:
    """Cast text to numbers, with a second try without spaces and, for whole numbers, as floats."""
    import polars as pl

    numbers = raw.cast(target, strict=False)
    if numbers.null_count() == raw.null_count():
        return numbers
    floats = raw.str.strip_chars(" ").cast(pl.Float64, strict=False)
    return numbers.zip_with(numbers.is_not_null(), _whole(floats) if target == pl.Int64 else floats)


def _whole(floats: pl.Series) -> pl.Series:
    """Cast floats that are whole numbers; a cast alone would cut fractions off."""
    import polars as pl

    not_whole = (floats != floats.floor()) | (floats.abs() >= rules.MAX_WHOLE_FLOAT)
    return floats.set(not_whole, None).cast(pl.Int64, strict=False)


def _suspect(field: Field) -> pl.Expr:
    """Tell the cast values that need a closer look: all bad ones, and perhaps some good ones."""
    import polars as pl

    values = pl.col(field.name)
    if field.textual:
        return values.str.contains(_BLEMISH) | (values.str.len_chars() > rules.MAX_TEXT_LENGTH)
    if field.type == "string":
        # Bytes are counted in no time and are never fewer than characters.
        return (values.str.len_bytes() > field.max_length) | values.is_in(list(rules.RESERVED))
    if field.type in ("float", "double"):
        return ~values.is_finite()
    if field.name in rules.TIMES:
        return ~values.is_between(-rules.MAX_TIMESTAMP, rules.MAX_TIMESTAMP)
    if field.type == "int":
        return ~values.is_between(-(1 << 31), (1 << 31) - 1)
    return pl.lit(value=False)


def _judge(
    values: pl.Series,
    cells: pl.Series,
    indexes: pl.Series,
    field: Field,
    refused: list[tuple[int, str, str, str]],
) -> pl.Series:
    verdicts: list[Value] = []
    for index, cell in zip(indexes.to_list(), cells.gather(indexes).to_list(), strict=True):
        try:
            verdicts.append(check_value(field, cell))
        except RefusedValueError as error:
            verdicts.append(None)
            refused.append((index, field.name, "" if cell is None else str(cell)[:_MAX_SHOWN], str(error)))
    return values.scatter(indexes, verdicts)
