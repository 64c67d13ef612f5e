"""The current record of each item or user."""

from __future__ import annotations

import polars as pl

from newfound.dataset.current import current_records, has_columns_of
from newfound.dataset.records import put_records
from newfound.schema.builtin import builtin
from newfound.schema.document import Field, SchemaDocument
from newfound.store.delta_log import Snapshot
from newfound.store.layout import Layout
from newfound.store.tables import Table


def test_without_records_the_columns_are_there(layout: Layout) -> None:
    assert current_records(layout, "users").schema == {
        "RECORD_OFFSET": pl.Int64,
        "USER_ID": pl.String,
        "AGE": pl.Int64,
        "GENDER": pl.String,
    }


def test_an_earlier_state_and_the_records_since_can_be_had(layout: Layout) -> None:
    put_records(layout, "items", [b'{"itemId": "1", "title": "a"}', b'{"itemId": "2", "title": "b"}'])
    earlier = Table(layout, "items").snapshot()
    put_records(layout, "items", [b'{"itemId": "1", "title": "c"}'])
    titles = [
        current_records(layout, "items", *options)["TITLE"].to_list()
        for options in ((), (earlier,), (None, 2), (earlier, 2))
    ]
    assert titles == [["b", "c"], ["a", "b"], ["c"], []]


def test_a_table_has_the_columns_of_the_schema_that_wrote_it(layout: Layout) -> None:
    put_records(layout, "items", [b'{"itemId": "1"}'])
    snapshot = Table(layout, "items").snapshot()
    assert has_columns_of(snapshot, builtin("items"))
    assert not has_columns_of(snapshot, SchemaDocument("items", (Field("ITEM_ID", "string"),)))
    assert has_columns_of(Snapshot(), builtin("users"))
