"""The rules of schema documents, each broken once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from newfound.errors import NotFoundError, SchemaError
from newfound.schema.document import Field
from newfound.schema.parsing import parse_document, read_document


def items(*fields: dict[str, Any], **changes: object) -> dict[str, Any]:
    identifier = {"name": "ITEM_ID", "type": "string"}
    return {"type": "record", "name": "Items", "fields": [identifier, *fields], "version": "1.0", **changes}


def field(name: str, kind: object = "string", **attributes: object) -> dict[str, Any]:
    return {"name": name, "type": kind, **attributes}


def interactions(*fields: dict[str, Any]) -> dict[str, Any]:
    required = [field("USER_ID"), field("ITEM_ID"), field("TIMESTAMP", "long")]
    return {"type": "record", "name": "Interactions", "fields": [*required, *fields]}


def test_the_launch_announcements_items_document_is_read() -> None:
    genres = field("GENRES", ["null", "string"], categorical=True, default=None)
    document = parse_document(items(genres, field("TITLE"), field("CREATION_TIMESTAMP", "long")))
    assert document.dataset == "items"
    assert document.key == "ITEM_ID"
    assert document.fields[1] == Field("GENRES", "string", nullable=True, categorical=True)
    assert [(f.name, f.nullable) for f in document.fields if f.name != "GENRES"] == [
        ("ITEM_ID", False),
        ("TITLE", False),
        ("CREATION_TIMESTAMP", False),
    ]


def test_a_union_may_name_null_last() -> None:
    assert parse_document(items(field("PRICE", ["double", "null"]))).fields[1] == Field(
        "PRICE", "double", nullable=True
    )


def test_a_nullable_union_counts_as_the_reserved_fields_type() -> None:
    assert parse_document(interactions(field("EVENT_VALUE", ["null", "float"]))).fields[3].nullable


def test_a_document_survives_being_written_and_read() -> None:
    document = parse_document(items(field("TEXT", ["null", "string"], textual=True), field("YEAR", "int")))
    assert parse_document(orjson.loads(orjson.dumps(document.to_dict()))) == document


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "not a JSON object"),
        ("record", "not a JSON object"),
        (items(type="enum"), "not a JSON object"),
        ({"type": "record", "name": "Items"}, '"fields" a list'),
        (items(name=5), '"name" must be a string'),
        (items(field("A"), name="Movies"), "named 'Movies'"),
        (items("A"), "not an Avro schema"),
        (items({"type": "string"}), "not an Avro schema"),
        (items({"name": "A"}), "not an Avro schema"),
        (items(field("A", "text")), "not an Avro schema"),
        (items(field("A", 5)), "not an Avro schema"),
        (items(field("A", {"type": "array", "items": "string"})), "A has type"),
        (items(field("A", {"type": "record", "name": "R", "fields": []})), "A has type"),
        (items(field("A", ["null", "string", "int"])), "A has type"),
        (items(field("A", ["string", "int"])), "A has type"),
        (items(field("A", "null")), "A has type"),
        (items(field("A", "bytes")), "A has type"),
        (items(field("A B")), "'A B' is no field name"),
        (items(field("1A")), "'1A' is no field name"),
        (items(field("A" * 151)), "is no field name"),
        (items(field("A", categorical="true")), "categorical of A is neither true nor false"),
        (items(field("GENRES_1"), field("GENRES1")), "GENRES_1 and GENRES1 clash"),
        (items(field("A"), field("A")), "A and A clash"),
        (items(field("RECORD_OFFSET", "long")), "newfound's own"),
        (
            {"type": "record", "name": "Items", "fields": [field("TITLE")]},
            "missing the following fields: [ITEM_ID]",
        ),
        (items(field("CREATION_TIMESTAMP", "int")), "CREATION_TIMESTAMP has type int"),
        (interactions(field("EVENT_VALUE", "double")), "EVENT_VALUE has type double"),
        (interactions(field("IMPRESSION", "long")), "IMPRESSION has type long"),
        (interactions(field("EVENT_TYPE", categorical=True)), "EVENT_TYPE is reserved"),
        (interactions(*(field(f"M{k}") for k in range(6))), "6 metadata fields, the limit is 5"),
        (interactions(field("TEXT", textual=True)), "TEXT is textual"),
        (items(), "no metadata field"),
        (items(field("A", textual=True), field("B", textual=True)), "more than one textual field"),
        (items(field("A", "long", categorical=True)), "A is a long"),
        (items(field("A", "float", textual=True)), "A is a float"),
        (items(field("A", categorical=True, textual=True)), "both categorical and textual"),
    ],
)
def test_a_broken_rule_is_named(raw: object, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        parse_document(raw)
    assert message in caught.value.message
    assert caught.value.hint


def test_a_required_field_may_not_be_null() -> None:
    raw = interactions()
    raw["fields"][0]["type"] = ["null", "string"]
    with pytest.raises(SchemaError, match="USER_ID is nullable"):
        parse_document(raw)


def test_a_document_of_another_dataset_is_refused() -> None:
    with pytest.raises(SchemaError, match="a schema of items, not of users"):
        parse_document(items(field("A")), "users")


def test_a_file_is_named_in_every_refusal(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    for content in (b"{", b"\xff", orjson.dumps(items()), b'"' + b"x" * 20_000 + b'"'):
        path.write_bytes(content)
        with pytest.raises(SchemaError) as caught:
            read_document(path)
        assert str(path) in caught.value.message
        assert caught.value.path == str(path)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(NotFoundError):
            read_document(path)
