"""Which logged responses people saw as they were logged, and what was clicked in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from newfound.dataset.event_rows import EventRow, read_events
from newfound.dataset.histories import EventSelection
from newfound.errors import NotFoundError
from newfound.replaying import Logged, serving_folder
from newfound.solutions import read_solution
from newfound.store.layout import Layout
from newfound.store.tables import Table
from newfound.store.versions import parse_reference

REASONS = {
    "silent": "that no event names",
    "otherListShown": "that were shown as another list",
    "versionDeleted": "of deleted versions",
    "learnedFrom": "older than what the target has learned from",
    "empty": "empty",
}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Responses that were shown, the items clicked in each, and how many were left out, by REASONS."""

    shown: list[Logged]
    clicked: list[set[str]]
    left_out: dict[str, int]

    def why_left_out(self) -> str:
        """Count in words what was left out."""
        counts = [f"{n:,} {REASONS[reason]}" for reason, n in self.left_out.items() if n]
        return ", ".join(counts) or "none was logged"


def find_outcomes(
    layout: Layout,
    responses: Sequence[Logged],
    *,
    event_type: str | None,
    count_silent: bool,
    target: str | None,
    learned: int,
) -> Outcomes:
    """Go through the events that name the responses.

    event_type: what counts as a click, None for all that trains. count_silent: a response that no event names was
    shown too, without a click. A response older than event offset `learned` taught the version `target`, unless it is
    its own.
    """
    clicks, relisted = _clicks(layout, responses, event_type)
    versions = {logged.version for logged in responses}
    there = {name: serving_folder(layout, name).is_dir() for name in versions}
    outcomes = Outcomes([], [], dict.fromkeys(REASONS, 0))
    for logged in responses:
        name = logged.recommendation_id
        verdicts = {
            "empty": not logged.items,
            "silent": name not in clicks and not count_silent,
            "otherListShown": name in relisted,
            "versionDeleted": not there[logged.version],
            "learnedFrom": target not in (None, logged.version) and logged.events_seen < learned,
        }
        reason = next((reason for reason, holds in verdicts.items() if holds), None)
        if reason is None:
            outcomes.shown.append(logged)
            outcomes.clicked.append(clicks.get(name, set()))
        else:
            outcomes.left_out[reason] += 1
    return outcomes


def _clicks(
    layout: Layout, responses: Sequence[Logged], event_type: str | None
) -> tuple[dict[str, set[str]], set[str]]:
    """Items clicked in each response that an event names, and the responses that were shown as another list."""
    by_id = {logged.recommendation_id: logged for logged in responses}
    since = min((logged.events_seen for logged in responses), default=0)
    clicks: dict[str, set[str]] = {}
    relisted: set[str] = set()
    for event in _events(layout, since, event_type, responses):
        logged = by_id.get(event.recommendation_id or "")
        if logged is None:
            continue
        if event.impression is not None and event.impression != logged.items:
            relisted.add(logged.recommendation_id)
        own = clicks.setdefault(logged.recommendation_id, set())
        if event.counts and event.item in logged.items:
            own.add(str(event.item))
    return clicks, relisted


def _events(
    layout: Layout, since: int, event_type: str | None, responses: Sequence[Logged]
) -> list[EventRow]:
    selection = EventSelection(event_type)
    if event_type is None and responses:
        try:
            selection = read_solution(layout, parse_reference(responses[-1].version)[0]).selection
        except NotFoundError:
            selection = EventSelection()
    table = Table(layout, "events")
    return read_events(table, table.snapshot(), since, selection)
