"""The built-in schema documents."""

from __future__ import annotations

from functools import cache

import orjson

from newfound import resources
from newfound.schema.document import SchemaDocument


@cache
def builtin(dataset: str) -> SchemaDocument:
    """Return the built-in document of interactions, items or users."""
    return SchemaDocument.from_dict(orjson.loads((resources.schemas() / f"{dataset}.json").read_bytes()))
