"""Decode JSON objects strictly: orjson would keep the last of two equal keys and turn long ids into floats."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from newfound.errors import InputRefusedError


def parse_object(text: bytes | str) -> dict[str, Any]:
    """Return a JSON object; raise InputRefusedError, with the bare reason, for anything else."""
    try:
        value = _DECODER.decode(text if isinstance(text, str) else text.decode())
    except (ValueError, RecursionError) as error:
        raise InputRefusedError(f"not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputRefusedError("not a JSON object")
    return value


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key occurs twice")
    return record


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_distinct_keys, parse_constant=_no_constant)
