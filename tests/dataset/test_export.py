"""What is exported, and that it can be imported again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import polars as pl
import pytest

from newfound.dataset.events import put_events
from newfound.dataset.export import export
from newfound.dataset.importing import import_dataset
from newfound.dataset.records import put_records
from newfound.errors import NotFoundError, UsageError
from newfound.store.layout import Layout
from newfound.store.project_file import create_project_file

WriteFile = Callable[[str, bytes], str]

BULK = b'USER_ID,ITEM_ID,EVENT_TYPE,EVENT_VALUE,TIMESTAMP,DEVICE\n007,"a,""b",click,4.5,900,tv\n2,b,click,,1000,\n'
EVENTS = [
    {
        "userId": "u1",
        "sessionId": "s",
        "itemId": "i1",
        "sentAt": 50,
        "eventId": "e1",
        "impression": ["i1", "2"],
        "properties": {"device": "phone", "x": 1},
    },
    {"userId": "u1", "sessionId": "s", "eventType": "impression", "sentAt": 60, "recommendationId": "RID-1"},
    {
        "userId": "u2",
        "itemId": "i2",
        "eventType": "buy",
        "eventValue": 2,
        "sentAt": 40,
        "recommendationId": "RID-1",
    },
]
COLUMNS = [
    "USER_ID",
    "ITEM_ID",
    "EVENT_TYPE",
    "EVENT_VALUE",
    "TIMESTAMP",
    "IMPRESSION",
    "RECOMMENDATION_ID",
    "DEVICE",
    "SESSION_ID",
    "EVENT_ID",
    "PROPERTIES",
]
ROWS = [
    ("007", 'a,"b', "click", 4.5, 900, None, None, "tv", None, None, None),
    ("2", "b", "click", None, 1000, None, None, None, None, None, None),
    ("u1", "i1", "click", None, 50, "i1|2", None, "phone", "s", "e1", '{"device":"phone","x":1}'),
    ("u2", "i2", "buy", 2.0, 40, None, "RID-1", None, None, None, None),
]
READERS = {
    "csv": lambda path: pl.read_csv(path, schema_overrides={"USER_ID": pl.String}),
    "jsonl": pl.read_ndjson,
    "ndjson": pl.read_ndjson,
    "parquet": pl.read_parquet,
}


@pytest.fixture
def filled(layout: Layout, write_file: WriteFile) -> Layout:
    import_dataset(layout, "interactions", [write_file("i.csv", BULK)])
    put_events(layout, [orjson.dumps(event) for event in EVENTS], now=100.0)
    return layout


@pytest.mark.parametrize("suffix", READERS)
def test_every_interaction_is_exported_imported_ones_first(
    filled: Layout, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"all.{suffix}"
    result = export(filled, "interactions", output)
    assert result == {"dataset": "interactions", "output": str(output), "rows": 4}
    frame = READERS[suffix](output)
    assert frame.columns == COLUMNS
    assert frame.rows() == ROWS


def test_impressions_that_nobody_clicked_come_only_on_request(filled: Layout, tmp_path: Path) -> None:
    output = tmp_path / "all.parquet"
    assert export(filled, "interactions", output, impressions=True)["rows"] == 5
    rows = (
        pl.read_parquet(output)
        .filter(pl.col("ITEM_ID").is_null())
        .select("USER_ID", "EVENT_TYPE", "RECOMMENDATION_ID")
        .rows()
    )
    assert rows == [("u1", "impression", "RID-1")]


@pytest.mark.parametrize("suffix", READERS)
def test_an_export_imports_into_another_project_as_the_same_interactions(
    filled: Layout, tmp_path: Path, suffix: str
) -> None:
    first, second = tmp_path / f"1.{suffix}", tmp_path / f"2.{suffix}"
    export(filled, "interactions", first)
    other = Layout(tmp_path / "other")
    create_project_file(other)
    assert import_dataset(other, "interactions", [first])["rowsImported"] == 4
    export(other, "interactions", second)
    assert set(READERS[suffix](second).select(COLUMNS).rows()) == set(ROWS)


def test_streamed_events_alone_are_exported(layout: Layout, tmp_path: Path) -> None:
    put_events(layout, [b'{"userId": "1", "itemId": "2", "sentAt": 5}'])
    export(layout, "interactions", tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_text() == (
        "USER_ID,ITEM_ID,EVENT_TYPE,EVENT_VALUE,TIMESTAMP,IMPRESSION,RECOMMENDATION_ID\n1,2,click,,5,,\n"
    )


@pytest.mark.parametrize("dataset", ["interactions", "items", "users"])
def test_an_empty_dataset_exports_its_columns(layout: Layout, tmp_path: Path, dataset: str) -> None:
    assert export(layout, dataset, tmp_path / "a.csv")["rows"] == 0
    assert "_ID," in (tmp_path / "a.csv").read_text()


def test_the_current_record_of_each_item_is_exported(layout: Layout, tmp_path: Path) -> None:
    put_records(layout, "items", [b'{"itemId": "1", "title": "old"}', b'{"itemId": "1", "title": "new"}'])
    assert export(layout, "items", tmp_path / "a.jsonl")["rows"] == 1
    assert orjson.loads((tmp_path / "a.jsonl").read_bytes())["TITLE"] == "new"


def test_an_existing_file_is_replaced_whole(filled: Layout, tmp_path: Path) -> None:
    output = tmp_path / "a.csv"
    output.write_bytes(b"x" * 100_000)
    export(filled, "interactions", output)
    assert output.read_bytes().startswith(b"USER_ID,")
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []


def test_unknown_datasets_formats_and_folders_are_refused(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="movies"):
        export(layout, "movies", tmp_path / "a.csv")
    with pytest.raises(UsageError, match="unknown format"):
        export(layout, "items", tmp_path / "a.xlsx")
    with pytest.raises(NotFoundError, match="no such folder"):
        export(layout, "items", tmp_path / "none" / "a.csv")
