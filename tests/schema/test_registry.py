"""Registered documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from newfound.errors import DamagedError
from newfound.schema.builtin import builtin
from newfound.schema.document import Field, SchemaDocument
from newfound.schema.registry import document_for, registered, registering
from newfound.store.layout import Layout

OTHER = SchemaDocument("items", (Field("ITEM_ID", "string"), Field("YEAR", "long", nullable=True)))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def test_the_built_in_document_counts_until_one_is_registered(layout: Layout) -> None:
    assert registered(layout, "items") is None
    assert document_for(layout, "items") == builtin("items")
    with registering(layout, OTHER):
        pass
    assert registered(layout, "items") == document_for(layout, "items") == OTHER


@pytest.mark.parametrize("before", [(), (builtin("items"),)], ids=["none", "another"])
def test_a_failed_commit_takes_the_registration_back(
    layout: Layout, before: tuple[SchemaDocument, ...]
) -> None:
    for document in before:
        with registering(layout, document):
            pass
    with pytest.raises(OSError, match="disk"), registering(layout, OTHER):
        raise OSError("disk")
    assert registered(layout, "items") == (before[0] if before else None)


def test_registering_the_same_document_again_writes_nothing(layout: Layout) -> None:
    with registering(layout, OTHER):
        pass
    written = layout.schema("items").stat()
    with registering(layout, OTHER):
        pass
    assert layout.schema("items").stat().st_ino == written.st_ino


def test_an_edited_document_is_damage(layout: Layout) -> None:
    with registering(layout, OTHER):
        pass
    path = layout.schema("items")
    path.write_bytes(path.read_bytes().replace(b"long", b"int "))
    with pytest.raises(DamagedError):
        registered(layout, "items")
