"""Imports end to end: what is stored, what is counted, and that a failure changes nothing."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from newfound.dataset import importing
from newfound.dataset.current import current_records
from newfound.dataset.importing import import_dataset
from newfound.dataset.interactions import scan_interactions
from newfound.dataset.records import put_records
from newfound.errors import BusyError, InputRefusedError, RowError, SchemaError, UsageError
from newfound.progress import Progress
from newfound.schema.registry import registered
from newfound.store.layout import Layout
from newfound.store.tables import Table

WriteFile = Callable[[str, bytes], str]

INTERACTIONS = b"""TIMESTAMP,USER_ID,ITEM_ID,EVENT_TYPE,IMPRESSION
1000,1,007,click,007|8|9
900,2,8,click,
1000,1,007,click,007|8|9
1000,1,007,view,007|8|9
"""
ITEMS = b"ITEM_ID,GENRES,TITLE,CREATION_TIMESTAMP\n1,Drama|War,One,100\n2,,Two,\n"


def tree(root: Path) -> dict[str, str]:
    """The bytes of every file of a project but its lock files, and the folders that hold them."""
    files = (path for path in root.rglob("*") if path.is_file() and path.parent.name != "locks")
    return {str(path.relative_to(root)): sha256(path.read_bytes()).hexdigest() for path in files}


def stored(layout: Layout, *names: str) -> list[tuple[Any, ...]]:
    return scan_interactions(layout).select(names or pl.all()).collect().rows()


def test_interactions_are_stored_under_the_columns_of_the_schema_and_counted(
    layout: Layout, write_file: WriteFile
) -> None:
    result = import_dataset(layout, "interactions", [write_file("i.csv", INTERACTIONS)])
    assert 0 <= result.pop("seconds") < 60
    assert result == {
        "dataset": "interactions",
        "rowsRead": 4,
        "rowsImported": 3,
        "rowsRejected": 0,
        "duplicates": 1,
        "users": 2,
        "items": 2,
        "firstTimestamp": 900,
        "lastTimestamp": 1000,
        "schema": {"source": "built-in", "inferred": []},
    }
    assert stored(layout) == [
        ("1", "007", "click", None, 1000, "007|8|9", None),
        ("2", "8", "click", None, 900, None, None),
        ("1", "007", "view", None, 1000, "007|8|9", None),
    ]


def test_a_full_import_replaces_and_an_incremental_one_adds_what_is_new(
    layout: Layout, write_file: WriteFile
) -> None:
    first, second = write_file("1.csv", INTERACTIONS), write_file("2.csv", INTERACTIONS + b"5,3,3,click,\n")
    import_dataset(layout, "interactions", [first])
    result = import_dataset(layout, "interactions", [second, first], mode="incremental")
    assert (result["rowsRead"], result["rowsImported"], result["duplicates"]) == (9, 1, 8)
    assert (result["users"], result["items"], result["firstTimestamp"]) == (1, 1, 5)
    assert len(stored(layout)) == 4
    import_dataset(layout, "interactions", [first])
    assert len(stored(layout)) == 3


def test_an_import_repeated_incrementally_changes_nothing(layout: Layout, write_file: WriteFile) -> None:
    path = write_file("i.csv", INTERACTIONS)
    import_dataset(layout, "interactions", [path])
    before = tree(layout.root)
    assert import_dataset(layout, "interactions", [path], mode="incremental")["rowsImported"] == 0
    assert tree(layout.root) == before


def test_every_format_gives_the_same_rows(layout: Layout, write_file: WriteFile) -> None:
    frame = pl.read_csv(INTERACTIONS, schema_overrides={"ITEM_ID": pl.String})
    parquet, lines = io.BytesIO(), io.BytesIO()
    frame.write_parquet(parquet)
    frame.write_ndjson(lines)
    paths = [
        write_file("i.csv.gz", gzip.compress(INTERACTIONS)),
        write_file("i.parquet", parquet.getvalue()),
        write_file("i.jsonl", lines.getvalue()),
    ]
    expected = None
    for path in paths:
        assert import_dataset(layout, "interactions", [path])["rowsImported"] == 3
        expected = expected or stored(layout)
        assert stored(layout) == expected
    assert import_dataset(layout, "interactions", paths)["duplicates"] == 9


def test_columns_go_by_their_mapped_names(layout: Layout, write_file: WriteFile) -> None:
    path = write_file("i.csv", b"user,item,SEQ\n1,a,0\n")
    names = {"user": "USER_ID", "item": "ITEM_ID", "SEQ": "TIMESTAMP"}
    import_dataset(layout, "interactions", [path], mapping=names)
    assert stored(layout, "USER_ID", "ITEM_ID", "TIMESTAMP") == [("1", "a", 0)]


def test_a_time_ahead_of_the_clock_is_told(layout: Layout, write_file: WriteFile) -> None:
    path = write_file("i.csv", b"USER_ID,ITEM_ID,TIMESTAMP\n1,a,4681000000\n1,a,5\n")
    [warning] = import_dataset(layout, "interactions", [path], dry_run=True)["warnings"]
    assert "4681000000 (2118-05-03), is more than a day ahead of the clock" in warning


def test_columns_that_a_given_schema_leaves_out_are_told(
    layout: Layout, write_file: WriteFile, tmp_path: Path
) -> None:
    schema = tmp_path / "s.json"
    fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "YEAR", "type": "int"}]
    schema.write_bytes(orjson.dumps({"type": "record", "name": "Items", "fields": fields}))
    path = write_file("a.csv", b"ITEM_ID,COLOUR,YEAR\n1,red,1999\n")
    result = import_dataset(layout, "items", [path], schema_path=schema)
    assert result["warnings"] == ["columns that the schema leaves out: [COLOUR]"]
    assert current_records(layout, "items").row(0) == (0, "1", 1999)


def test_the_first_second_of_all_counts_in_every_batch(layout: Layout, write_file: WriteFile) -> None:
    paths = [write_file(f"{k}.csv", b"USER_ID,ITEM_ID,TIMESTAMP\n1,a,%d\n" % k) for k in (0, 5, -5)]
    result = import_dataset(layout, "interactions", paths[:2])
    assert (result["firstTimestamp"], result["lastTimestamp"]) == (0, 5)
    result = import_dataset(layout, "interactions", [paths[2], paths[0]])
    assert (result["firstTimestamp"], result["lastTimestamp"]) == (-5, 0)


def test_records_replace_older_ones_of_the_same_id_and_the_last_of_an_import_counts(
    layout: Layout, write_file: WriteFile
) -> None:
    result = import_dataset(layout, "items", [write_file("a.csv", ITEMS + b"1,Comedy,New,100\n")])
    assert (result["rowsImported"], result["items"], result["users"], result["firstTimestamp"]) == (
        3,
        2,
        0,
        None,
    )
    more = write_file("b.csv", b"ITEM_ID,TITLE\n2,Second\n3,Third\n")
    assert import_dataset(layout, "items", [more], mode="incremental")["rowsImported"] == 2
    assert current_records(layout, "items").drop("RECORD_OFFSET").rows() == [
        ("1", "Comedy", "New", 100),
        ("2", None, "Second", None),
        ("3", None, "Third", None),
    ]


def test_going_back_to_an_earlier_record_is_no_duplicate(layout: Layout, write_file: WriteFile) -> None:
    old, new = write_file("a.csv", b"ITEM_ID,TITLE\n1,old\n"), write_file("b.csv", b"ITEM_ID,TITLE\n1,new\n")
    for path, imported in ((old, 1), (new, 1), (new, 0), (old, 1)):
        assert import_dataset(layout, "items", [path], mode="incremental")["rowsImported"] == imported
    assert current_records(layout, "items")["TITLE"].to_list() == ["old"]


def test_records_put_one_by_one_survive_a_full_import(layout: Layout, write_file: WriteFile) -> None:
    import_dataset(layout, "items", [write_file("a.csv", ITEMS)])
    put_records(layout, "items", [b'{"itemId": "9", "title": "Nine"}', b'{"itemId": "1", "title": "put"}'])
    import_dataset(layout, "items", [write_file("b.csv", b"ITEM_ID,TITLE\n1,One again\n")])
    titles = current_records(layout, "items").select("ITEM_ID", "TITLE")
    assert dict(titles.iter_rows()) == {"9": "Nine", "1": "One again"}


def test_records_put_one_by_one_move_to_the_columns_of_a_new_schema(
    layout: Layout, write_file: WriteFile, tmp_path: Path
) -> None:
    put_records(layout, "items", [b'{"itemId": "9", "title": "Nine", "genres": "Drama"}'])
    schema = tmp_path / "s.json"
    fields = [
        {"name": "ITEM_ID", "type": "string"},
        {"name": "YEAR", "type": ["null", "int"]},
        {"name": "TITLE", "type": ["null", "string"]},
    ]
    schema.write_bytes(orjson.dumps({"type": "record", "name": "Items", "fields": fields}))
    path = write_file("b.csv", b"ITEM_ID,YEAR,TITLE\n1,1999,One\n")
    import_dataset(layout, "items", [path], schema_path=schema)
    records = current_records(layout, "items")
    assert records.columns == ["RECORD_OFFSET", "ITEM_ID", "YEAR", "TITLE"]
    assert records.rows() == [(0, "9", None, "Nine"), (1, "1", 1999, "One")]


def test_records_put_one_by_one_that_a_new_schema_cannot_hold_refuse_it(
    layout: Layout, write_file: WriteFile, tmp_path: Path
) -> None:
    put_records(layout, "items", [b'{"itemId": "9", "title": "Nine"}'])
    schema = tmp_path / "s.json"
    fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "YEAR", "type": "int"}]
    schema.write_bytes(orjson.dumps({"type": "record", "name": "Items", "fields": fields}))
    before = tree(layout.root)
    with pytest.raises(SchemaError, match="YEAR of a record put earlier would not fit"):
        import_dataset(layout, "items", [write_file("b.csv", b"ITEM_ID,YEAR\n1,1999\n")], schema_path=schema)
    assert tree(layout.root) == before


def test_an_inferred_schema_is_registered_and_told(layout: Layout, write_file: WriteFile) -> None:
    path = write_file("a.csv", b"ITEM_ID,GENRES,YEAR\n1,Drama,1999\n")
    result = import_dataset(layout, "items", [path])
    assert result["schema"] == {"source": "inferred", "inferred": ["YEAR is a long"]}
    assert result["notes"] == ["schema inferred: YEAR is a long"]
    assert import_dataset(layout, "items", [path])["schema"]["source"] == "registered"
    put_records(
        layout,
        "items",
        [
            b'{"itemId": "5", "properties": {"genres": "G1|G2", "title": "T", "creationTimestamp": 1700000000}}'
        ],
    )
    assert current_records(layout, "items").row(-1) == (2, "5", "G1|G2", "T", 1700000000, None)


def test_a_put_before_the_first_import_leaves_inference_as_it_is(
    layout: Layout, write_file: WriteFile
) -> None:
    put_records(layout, "items", [b'{"itemId": "p", "title": "put"}'])
    path = write_file("a.csv", b"ITEM_ID,TITLE,PRICE\na,A,4.5\n")
    with pytest.raises(SchemaError, match="other columns than the schema") as caught:
        import_dataset(layout, "items", [path], mode="incremental")
    assert "--mode full, which keeps those put one by one" in caught.value.hint
    result = import_dataset(layout, "items", [path])
    assert result["schema"] == {"source": "inferred", "inferred": ["PRICE is a double"]}
    put_records(layout, "items", [b'{"itemId": "q", "price": 2}'])
    records = current_records(layout, "items").select("ITEM_ID", "TITLE", "PRICE").rows()
    assert sorted(records) == [("a", "A", 4.5), ("p", "put", None), ("q", None, 2.0)]


def test_a_later_import_may_bring_columns_that_the_built_in_schema_lacks(
    layout: Layout, write_file: WriteFile
) -> None:
    first = write_file("1.csv", b"USER_ID,ITEM_ID,TIMESTAMP\n1,a,5\n")
    import_dataset(layout, "interactions", [first])
    second = write_file("2.csv", b"USER_ID,ITEM_ID,TIMESTAMP,DEVICE\n1,a,5,phone\n")
    assert import_dataset(layout, "interactions", [second])["schema"]["source"] == "inferred"
    assert stored(layout, "USER_ID", "DEVICE") == [("1", "phone")]


def test_an_incremental_import_cannot_change_the_columns(
    layout: Layout, write_file: WriteFile, tmp_path: Path
) -> None:
    import_dataset(layout, "items", [write_file("a.csv", ITEMS)])
    before = tree(layout.root)
    schema = tmp_path / "s.json"
    fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "TITLE", "type": "string"}]
    schema.write_bytes(orjson.dumps({"type": "record", "name": "Items", "fields": fields}))
    with pytest.raises(SchemaError, match="other columns") as caught:
        import_dataset(
            layout,
            "items",
            [write_file("b.csv", b"ITEM_ID,TITLE\n3,x\n")],
            schema_path=schema,
            mode="incremental",
        )
    assert "--mode full" in caught.value.hint
    assert tree(layout.root) == before


BAD_ROWS = b"""USER_ID,ITEM_ID,TIMESTAMP,EVENT_VALUE
1,a,5,
,a,5,
1,a,1700000000000,nan
1,a
2,b,6,4.5
"""
REPORT = [
    (3, "USER_ID", "", "a value is required"),
    (4, "EVENT_VALUE", "nan", "not a finite number"),
    (4, "TIMESTAMP", "1700000000000", "not in Unix seconds; milliseconds must be divided by 1000"),
    (5, "", "1,a", "not 4 fields as the header has"),
]


def test_one_bad_row_refuses_the_whole_import_and_every_bad_row_is_told(
    layout: Layout, write_file: WriteFile, tmp_path: Path
) -> None:
    path = write_file("i.csv", BAD_ROWS)
    before = tree(layout.root)
    with pytest.raises(RowError) as caught:
        import_dataset(layout, "interactions", [path], rejects=tmp_path / "bad.csv")
    assert [tuple(row.values()) for row in caught.value.rows] == [(path, *cell) for cell in REPORT]
    assert caught.value.message.startswith("3 bad rows: 1 x ")
    assert f"{path}:3:USER_ID" in caught.value.message
    assert pl.read_csv(tmp_path / "bad.csv", infer_schema=False).height == 4
    assert tree(layout.root) == before


def test_bad_rows_can_be_skipped_and_are_still_told(layout: Layout, write_file: WriteFile) -> None:
    result = import_dataset(layout, "interactions", [write_file("i.csv", BAD_ROWS)], on_error="skip")
    assert (result["rowsRead"], result["rowsImported"], result["rowsRejected"]) == (5, 2, 3)
    assert [row["row"] for row in result["rejected"]] == [3, 4, 4, 5]
    assert result["warnings"][0].startswith("skipped 3 bad rows")
    assert stored(layout, "USER_ID", "EVENT_VALUE") == [("1", None), ("2", 4.5)]


def test_a_file_without_any_good_row_is_refused_even_if_bad_ones_may_be_skipped(
    layout: Layout, write_file: WriteFile
) -> None:
    with pytest.raises(RowError):
        import_dataset(layout, "items", [write_file("a.csv", b"ITEM_ID,TITLE\n,x\n")], on_error="skip")


def test_the_report_is_written_also_when_no_row_is_bad(
    layout: Layout, write_file: WriteFile, tmp_path: Path
) -> None:
    import_dataset(layout, "items", [write_file("a.csv", ITEMS)], rejects=tmp_path / "bad.csv")
    assert (tmp_path / "bad.csv").read_text() == "file,row,column,value,reason\n"


def refusals() -> dict[str, tuple[str, bytes]]:
    header = b"USER_ID,ITEM_ID,TIMESTAMP\n"
    parquet = io.BytesIO()
    pl.DataFrame({"USER_ID": [1.5], "ITEM_ID": ["a"], "TIMESTAMP": [1]}).write_parquet(parquet)
    times = io.BytesIO()
    pl.DataFrame({"USER_ID": [1], "ITEM_ID": ["a"], "TIMESTAMP": [1]}).select(
        "USER_ID", "ITEM_ID", pl.col("TIMESTAMP").cast(pl.Datetime)
    ).write_parquet(times)
    return {
        "empty file": ("a.csv", b""),
        "header alone": ("a.csv", header),
        "duplicate header": ("a.csv", b"USER_ID,USER_ID,ITEM_ID,TIMESTAMP\n1,1,a,5\n"),
        "missing column": ("a.csv", b"USER_ID,ITEM_ID\n1,a\n"),
        "malformed quote": ("a.csv", header + b'1,"a"x,5\n'),
        "open quote": ("a.csv", header + b'1,"a,5\n'),
        "truncated gzip": ("a.csv.gz", gzip.compress(header + b"1,a,5\n")[:-4]),
        "invalid UTF-8": ("a.csv", header + b"\xff,a,5\n"),
        "empty id": ("a.csv", header + b"1,,5\n"),
        "milliseconds": ("a.csv", header + b"1,a,1700000000000\n"),
        "fraction of a second": ("a.csv", header + b"1,a,5.5\n"),
        "long id": ("a.csv", header + b"1," + b"x" * 257 + b",5\n"),
        "repeated header": ("a.csv", header + header),
        "NaN": ("a.csv", b"USER_ID,ITEM_ID,TIMESTAMP,EVENT_VALUE\n1,a,5,NaN\n"),
        "infinity": ("a.csv", b"USER_ID,ITEM_ID,TIMESTAMP,EVENT_VALUE\n1,a,5,inf\n"),
        "long impression": ("a.csv", b"USER_ID,ITEM_ID,TIMESTAMP,IMPRESSION\n1,a,5," + b"x|" * 501 + b"\n"),
        "fractional ids": ("a.parquet", parquet.getvalue()),
        "typed times": ("a.parquet", times.getvalue()),
        "corrupt Parquet": (
            "a.parquet",
            b"PAR1" + parquet.getvalue()[: len(parquet.getvalue()) // 2] + b"PAR1",
        ),
        "no object": ("a.jsonl", b'{"USER_ID": "1", "ITEM_ID": "a", "TIMESTAMP": 5}\n[]\n'),
        "long number as an id": (
            "a.jsonl",
            b'{"USER_ID": 123456789012345678901234567890, "ITEM_ID": "a", "TIMESTAMP": 5}\n',
        ),
        "unknown kind": ("a.txt", header),
    }


@pytest.mark.parametrize("name", refusals())
@pytest.mark.parametrize("populated", [False, True], ids=["empty project", "filled project"])
def test_a_refused_file_leaves_the_project_as_it_was(
    layout: Layout, write_file: WriteFile, name: str, populated: bool
) -> None:
    if populated:
        import_dataset(layout, "interactions", [write_file("good.csv", INTERACTIONS)])
    before = tree(layout.root)
    path = write_file(*refusals()[name])
    with pytest.raises(InputRefusedError) as caught:
        import_dataset(layout, "interactions", [path])
    assert caught.value.exit_code == 3
    assert caught.value.hint
    assert caught.value.path == path
    assert tree(layout.root) == before


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_a_failing_commit_leaves_the_project_as_it_was(
    layout: Layout, write_file: WriteFile, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_dataset(layout, "items", [write_file("a.csv", ITEMS)])
    before = tree(layout.root)

    def fail(*_: object) -> None:
        raise OSError("disk")

    monkeypatch.setattr(importing.ImportBase, "commit", fail)
    path = write_file("b.csv", b"ITEM_ID,TITLE\n5,Five\n")
    with pytest.raises(OSError, match="disk"):
        import_dataset(layout, "items", [path], mode=mode)
    assert tree(layout.root) == before


def test_a_dry_run_finds_what_an_import_would_and_stores_nothing(
    layout: Layout, write_file: WriteFile
) -> None:
    before = tree(layout.root)
    path = write_file("i.csv", INTERACTIONS)
    tried = import_dataset(layout, "interactions", [path], dry_run=True)
    assert tree(layout.root) == before
    assert registered(layout, "interactions") is None
    done = import_dataset(layout, "interactions", [path])
    assert {**tried, "seconds": 0} == {**done, "seconds": 0}
    assert import_dataset(layout, "interactions", [path], mode="incremental", dry_run=True)["duplicates"] == 4
    with pytest.raises(RowError):
        import_dataset(layout, "interactions", [write_file("b.csv", BAD_ROWS)], dry_run=True)


def test_an_import_waits_for_the_table_no_longer_than_told(layout: Layout, write_file: WriteFile) -> None:
    path = write_file("a.csv", ITEMS)
    with Table(layout, "items").writing(1.0), pytest.raises(BusyError):
        import_dataset(layout, "items", [path], lock_timeout=0.0)


@pytest.mark.parametrize(
    "options",
    [{"dataset": "movies"}, {"mode": "upsert"}, {"on_error": "ignore"}, {"paths": []}],
    ids=str,
)
def test_an_unknown_option_is_a_matter_of_usage(layout: Layout, options: dict[str, Any]) -> None:
    arguments = {"dataset": "items", "paths": ["a.csv"], **options}
    with pytest.raises(UsageError):
        import_dataset(layout, **arguments)


def test_progress_ends_with_the_rows_and_their_rate(layout: Layout, write_file: WriteFile) -> None:
    reports: list[Progress] = []
    import_dataset(layout, "interactions", [write_file("i.csv", INTERACTIONS)], progress=reports.append)
    assert {report.stage for report in reports} == {"import interactions"}
    assert (reports[-1].done, reports[-1].total) == (4, 4)
    assert reports[-1].note.startswith("4 rows, ") and reports[-1].note.endswith(" rows/s")
    assert {report.note for report in reports[:-1]} <= {""}


def test_duplicates_are_found_across_files_and_blocks(
    layout: Layout, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    from newfound.dataset import blocks

    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64)
    lines = [b"%d,%d,%d\n" % (k % 7, k % 5, k % 3) for k in range(200)]
    paths = [write_file(f"{k}.csv", b"USER_ID,ITEM_ID,TIMESTAMP\n" + b"".join(lines[k::2])) for k in range(2)]
    result = import_dataset(layout, "interactions", paths)
    assert (result["rowsImported"], result["duplicates"]) == (105, 95)
    assert len(set(stored(layout))) == 105


REAL = os.environ.get("NEWFOUND_DATA", "")


@pytest.mark.skipif(not REAL, reason="real data is tried only where NEWFOUND_DATA names its folder")
@pytest.mark.parametrize(
    ("folder", "rows", "users", "items"),
    [
        ("ml-100k", 100_000, 943, 1_682),
        ("ml-1m-full-approx-time", 1_000_209, 6_040, 3_706),
        ("deskdrop", 72_312, 1_895, 2_987),
    ],
)
def test_real_data_is_imported_whole(layout: Layout, folder: str, rows: int, users: int, items: int) -> None:
    path = Path(REAL, folder, "interactions.parquet")
    result = import_dataset(layout, "interactions", [path])
    assert (result["rowsRead"], result["users"], result["items"]) == (rows, users, items)
    assert result["rowsImported"] + result["duplicates"] == rows
    catalogue = path.with_name("items.csv")
    if catalogue.exists():
        assert import_dataset(layout, "items", [catalogue])["rowsRejected"] == 0


@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_nothing_to_add_is_no_failure(on_error: str, layout: Layout, write_file: WriteFile) -> None:
    path = write_file("head.csv", b"USER_ID,ITEM_ID,TIMESTAMP\n")
    result = import_dataset(layout, "interactions", [path], mode="incremental", on_error=on_error)
    assert (result["rowsRead"], result["rowsImported"]) == (0, 0)
