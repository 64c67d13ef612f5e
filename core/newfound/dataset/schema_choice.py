"""Choose the schema document of an import and check that the files' columns fit it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from newfound.dataset.batch import Source
from newfound.dataset.inference import infer
from newfound.errors import SchemaError
from newfound.schema.builtin import builtin
from newfound.schema.document import SchemaDocument
from newfound.schema.parsing import read_document
from newfound.schema.registry import registered
from newfound.store.layout import Layout


@dataclass(frozen=True, slots=True)
class Choice:
    """A document and where it is from: `file`, `registered`, `built-in` or `inferred`.

    `notes` are about inferred fields; `left_out` are columns that a document from a file does not name.
    """

    document: SchemaDocument
    source: str
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def choose_schema(
    layout: Layout, dataset: str, sources: Sequence[Source], schema_path: Path | None
) -> Choice:
    """Take the given document, else the registered one, else the built-in one if all headers fit, else infer one.

    What was stored under the built-in document fits an inferred one, which only adds nullable fields: so a registered
    document that is the built-in one binds nobody.

    Raises SchemaError that names the columns that are missing or unknown.
    """
    if schema_path is not None:
        choice = Choice(read_document(schema_path, dataset), "file")
    elif (document := registered(layout, dataset)) is not None:
        choice = Choice(document, "registered")
    else:
        choice = Choice(builtin(dataset), "built-in")
    unknown = dict.fromkeys(name for source in sources for name in _unknown_columns(source, choice))
    if unknown and choice.source != "file" and choice.document == builtin(dataset):
        document, notes = infer(sources, dataset)
        return Choice(document, "inferred", tuple(notes))
    if choice.source == "file":
        return replace(choice, left_out=tuple(unknown))
    if unknown:
        raise SchemaError(
            f"columns that the registered schema does not have: [{', '.join(unknown)}]",
            "give a schema with --schema: one that lacks them leaves them out, "
            f"`newfound schema infer FILE --type {dataset}` makes one that has them",
            sources[0].path,
        )
    return choice


def _unknown_columns(source: Source, choice: Choice) -> list[str]:
    """Return the columns of a source that the schema lacks; raise SchemaError if the source lacks some itself."""
    columns = source.columns()
    missing = [
        field.name for field in choice.document.fields if not field.nullable and field.name not in columns
    ]
    if missing:
        hint = "add them, or name the columns that hold them with --map COLUMN=FIELD"
        if choice.source == "registered":
            hint += ", or give another schema with --schema"
        raise SchemaError(
            f"{source.path}: missing the following columns: [{', '.join(missing)}]", hint, source.path
        )
    return [name for name in columns if name not in choice.document.names]
