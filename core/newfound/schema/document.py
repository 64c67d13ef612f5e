"""Schema documents: the fields of a dataset and what each is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from newfound import columns
from newfound.schema.rules import IDS, MAX_ID_LENGTH, MAX_STRING_LENGTH, REQUIRED, FieldType


@dataclass(frozen=True, slots=True)
class Field:
    """One column: `categorical` strings hold values joined by `|`, a `textual` one is prose."""

    name: str
    type: FieldType
    nullable: bool = False
    categorical: bool = False
    textual: bool = False

    @property
    def max_length(self) -> int:
        """Return the most characters a value may have; longer prose is cut, other text refused."""
        return MAX_ID_LENGTH if self.name in IDS else MAX_STRING_LENGTH

    @property
    def stored_type(self) -> str:
        """Return the type of the field's column in a Delta table."""
        return {"int": "long", "float": "double"}.get(self.type, self.type)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Build a field from Avro's JSON, which must have been checked."""
        declared = raw["type"]
        nullable = isinstance(declared, list)
        base = next(part for part in declared if part != "null") if nullable else declared
        return cls(raw["name"], base, nullable, raw.get("categorical", False), raw.get("textual", False))

    def to_dict(self) -> dict[str, Any]:
        """Render the field in Avro's JSON."""
        document: dict[str, Any] = {
            "name": self.name,
            "type": ["null", self.type] if self.nullable else self.type,
        }
        if self.categorical:
            document["categorical"] = True
        if self.textual:
            document["textual"] = True
        return document


@dataclass(frozen=True, slots=True)
class SchemaDocument:
    """The fields of `dataset` (interactions, items or users), in the order of the document."""

    dataset: str
    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the fields."""
        return tuple(field.name for field in self.fields)

    @property
    def key(self) -> str | None:
        """Return the field that identifies a record; interactions have none."""
        return {"items": columns.ITEM_ID, "users": columns.USER_ID}.get(self.dataset)

    @property
    def metadata(self) -> tuple[Field, ...]:
        """Return the fields that the dataset does not require."""
        return tuple(field for field in self.fields if field.name not in REQUIRED[self.dataset])

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Build a document from its JSON, which must have been checked (`parsing.parse_document` does)."""
        return cls(raw["name"].lower(), tuple(Field.from_dict(field) for field in raw["fields"]))

    def to_dict(self) -> dict[str, Any]:
        """Render the document in the JSON of Avro and Amazon Personalize."""
        return {
            "type": "record",
            "name": self.dataset.capitalize(),
            "namespace": "com.amazonaws.personalize.schema",
            "fields": [field.to_dict() for field in self.fields],
            "version": "1.0",
        }
