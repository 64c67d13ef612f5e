"""Named filters of a project (behaviour specification §8)."""

from __future__ import annotations

import time
from typing import Any

from newfound.errors import AlreadyExistsError, NotFoundError
from newfound.serving.filters import ItemFilter, parse_filter
from newfound.store.files import create_bytes, read_json, seal_json
from newfound.store.layout import Layout


def create_filter(layout: Layout, name: str, expression: str) -> dict[str, Any]:
    """Store an expression under a name; the same one again changes nothing. Describe it, with `created`."""
    path = layout.filter(name)
    parsed = parse_filter(expression)
    record = {"name": name, "filterExpression": expression, "creationDateTime": time.time()}
    try:
        create_bytes(path, seal_json(record))
    except FileExistsError:
        existing = describe_filter(layout, name)
        if existing["filterExpression"] != expression:
            raise AlreadyExistsError(
                f"filter {name!r} exists with another expression", "choose another name, or delete it first"
            ) from None
        return existing | {"created": False}
    return record | {"parameters": list(parsed.parameters), "created": True}


def describe_filter(layout: Layout, name: str) -> dict[str, Any]:
    """Describe a named filter; raise NotFoundError."""
    try:
        record = read_json(layout.filter(name))
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no filter {name!r}", "`newfound filter list` shows those there are"
        ) from None
    return record | {"parameters": list(parse_filter(record["filterExpression"]).parameters)}


def list_filters(layout: Layout) -> list[dict[str, Any]]:
    """List all filters by name."""
    return [describe_filter(layout, path.stem) for path in sorted(layout.filters.glob("*.json"))]


def check_filter(expression: str) -> dict[str, Any]:
    """Parse an expression without storing it; raise InvalidFilterError."""
    return {"valid": True, "parameters": list(parse_filter(expression).parameters)}


def delete_filter(layout: Layout, name: str) -> dict[str, Any]:
    """Remove a named filter."""
    describe_filter(layout, name)
    layout.filter(name).unlink()
    return {"name": name, "deleted": True}


def find_filter(layout: Layout, text: str) -> ItemFilter:
    """Read a filter's name or an inline expression; raise InvalidFilterError or NotFoundError."""
    expression = text if " " in text.strip() else describe_filter(layout, text)["filterExpression"]
    return parse_filter(expression)
