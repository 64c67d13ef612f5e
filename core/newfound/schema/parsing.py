"""Read schema documents: fastavro judges the Avro part, this module the rules of Amazon Personalize.

Source: behaviour specification §1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import orjson

from newfound.errors import NotFoundError, SchemaError
from newfound.schema.document import Field, SchemaDocument
from newfound.schema.rules import MAX_METADATA_FIELDS, REQUIRED, RESERVED, TAKEN, FieldType, plain_name

MAX_DOCUMENT_LENGTH = 20_000
_EXAMPLE = "see `newfound schema show items`"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,149}")
_DATASETS = {dataset.capitalize(): dataset for dataset in REQUIRED}


def read_document(path: Path, dataset: str | None = None) -> SchemaDocument:
    """Read and check a schema document, of `dataset` if given; raise NotFoundError or SchemaError."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise NotFoundError(f"{path}: no such file", "name a schema document", str(path)) from None
    with naming_file(str(path)):
        try:
            text = data.decode()
            raw = orjson.loads(text)
        except UnicodeDecodeError:
            raise SchemaError("not JSON: not UTF-8", _EXAMPLE) from None
        except orjson.JSONDecodeError as error:
            raise SchemaError(f"not JSON: {error}", _EXAMPLE) from None
        if len(text) > MAX_DOCUMENT_LENGTH:
            raise SchemaError(f"longer than {MAX_DOCUMENT_LENGTH:,} characters", "remove fields")
        return parse_document(raw, dataset)


@contextmanager
def naming_file(path: str) -> Iterator[None]:
    """Put the path of the file that the body reads in front of a SchemaError."""
    try:
        yield
    except SchemaError as error:
        raise SchemaError(f"{path}: {error.message}", error.hint, path) from None


def parse_document(raw: object, dataset: str | None = None) -> SchemaDocument:
    """Check a decoded schema document, of `dataset` if given; raise SchemaError naming the field and the rule."""
    document = _avro_record(raw)
    if document["name"] not in _DATASETS:
        raise SchemaError(
            f"the record is named {document['name']!r}", f"name it one of {', '.join(_DATASETS)}"
        )
    named = _DATASETS[document["name"]]
    if dataset not in (None, named):
        raise SchemaError(
            f"a schema of {named}, not of {dataset}", f"name the record {str(dataset).capitalize()}"
        )
    parsed = SchemaDocument(named, tuple(_field(raw_field) for raw_field in document["fields"]))
    _check_names(parsed)
    _check_required(parsed)
    _check_metadata(parsed)
    for field in parsed.fields:
        _check_attributes(field, named)
    return parsed


def _avro_record(raw: object) -> dict[str, Any]:
    from fastavro.schema import SchemaParseException, UnknownType, parse_schema

    if not isinstance(raw, dict) or raw.get("type") != "record":
        raise SchemaError('not a JSON object with "type": "record"', _EXAMPLE)
    if not isinstance(raw.get("name"), str) or not isinstance(raw.get("fields"), list):
        raise SchemaError('"name" must be a string and "fields" a list', _EXAMPLE)
    try:
        parse_schema(raw)
    except (SchemaParseException, UnknownType, TypeError, KeyError) as error:
        raise SchemaError(f"not an Avro schema: {error}", _EXAMPLE) from None
    return raw


def _field(raw: dict[str, Any]) -> Field:
    name, declared = raw["name"], raw["type"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SchemaError(
            f"{name!r} is no field name",
            "use at most 150 letters, digits and '_', no digit first, in every name",
        )
    union = isinstance(declared, list) and len(declared) == 2 and "null" in declared
    base = next((part for part in declared if part != "null"), None) if union else declared
    if base not in get_args(FieldType):
        raise SchemaError(
            f"{name} has type {orjson.dumps(declared).decode()}",
            f'use one of {", ".join(get_args(FieldType))}, or a union of "null" with one of them',
        )
    for attribute in ("categorical", "textual"):
        if not isinstance(raw.get(attribute, False), bool):
            raise SchemaError(f"{attribute} of {name} is neither true nor false", "write true without quotes")
    return Field.from_dict(raw)


def _check_names(document: SchemaDocument) -> None:
    first_spelling: dict[str, str] = {}
    for name in document.names:
        other = first_spelling.setdefault(plain_name(name), name)
        if Counter(document.names)[name] > 1 or other != name:
            raise SchemaError(
                f"{other} and {name} clash", "give fields names that differ in more than case and underscores"
            )
        if name in TAKEN:
            raise SchemaError(f"{name} is a column of newfound's own", "give the field another name")


def _check_required(document: SchemaDocument) -> None:
    missing = [name for name in REQUIRED[document.dataset] if name not in document.names]
    if missing:
        raise SchemaError(f"missing the following fields: [{', '.join(missing)}]", "add them to the document")
    for field in document.fields:
        if field.name in RESERVED and field.type != RESERVED[field.name]:
            raise SchemaError(
                f"{field.name} has type {field.type}",
                f"the reserved field {field.name} is a {RESERVED[field.name]}",
            )
        if field.name in REQUIRED[document.dataset] and field.nullable:
            raise SchemaError(f"{field.name} is nullable", "every record needs it: remove null from its type")


def _check_metadata(document: SchemaDocument) -> None:
    custom = [field.name for field in document.metadata if field.name not in RESERVED]
    limit = MAX_METADATA_FIELDS[document.dataset]
    if len(custom) > limit:
        raise SchemaError(
            f"{len(custom)} metadata fields, the limit is {limit}", "leave some of them out of the schema"
        )
    if document.key and not document.metadata:
        raise SchemaError("no metadata field", f"add at least one field besides {document.key}")
    if sum(field.textual for field in document.fields) > 1:
        raise SchemaError("more than one textual field", "leave one textual field")


def _check_attributes(field: Field, dataset: str) -> None:
    if (field.categorical or field.textual) and field.type != "string":
        raise SchemaError(f"{field.name} is a {field.type}", "only strings can be categorical or textual")
    if field.categorical and field.textual:
        raise SchemaError(f"{field.name} is both categorical and textual", "choose one of the two")
    if (field.categorical or field.textual) and field.name in RESERVED:
        raise SchemaError(
            f"{field.name} is reserved", "a reserved field can be neither categorical nor textual"
        )
    if field.textual and dataset != "items":
        raise SchemaError(f"{field.name} is textual", "only items have a textual field")
