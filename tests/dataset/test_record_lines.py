"""The forms in which records are put."""

from __future__ import annotations

import pytest

from newfound.dataset.record_lines import RecordParser
from newfound.errors import InputRefusedError
from newfound.schema.builtin import builtin
from newfound.schema.document import Field, SchemaDocument

ITEMS = RecordParser(builtin("items"))
RECORD = {"ITEM_ID": "5", "GENRES": "Drama|War", "TITLE": None, "CREATION_TIMESTAMP": 1_700_000_000}


@pytest.mark.parametrize(
    "line",
    [
        b'{"itemId": "5", "properties": {"genres": "Drama|War", "creationTimestamp": 1700000000}}',
        b'{"itemId": "5", "properties": "{\\"genres\\": \\"Drama|War\\", \\"creationTimestamp\\": 1700000000}"}',
        b'{"itemId": "5", "properties": {"GENRES": "Drama|War", "CREATION_TIMESTAMP": 1700000000, "TITLE": null}}',
        b'{"itemId": "5", "genres": "Drama|War", "creationTimestamp": 1700000000}',
        b'{"ITEM_ID": 5, "GENRES": ["Drama", "War"], "CREATION_TIMESTAMP": "1700000000"}',
        b'{"datasetArn": "arn", "items": [{"itemId": "5", "properties":'
        b' {"genres": "Drama|War", "creationTimestamp": 1700000000}}]}',
    ],
)
def test_every_form_gives_the_same_record(line: bytes) -> None:
    assert ITEMS.parse_line(line) == [RECORD]


def test_an_envelope_holds_several_records() -> None:
    users = RecordParser(builtin("users"))
    records = users.parse_line(b'{"users": [{"userId": "1", "properties": {"age": 30}}, {"userId": "2"}]}')
    assert records == [
        {"USER_ID": "1", "AGE": 30, "GENDER": None},
        {"USER_ID": "2", "AGE": None, "GENDER": None},
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b'{"itemId": "1", "itemId": "2"}', "not valid JSON: a key occurs twice"),
        (b'{"genres": "Drama"}', "itemId: a value is required"),
        (b'{"itemId": null}', "itemId: a value is required"),
        (b'{"itemId": ""}', "itemId: a value is required"),
        (b'{"itemId": 5.5}', "itemId: not text"),
        (b'{"itemId": "1", "colour": "red"}', "colour: unknown key"),
        (b'{"itemId": "1", "properties": {"colour": "red"}}', "colour: unknown key"),
        (b'{"itemId": "1", "genres": "a", "properties": {"GENRES": "b"}}', "GENRES: given twice"),
        (b'{"itemId": "1", "properties": 5}', "properties: not a JSON object"),
        (b'{"itemId": "1", "properties": "x"}', "properties: not valid JSON"),
        (b'{"itemId": "1", "creationTimestamp": 1700000000000}', "creationTimestamp: not in Unix seconds"),
        (b'{"itemId": "1", "creationTimestamp": NaN}', "not valid JSON: NaN is no JSON number"),
        (b'{"items": {"itemId": "1"}}', "items: not a list"),
        (b'{"items": ["1"]}', "not a JSON object"),
        (b'{"items": [], "trackingId": "x"}', "trackingId: unknown key"),
        (b'{"users": [{"userId": "1"}]}', "users: unknown key"),
        (b"\xff", "not valid JSON"),
    ],
)
def test_a_bad_line_is_refused_with_the_key_and_the_reason(line: bytes, reason: str) -> None:
    with pytest.raises(InputRefusedError) as caught:
        ITEMS.parse_line(line)
    assert caught.value.message.startswith(reason)


def test_every_non_null_field_must_be_given() -> None:
    parser = RecordParser(SchemaDocument("items", (Field("ITEM_ID", "string"), Field("FIRST_YEAR", "int"))))
    with pytest.raises(InputRefusedError, match="firstYear: a value is required"):
        parser.parse_line(b'{"itemId": "1"}')
