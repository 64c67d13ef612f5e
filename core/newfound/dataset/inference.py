"""Infer the schema of files from all of their rows, in bounded memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from newfound.dataset.batch import Source
from newfound.dataset.duplicates import HashSet
from newfound.dataset.sources import open_sources
from newfound.schema.builtin import builtin
from newfound.schema.document import SchemaDocument
from newfound.schema.infer import ColumnProfile, infer_document, profile
from newfound.schema.parsing import naming_file, parse_document
from newfound.schema.rows import plain_column

if TYPE_CHECKING:
    import polars as pl


def infer_schema(paths: Sequence[str | Path], dataset: str) -> tuple[SchemaDocument, list[str]]:
    """Return a document that fits the files, and a note about each field that the built-in document lacks."""
    return infer(open_sources(paths), dataset)


def infer(sources: Sequence[Source], dataset: str) -> tuple[SchemaDocument, list[str]]:
    """Return a document that fits the sources; raise SchemaError if no document could."""
    known = builtin(dataset).names
    profiles: dict[str, ColumnProfile] = defaultdict(ColumnProfile)
    texts: dict[str, HashSet] = defaultdict(HashSet)
    n_rows = 0
    for source in sources:
        for batch in source.batches():
            n_rows += batch.frame.height
            for column in batch.frame:
                if column.name not in known:
                    with naming_file(source.path):
                        text = _text_or_number(column)
                    profiles[column.name] = profiles[column.name].joined(profile(text))
                    texts[column.name].add(text.unique().hash().to_numpy())
    distinct = {name: len(hashes) for name, hashes in texts.items()}
    document, notes = infer_document(dataset, profiles, distinct, n_rows)
    return parse_document(document.to_dict()), notes


def _text_or_number(column: pl.Series) -> pl.Series:
    import polars as pl

    column = plain_column(column)
    if column.dtype == pl.Object:
        return pl.Series(
            column.name, [None if value is None else str(value) for value in column], dtype=pl.String
        )
    return column
