"""All interactions of a project, imported and streamed, under the columns of the schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from newfound import columns
from newfound.dataset.current import empty_rows
from newfound.schema.builtin import builtin
from newfound.schema.document import Field
from newfound.schema.registry import document_for
from newfound.schema.rows import polars_type
from newfound.schema.rules import camel
from newfound.store.layout import Layout
from newfound.store.tables import Table

if TYPE_CHECKING:
    import polars as pl

_STREAMED_ONLY = (columns.SESSION_ID, columns.EVENT_ID, columns.PROPERTIES)


def scan_interactions(layout: Layout, *, impressions: bool = False) -> pl.LazyFrame:
    """Scan imported rows, then streamed ones in EVENT_OFFSET order; IMPRESSION is text joined by `|`.

    The columns are those of the schema and of the built-in one. Events add SESSION_ID, EVENT_ID and PROPERTIES, null
    in imported rows, if any has one; their properties also fill the schema's own fields. `impressions` includes those
    that nobody clicked, whose ITEM_ID is null.
    """
    import polars as pl

    fields = document_for(layout, "interactions").fields
    names = {field.name for field in fields}
    fields += tuple(field for field in builtin("interactions").fields if field.name not in names)
    bulk, events = Table(layout, "interactions"), Table(layout, "events")
    parts = []
    if bulk.snapshot().files:
        parts.append(_imported(bulk.scan(), fields))
    if events.snapshot().files:
        parts.append(_streamed(events.scan(), fields, impressions=impressions))
    return pl.concat(parts, how="diagonal") if parts else empty_rows(fields).lazy()


def _imported(rows: pl.LazyFrame, fields: Sequence[Field]) -> pl.LazyFrame:
    import polars as pl

    present = rows.collect_schema().names()
    return rows.select(
        pl.col(field.name) if field.name in present else pl.lit(None, polars_type(field)).alias(field.name)
        for field in fields
    )


def _streamed(rows: pl.LazyFrame, fields: Sequence[Field], *, impressions: bool) -> pl.LazyFrame:
    import polars as pl

    rows = rows.sort(columns.EVENT_OFFSET).with_columns(pl.col(columns.IMPRESSION).list.join("|"))
    if not impressions:
        rows = rows.filter(pl.col(columns.ITEM_ID).is_not_null())
    filled = rows.select(pl.col(_STREAMED_ONLY).count()).collect().row(0, named=True)
    names = dict.fromkeys(
        [field.name for field in fields] + [name for name in _STREAMED_ONLY if filled[name]]
    )
    present = rows.collect_schema().names()
    custom = [_property(field).alias(field.name) for field in fields if field.name not in present]
    return rows.with_columns(custom).select(*names)


def _property(field: Field) -> pl.Expr:
    import polars as pl

    properties = pl.col(columns.PROPERTIES).str
    spelled = (properties.json_path_match(f"$.{key}") for key in (camel(field.name), field.name))
    if field.type == "boolean":
        return pl.coalesce(*spelled) == "true"
    return pl.coalesce(*spelled).cast(polars_type(field), strict=False)
