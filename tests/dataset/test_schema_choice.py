"""Which schema an import takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from newfound.dataset.schema_choice import Choice, choose_schema
from newfound.dataset.sources import open_sources
from newfound.errors import SchemaError
from newfound.schema.builtin import builtin
from newfound.schema.document import Field, SchemaDocument
from newfound.schema.registry import registering
from newfound.store.layout import Layout

WriteFile = Callable[[str, bytes], str]
YEARS = SchemaDocument("items", (Field("ITEM_ID", "string"), Field("YEAR", "int")))


@pytest.fixture
def choose(layout: Layout, write_file: WriteFile) -> Callable[..., Choice]:
    def chosen(*headers: str, schema: Path | None = None) -> Choice:
        files = [
            write_file(f"{k}.csv", f"{header}\n1{',2' * header.count(',')}\n".encode())
            for k, header in enumerate(headers)
        ]
        return choose_schema(layout, "items", open_sources(files), schema)

    return chosen


def test_the_built_in_document_is_taken_where_every_header_fits(choose: Callable[..., Choice]) -> None:
    assert choose("GENRES,ITEM_ID", "ITEM_ID") == Choice(builtin("items"), "built-in")


def test_an_unknown_column_in_any_file_leads_to_inference(choose: Callable[..., Choice]) -> None:
    choice = choose("ITEM_ID,TITLE", "ITEM_ID,YEAR")
    assert choice.source == "inferred"
    assert choice.document.fields == (*builtin("items").fields, Field("YEAR", "long", nullable=True))
    assert choice.notes == ("YEAR is a long",)


def test_the_registered_document_comes_before_the_built_in_one(
    choose: Callable[..., Choice], layout: Layout
) -> None:
    with registering(layout, YEARS):
        pass
    assert choose("YEAR,ITEM_ID") == Choice(YEARS, "registered")
    with pytest.raises(SchemaError, match=r"missing the following columns: \[YEAR\]") as missing:
        choose("ITEM_ID")
    with pytest.raises(
        SchemaError, match=r"the registered schema does not have: \[TITLE, GENRES\]"
    ) as unknown:
        choose("ITEM_ID,YEAR,TITLE,GENRES")
    assert "--schema" in missing.value.hint and "--schema" in unknown.value.hint


def test_a_built_in_document_that_a_put_registered_is_widened_by_inference(
    choose: Callable[..., Choice], layout: Layout
) -> None:
    with registering(layout, builtin("items")):
        pass
    assert choose("ITEM_ID,TITLE") == Choice(builtin("items"), "registered")
    choice = choose("ITEM_ID,YEAR")
    assert choice.source == "inferred"
    assert choice.document.fields == (*builtin("items").fields, Field("YEAR", "long", nullable=True))


def test_a_given_document_comes_before_the_registered_one(
    choose: Callable[..., Choice], layout: Layout, tmp_path: Path
) -> None:
    with registering(layout, builtin("items")):
        pass
    path = tmp_path / "years.json"
    path.write_bytes(orjson.dumps(YEARS.to_dict()))
    assert choose("YEAR,ITEM_ID", schema=path) == Choice(YEARS, "file")
    assert choose("YEAR,ITEM_ID,A", "B,YEAR,ITEM_ID", schema=path) == Choice(
        YEARS, "file", left_out=("A", "B")
    )


def test_missing_required_columns_are_listed_with_the_remedy(
    choose: Callable[..., Choice], layout: Layout, write_file: WriteFile
) -> None:
    path = write_file("x.csv", b"USER_ID,EVENT_TYPE\n1,2\n")
    with pytest.raises(SchemaError) as caught:
        choose_schema(layout, "interactions", open_sources([path]), None)
    assert caught.value.message == f"{path}: missing the following columns: [ITEM_ID, TIMESTAMP]"
    assert "--map" in caught.value.hint


def test_a_column_whose_name_no_field_can_have_is_refused(choose: Callable[..., Choice]) -> None:
    with pytest.raises(SchemaError, match="'release year' is no field name"):
        choose("ITEM_ID,release year")
