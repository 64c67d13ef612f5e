"""Infer a schema document from the values of a file's columns (command-line contract, `schema`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from newfound.schema.builtin import builtin
from newfound.schema.document import Field, SchemaDocument
from newfound.schema.rules import MAX_STRING_LENGTH, RESERVED, FieldType

if TYPE_CHECKING:
    import polars as pl

MIN_CATEGORIES = 50
CATEGORY_SHARE = 0.01
MEAN_PROSE_LENGTH = 100
"""Texts as long as this are prose even where few differ, and without spaces: some scripts have none."""
_WHOLE = r"^ *-?(?:0|[1-9][0-9]{0,14}) *$"
# A leading zero makes a label of digits, and so does a length that a float64 cannot hold.
_LABEL = r"^ *[+-]?(?:0[0-9]|[0-9]{16})"


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What the values of a column have in common; a column without any has everything in common."""

    values: int = 0
    whole: bool = True
    numeric: bool = True
    boolean: bool = True
    multiple: bool = False
    spaced: int = 0
    total_length: int = 0
    max_length: int = 0

    def joined(self, other: ColumnProfile) -> ColumnProfile:
        """Return the profile of both columns' values."""
        return ColumnProfile(
            self.values + other.values,
            self.whole and other.whole,
            self.numeric and other.numeric,
            self.boolean and other.boolean,
            self.multiple or other.multiple,
            self.spaced + other.spaced,
            self.total_length + other.total_length,
            max(self.max_length, other.max_length),
        )

    @property
    def type(self) -> FieldType:
        """Return the narrowest type that holds every value."""
        if not self.values:
            return "string"
        if self.boolean:
            return "boolean"
        if self.whole:
            return "long"
        return "double" if self.numeric else "string"

    @property
    def mean_length(self) -> float:
        """Return the mean number of characters of a value, 0 without values."""
        return self.total_length / max(self.values, 1)

    @property
    def long(self) -> bool:
        """Say whether these are texts that are too long for names."""
        text = self.type == "string" and not self.multiple
        return text and (self.mean_length >= MEAN_PROSE_LENGTH or self.max_length > MAX_STRING_LENGTH)

    @property
    def worded(self) -> bool:
        """Say whether most of these are texts of several words, such as titles."""
        return self.type == "string" and not self.multiple and 2 * self.spaced > self.values


def profile(column: pl.Series) -> ColumnProfile:
    """Profile a column of text, numbers or booleans; text counts as numbers if all of it is written as such."""
    import polars as pl

    values = column.drop_nulls()
    if values.dtype != pl.String:
        whole = values.dtype.is_integer()
        return ColumnProfile(len(values), whole, whole or values.dtype.is_float(), values.dtype == pl.Boolean)
    values = values.filter(values != "")
    if values.is_empty():
        return ColumnProfile()
    lengths = values.str.len_chars()
    finite = values.str.strip_chars(" ").cast(pl.Float64, strict=False).is_finite().fill_null(value=False)
    return ColumnProfile(
        values=len(values),
        whole=values.str.contains(_WHOLE).all(),
        numeric=finite.all() and not values.str.contains(_LABEL).any(),
        boolean=values.is_in(["true", "false"]).all(),
        multiple=values.str.contains("|", literal=True).any(),
        spaced=int(values.str.contains(r"\S\s+\S").sum()),
        total_length=int(lengths.sum()),
        max_length=int(lengths.to_numpy().max()),
    )


def infer_document(
    dataset: str, profiles: dict[str, ColumnProfile], distinct: dict[str, int], n_rows: int
) -> tuple[SchemaDocument, list[str]]:
    """Return the built-in document plus a nullable field for each profiled column, and a note about each of these.

    `distinct` holds the number of different texts in each column.
    """
    max_categories = max(MIN_CATEGORIES, CATEGORY_SHARE * n_rows)
    strings = {
        name: found
        for name, found in profiles.items()
        if name not in RESERVED and found.type == "string" and found.values
    }
    categorical = {
        name
        for name, found in strings.items()
        if found.multiple
        or any(word in name.upper() for word in ("GENRE", "CATEGOR"))
        or distinct[name] <= max_categories
    }
    texts = [
        name
        for name, found in strings.items()
        if dataset == "items"
        and (found.long or (found.worded and name not in categorical and 2 * distinct[name] > found.values))
    ]
    prose = max(texts, key=lambda name: strings[name].mean_length, default=None)
    fields = [
        Field(
            name,
            RESERVED.get(name, found.type),
            nullable=True,
            categorical=name in categorical and name != prose,
            textual=name == prose,
        )
        for name, found in profiles.items()
    ]
    usual = builtin(dataset).fields
    if prose is not None:  # one field may be textual: the longest, not the title
        usual = tuple(replace(field, textual=False) for field in usual)
    return SchemaDocument(dataset, (*usual, *fields)), [_note(field) for field in fields]


def _note(field: Field) -> str:
    kind = "categorical " if field.categorical else "textual " if field.textual else ""
    return f"{field.name} is a {kind}{field.type}"
