"""The tree of commands and the options that all of them share."""

from pathlib import Path
from typing import Annotated, Final

import typer

from newfound_cli.context import Settings
from newfound_cli.groups import LazyGroup, example, make_app

# Name of the command, and of its module -> its line in `newfound --help`.
COMMANDS: Final[dict[str, str]] = {
    "init": "Make an empty project.",
    "status": "Show what the project holds, what is stale, and the next command to run.",
    "demo": "Walk through import, training, exploration and UPDATE on sample data.",
    "dataset": "Import, inspect and export interactions, items and users.",
    "schema": "List, show, check and infer schema documents.",
    "events": "Record clicks, views and impressions as they happen.",
    "items": "Add or replace single items.",
    "users": "Add or replace single users.",
    "solution": "Create, train and inspect models.",
    "campaign": "Put a trained version into service and dial its exploration.",
    "recommend": "Recommend items, or re-rank given ones.",
    "evaluate": "Estimate from the log what another policy would have earned.",
    "filter": "Keep named filters that include or exclude items.",
    "simulate": "Play exploration weights in a closed loop: which one suits a site like this?",
    "verify": "Check that every file of the project is what was written.",
    "compact": "Merge small files and remove what nothing refers to.",
}


class Root(LazyGroup):
    """`newfound` itself."""

    modules = COMMANDS


root = make_app(
    cls=Root,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"newfound {version('newfound')}")
        raise typer.Exit


@root.callback(epilog=example("newfound demo", "newfound init shop && newfound -C shop status"))
def _options(
    ctx: typer.Context,
    project: Annotated[
        Path | None,
        typer.Option(
            "--project",
            "-C",
            metavar="DIR",
            help="Project directory [default: $NEWFOUND_PROJECT, else the nearest parent].",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, notes or hints.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the traceback of an internal error.")
    ] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour; NO_COLOR works too.")] = False,
    lock_timeout: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for another newfound process.")
    ] = 60.0,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit."),
    ] = False,
) -> None:
    """Find an audience for new items: train, explore, update, recommend, all in one local directory.

    The options below are accepted before or after the command.
    """
    ctx.obj = Settings(project, json, quiet, verbose, no_color, lock_timeout)
