"""Records that are put one by one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from newfound.dataset.current import current_records
from newfound.dataset.records import put_records
from newfound.errors import BusyError, SchemaError, UsageError
from newfound.schema.builtin import builtin
from newfound.schema.document import Field, SchemaDocument
from newfound.schema.registry import registered, registering
from newfound.store.layout import Layout
from newfound.store.tables import Table

YEARS = SchemaDocument("items", (Field("ITEM_ID", "string"), Field("YEAR", "int", nullable=True)))


def titles(layout: Layout) -> dict[str, str]:
    return dict(current_records(layout, "items").select("ITEM_ID", "TITLE").iter_rows())


def test_a_record_replaces_the_whole_record_of_its_id(layout: Layout) -> None:
    lines = [
        b'{"itemId": "1", "title": "a", "genres": "x"}\n',
        b"\n",
        b'{"itemId": "1", "title": "b"}',
        b'{"itemId": "2"}',
    ]
    assert put_records(layout, "items", lines) == {"accepted": 3, "rejected": []}
    assert put_records(layout, "items", [b'{"itemId": "2", "title": "c"}'])["accepted"] == 1
    assert current_records(layout, "items").rows() == [(1, "1", None, "b", None), (3, "2", None, "c", None)]
    assert registered(layout, "items") == builtin("items")


def test_one_bad_line_rejects_all_unless_bad_lines_are_skipped(layout: Layout) -> None:
    lines = [b'{"itemId": "1", "title": "a"}', b"  ", b'{"itemId": "2", "colour": 1}']
    rejected = [{"line": 3, "reason": "colour: unknown key"}]
    assert put_records(layout, "items", lines) == {"accepted": 0, "rejected": rejected}
    assert titles(layout) == {}
    assert not layout.schema("items").exists()
    assert put_records(layout, "items", lines, on_error="skip") == {"accepted": 1, "rejected": rejected}
    assert titles(layout) == {"1": "a"}


def test_a_byte_order_mark_begins_no_record(layout: Layout) -> None:
    assert put_records(layout, "items", [b'\xef\xbb\xbf{"itemId": "1", "title": "a"}'])["accepted"] == 1
    assert titles(layout) == {"1": "a"}


def test_nothing_to_put_is_fine_and_writes_nothing(layout: Layout) -> None:
    assert put_records(layout, "users", [b"", b"\n"]) == {"accepted": 0, "rejected": []}
    assert Table(layout, "users").snapshot().version == -1


def test_interactions_are_no_records(layout: Layout) -> None:
    with pytest.raises(UsageError):
        put_records(layout, "interactions", [])


def test_a_schema_replaced_while_lines_were_read_asks_for_another_try(layout: Layout) -> None:
    def lines() -> Iterator[bytes]:
        with registering(layout, YEARS):
            yield b'{"itemId": "1"}'

    with pytest.raises(BusyError):
        put_records(layout, "items", lines())
    assert Table(layout, "items").snapshot().files == ()


def test_a_table_of_other_columns_than_the_schema_refuses_records(layout: Layout) -> None:
    put_records(layout, "items", [b'{"itemId": "1"}'])
    with registering(layout, YEARS):
        pass
    with pytest.raises(SchemaError, match="other columns") as caught:
        put_records(layout, "items", [b'{"itemId": "2"}'])
    assert "--mode full" in caught.value.hint


def test_putting_a_record_does_not_import_polars(layout: Layout) -> None:
    script = (
        "import sys; from pathlib import Path; from newfound.store.layout import Layout;"
        "from newfound.dataset.records import put_records;"
        """put_records(Layout(Path(sys.argv[1])), "items", [b'{"itemId": "1"}']);"""
        "print(sorted({'polars', 'fastavro', 'jax', 'deltalake'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, layout.root], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
