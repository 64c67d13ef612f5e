"""Global options, accepted anywhere on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FLAGS = re.compile(r"--json|--quiet|--verbose|--no-color|-[qv]+")
_WITH_VALUE = ("-C", "--project", "--lock-timeout")
_JOINED = re.compile(r"(--project|--lock-timeout)=.*|-C.+", re.DOTALL)


def split_globals(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the global options from the rest, wherever they stand before `--`.

    An id that looks like one is written `--user=-q`.
    """
    leading: list[str] = []
    rest: list[str] = []
    pending = iter(arguments)
    for argument in pending:
        if argument == "--":
            rest += [argument, *pending]
        elif argument in _WITH_VALUE:
            leading += [argument, *([value] if (value := next(pending, None)) is not None else [])]
        elif _FLAGS.fullmatch(argument) or _JOINED.fullmatch(argument):
            leading.append(argument)
        else:
            rest.append(argument)
    return leading, rest
