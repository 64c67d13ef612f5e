"""The built-in documents keep the rules they are meant to show."""

from __future__ import annotations

import orjson
import pytest

from newfound import resources
from newfound.schema.builtin import builtin
from newfound.schema.parsing import read_document
from newfound.schema.rules import REQUIRED


@pytest.mark.parametrize("dataset", REQUIRED)
def test_a_built_in_document_is_valid_and_written_as_newfound_writes_it(dataset: str) -> None:
    path = resources.schemas() / f"{dataset}.json"
    assert read_document(path, dataset) == builtin(dataset)
    assert orjson.loads(path.read_bytes()) == builtin(dataset).to_dict()


@pytest.mark.parametrize("dataset", REQUIRED)
def test_only_the_required_fields_are_non_null(dataset: str) -> None:
    assert {field.name for field in builtin(dataset).fields if not field.nullable} == set(REQUIRED[dataset])


def test_items_hold_what_the_command_line_contract_names() -> None:
    assert {"ITEM_ID", "GENRES", "TITLE", "CREATION_TIMESTAMP"} <= set(builtin("items").names)
