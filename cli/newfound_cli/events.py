"""`newfound events`."""

from typing import Annotated

import typer

from newfound.dataset.event_lines import time_of_text
from newfound.errors import InputRefusedError, UsageError
from newfound_cli import context, lines
from newfound_cli.groups import example, make_app
from newfound_cli.options import OnError, Refusal
from newfound_cli.text import dump_json

app = make_app(help="Record clicks, views and impressions as they happen.")


@app.callback()
def _group() -> None:
    """Record clicks, views and impressions as they happen."""


@app.command(
    epilog=example(
        "newfound events put --user 1 --item 5 --recommendation-id RID-...",
        "newfound events put clicks.jsonl --on-error skip",
    )
)
def put(
    ctx: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(metavar="FILE|-", help="JSON Lines; - is standard input.", show_default=False),
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="ID", help="The user.")] = None,
    item: Annotated[
        str | None, typer.Option(metavar="ID", help="The item; without one: an impression.")
    ] = None,
    event_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="What happened [default: click].")
    ] = None,
    value: Annotated[float | None, typer.Option(metavar="X", help="Its value, such as a rating.")] = None,
    timestamp: Annotated[
        str | None, typer.Option(metavar="T", help="Unix seconds or ISO 8601 with offset [default: now].")
    ] = None,
    session: Annotated[
        str | None, typer.Option(metavar="ID", help="Session of a person not signed in.")
    ] = None,
    event_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The event is stored once per id.")
    ] = None,
    recommendation_id: Annotated[
        str | None, typer.Option(metavar="RID", help="The response it answers.")
    ] = None,
    impression: Annotated[str | None, typer.Option(metavar="A,B,C", help="Items that were visible.")] = None,
    on_error: Refusal = OnError.FAIL,
) -> None:
    """Record one event from options, or many from JSON Lines.

    When it returns, the events are durable and count for the user's next recommendations.
    """
    event = {
        "userId": user,
        "itemId": item,
        "eventType": event_type,
        "eventValue": value,
        "sentAt": _seconds(timestamp),
        "sessionId": session,
        "eventId": event_id,
        "recommendationId": recommendation_id,
        "impression": context.id_list(impression),
    }
    event = {key: part for key, part in event.items() if part is not None}
    if event and source:
        raise UsageError("FILE and options of a single event exclude each other", "give one or the other")
    context.use_one_thread()
    project = context.open_project(ctx)
    if event:
        done = project.put_events([dump_json(event).encode()], on_error=on_error.value)
    else:
        with context.open_lines(source or "-") as stream:
            done = project.put_events(stream, on_error=on_error.value)
    then = f"newfound recommend --user {user}" if user else ""
    lines.report(ctx, done, None if event else source or "-", then, on_error)


def _seconds(time: str | None) -> float | None:
    if time is None:
        return None
    try:
        return time_of_text(time)
    except InputRefusedError as error:
        reason = error.message.removeprefix("sentAt: ")
        raise UsageError(
            f"--timestamp: {reason}", "write it like 1700000000 or 2023-11-14T22:13:20Z"
        ) from None
