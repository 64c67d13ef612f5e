"""Run one command and turn whatever happens into an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer
from typer.main import get_command

from newfound.errors import UsageError
from newfound_cli import conversion, failures
from newfound_cli.app import root
from newfound_cli.arguments import split_globals

_COMPLETE = "_NEWFOUND_COMPLETE"


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what goes wrong is printed, not raised."""
    leading, rest = split_globals(arguments)
    try:
        code = _execute(leading, rest)
        sys.stdout.flush()
    # The last line of defence: native code raises panics that are no Exception.
    except BaseException as error:
        verbose = "--verbose" in leading or any(a[:2] in ("-v", "-q") and "v" in a for a in leading)
        return failures.report(error, json="--json" in leading, verbose=verbose)
    return code


def _execute(leading: list[str], rest: list[str]) -> int:
    try:
        "".join([*leading, *rest]).encode()
    except UnicodeEncodeError:
        raise UsageError("an argument is not valid UTF-8", "write it in UTF-8") from None
    conversion.install()
    command = get_command(root)
    try:
        if _COMPLETE in os.environ:
            command.main(prog_name="newfound", complete_var=_COMPLETE)
        with command.make_context("newfound", [*leading, *(rest or ["--help"])]) as context:
            command.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    except SystemExit as leave:  # completion leaves this way
        return int(leave.code or 0)
    return 0
