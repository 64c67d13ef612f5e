"""Counts of what the datasets hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from newfound.dataset.describe import describe, summarize
from newfound.dataset.events import put_events
from newfound.dataset.importing import import_dataset
from newfound.dataset.records import put_records
from newfound.errors import UsageError
from newfound.schema.builtin import builtin
from newfound.store.layout import Layout

WriteFile = Callable[[str, bytes], str]


@pytest.mark.parametrize("dataset", ["interactions", "items", "users", "events"])
def test_an_empty_dataset_has_no_rows(layout: Layout, dataset: str) -> None:
    assert summarize(layout, dataset) == {"dataset": dataset, "rows": 0, "bulkRows": 0, "streamedRows": 0}


def test_interactions_are_imported_and_streamed_ones(layout: Layout, write_file: WriteFile) -> None:
    path = write_file("i.csv", b"USER_ID,ITEM_ID,TIMESTAMP\n1,a,5\n1,b,7\n")
    import_dataset(layout, "interactions", [path])
    click, seen = (
        b'{"userId": "2", "itemId": "a", "sentAt": 9}',
        b'{"userId": "2", "impression": ["a"], "sentAt": 11}',
    )
    put_events(layout, [click, seen])
    counts = {"dataset": "interactions", "rows": 3, "bulkRows": 2, "streamedRows": 1}
    assert summarize(layout, "interactions") == counts
    assert summarize(layout, "events") == {"dataset": "events", "rows": 2, "bulkRows": 0, "streamedRows": 2}
    facts = {"users": 2, "items": 2, "firstTimestamp": 5, "lastTimestamp": 9}
    assert describe(layout, "interactions") == counts | facts | {"schema": builtin("interactions").to_dict()}


def test_a_record_counts_once_and_by_where_its_latest_version_is_from(
    layout: Layout, write_file: WriteFile
) -> None:
    import_dataset(layout, "items", [write_file("a.csv", b"ITEM_ID,TITLE\n1,a\n2,b\n2,c\n")])
    put_records(layout, "items", [b'{"itemId": "2"}', b'{"itemId": "3"}', b'{"itemId": "3", "title": "x"}'])
    counts = {"dataset": "items", "rows": 3, "bulkRows": 1, "streamedRows": 2}
    assert summarize(layout, "items") == counts
    assert describe(layout, "items") == counts | {"items": 3, "schema": builtin("items").to_dict()}


def test_there_is_no_description_of_an_unknown_dataset(layout: Layout) -> None:
    with pytest.raises(UsageError):
        describe(layout, "movies")
