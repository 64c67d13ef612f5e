"""The registered schema documents of a project: schemas/<dataset>.json."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from newfound.schema.builtin import builtin
from newfound.schema.document import SchemaDocument
from newfound.store import files
from newfound.store.layout import DATASETS, Layout


def registered(layout: Layout, dataset: str) -> SchemaDocument | None:
    """Return the document that rows of `dataset` are checked against, None before the first of them."""
    try:
        return SchemaDocument.from_dict(files.read_json(layout.schema(dataset)))
    except FileNotFoundError:
        return None


def document_for(layout: Layout, dataset: str) -> SchemaDocument:
    """Return the registered document, else the built-in one."""
    return registered(layout, dataset) or builtin(dataset)


def list_documents(layout: Layout) -> list[dict[str, Any]]:
    """List the document in force for each dataset: where it is from and how many fields it has."""
    found = []
    for dataset in DATASETS:
        own = registered(layout, dataset)
        source = "built-in" if own is None else "registered"
        found.append({"dataset": dataset, "source": source, "fields": len((own or builtin(dataset)).fields)})
    return found


@contextmanager
def registering(layout: Layout, document: SchemaDocument) -> Iterator[None]:
    """Register a document, durably, for the commit in the body; take it back if the body fails."""
    path = layout.schema(document.dataset)
    previous = registered(layout, document.dataset)
    if previous == document:
        yield
        return
    files.write_json(path, document.to_dict())
    try:
        yield
    except BaseException:
        if previous is None:
            path.unlink()
        else:
            files.write_json(path, previous.to_dict())
        raise
