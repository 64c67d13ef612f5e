"""One line of `items put` or `users put`: a record, flat or with properties, or a PutItems or PutUsers envelope."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from newfound.dataset.json_objects import parse_object
from newfound.errors import InputRefusedError
from newfound.schema.document import Field, SchemaDocument
from newfound.schema.rules import MISSING, camel, plain_name
from newfound.schema.values import RefusedValueError, Value, check_value


@dataclass(frozen=True, slots=True)
class RecordParser:
    """Checks records against a document; a key is a field's name in any case, with or without underscores."""

    document: SchemaDocument
    _fields: dict[str, Field] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fields", {plain_name(field.name): field for field in self.document.fields})

    def parse_line(self, line: bytes) -> list[dict[str, Value]]:
        """Return the records of a line, a value for every field; raise InputRefusedError with the bare reason."""
        raw = parse_object(line)
        dataset = self.document.dataset
        if dataset not in raw:
            return [self._record(raw)]
        for key in raw.keys() - {dataset, "datasetArn"}:
            raise InputRefusedError(f"{key}: unknown key")
        if not isinstance(raw[dataset], list):
            raise InputRefusedError(f"{dataset}: not a list")
        return [self._record(record) for record in raw[dataset]]

    def _record(self, raw: object) -> dict[str, Value]:
        if not isinstance(raw, dict):
            raise InputRefusedError("not a JSON object")
        flat = {key: value for key, value in raw.items() if key != "properties"}
        given: dict[str, Value] = {}
        for key, value in chain(flat.items(), _properties(raw).items()):
            field = self._fields.get(plain_name(key))
            if field is None:
                raise InputRefusedError(f"{key}: unknown key")
            if field.name in given:
                raise InputRefusedError(f"{key}: given twice")
            try:
                given[field.name] = check_value(field, value)
            except RefusedValueError as error:
                raise InputRefusedError(f"{key}: {error}") from None
        for field in self.document.fields:
            if not field.nullable and field.name not in given:
                raise InputRefusedError(f"{camel(field.name)}: {MISSING}")
        return {name: given.get(name) for name in self.document.names}


def _properties(raw: dict[str, Any]) -> dict[str, Any]:
    properties = raw.get("properties", {})
    if isinstance(properties, str):
        try:
            return parse_object(properties)
        except InputRefusedError as error:
            raise InputRefusedError(f"properties: {error.message}") from None
    if not isinstance(properties, dict):
        raise InputRefusedError("properties: not a JSON object")
    return properties
