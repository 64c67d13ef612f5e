"""Decode JSON objects strictly: orjson would keep the last of two equal keys and turn long ids into floats."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NoReturn

from newfound.errors import InputRefusedError


def parse_object(text: bytes | str) -> dict[str, Any]:
    """Return a JSON object; raise InputRefusedError, with the bare reason, for anything else."""
    try:
        value = _DECODER.decode(text if isinstance(text, str) else text.decode())
    except (ValueError, RecursionError) as error:
        raise InputRefusedError(f"not valid JSON: {_why(error)}") from None
    if not isinstance(value, dict):
        raise InputRefusedError("not a JSON object")
    return value


def without_mark(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Return lines, at least one, without the byte order mark that some programs begin a file with."""
    remaining = iter(lines)
    return chain([next(remaining, b"").removeprefix(BOM_UTF8)], remaining)


def _why(error: ValueError | RecursionError) -> str:
    match error:
        case json.JSONDecodeError():
            return f"{error.msg} at column {error.colno}"
        case UnicodeDecodeError():
            return f"byte {error.start + 1} is not UTF-8"
        case RecursionError():
            return "nested too deeply"
        case _RuleError():
            return str(error)
        case _:
            return "a number has too many digits"


class _RuleError(ValueError):
    """What Python's decoder would let pass."""


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise _RuleError("a key occurs twice")
    return record


def _no_constant(name: str) -> NoReturn:
    raise _RuleError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_distinct_keys, parse_constant=_no_constant)
