"""Ask logged questions again: what the campaign answered then, or what another policy would have.

Each question is put to a version with what was known at that moment: the user's events that had been stored by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from newfound import columns as c
from newfound.dataset.event_rows import EventRow, read_events
from newfound.explore.settings import ExplorationSettings
from newfound.serving.bundle import open_bundle
from newfound.serving.filters import parse_filter
from newfound.serving.recommender import Recommender, Request
from newfound.solutions import read_solution
from newfound.store.layout import Layout
from newfound.store.tables import Table
from newfound.store.versions import parse_reference

BLOCK = 256
ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class Logged:
    """A logged response: the question, who answered it with which settings, and the answer, best first.

    events_seen: the first event offset that the answer did not know.
    """

    recommendation_id: str
    request: Request
    campaign: str
    version: str
    settings: ExplorationSettings
    events_seen: int
    items: tuple[str, ...]
    propensities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Questions for one recommender, of different users; `rows` are their positions among the responses.

    known: each user's events that the version has not taken in and the answer knew, in (time, offset) order.
    """

    recommender: Recommender
    rows: list[int]
    requests: list[Request]
    known: Mapping[str, Sequence[EventRow]]


def read_log(layout: Layout, campaign: str) -> list[Logged]:
    """Read a campaign's responses in the order they were logged."""
    table = Table(layout, "recommendations")
    if table.snapshot().version < 0:
        return []
    found = []
    for batch in table.read().to_batches():
        columns = {name: batch[name].to_pylist() for name in batch.schema.names}
        rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
        found += [_logged(row) for row in rows if row[c.CAMPAIGN] == campaign]
    return found


def _logged(row: Mapping[str, Any]) -> Logged:
    values = orjson.loads(row[c.FILTER_VALUES]) if row[c.FILTER_VALUES] else {}
    candidates = None if row[c.CANDIDATES] is None else tuple(row[c.CANDIDATES])
    clauses = parse_filter(row[c.FILTER]).bind(values) if row[c.FILTER] else ()
    return Logged(
        row[c.RECOMMENDATION_ID],
        Request(row[c.USER_ID], row[c.NUM_RESULTS], row[c.SEED], row[c.TIMESTAMP], clauses, candidates),
        row[c.CAMPAIGN],
        row[c.SOLUTION_VERSION],
        ExplorationSettings(row[c.EXPLORATION_WEIGHT], row[c.ITEM_AGE_CUTOFF]),
        row[c.EVENTS_SEEN],
        tuple(row[c.ITEM_IDS]),
        tuple(row[c.PROPENSITIES]),
    )


def serving_folder(layout: Layout, version: str) -> Path:
    """Where the bundle of a version `SOLUTION@vN` lies, if it was not deleted; reads nothing, as a log names many."""
    solution, number = parse_reference(version)
    return layout.version(solution, number or 0) / "serving"


def blocks(
    layout: Layout,
    responses: Sequence[Logged],
    version: str | None = None,
    weight: float | None = None,
    cutoff_days: float | None = None,
) -> Iterator[Block]:
    """Put every response's question again: to the version that answered it or to `version`, as then or as given.

    None of the versions may have been deleted: see `serving_folder`.
    """
    groups: dict[tuple[str, ExplorationSettings], list[int]] = {}
    for row, logged in enumerate(responses):
        settings = ExplorationSettings(
            logged.settings.exploration_weight if weight is None else weight,
            logged.settings.item_age_cutoff_days if cutoff_days is None else cutoff_days,
        )
        groups.setdefault((version or logged.version, settings), []).append(row)
    for (name, settings), rows in groups.items():
        yield from _blocks_of(layout, responses, name, settings, rows)


def _blocks_of(
    layout: Layout, responses: Sequence[Logged], name: str, settings: ExplorationSettings, rows: list[int]
) -> Iterator[Block]:
    bundle = open_bundle(serving_folder(layout, name))
    recommender = Recommender(bundle, settings, now=0)
    selection = read_solution(layout, parse_reference(name)[0]).selection
    table = Table(layout, "events")
    users = {responses[row].request.user for row in rows}
    events: dict[str, list[EventRow]] = {}
    for event in read_events(table, table.snapshot(), bundle.meta.event_offset, selection, users):
        events.setdefault(event.user, []).append(event)
    for chosen in _different_users(responses, rows):
        known = {
            responses[row].request.user: [
                event
                for event in events.get(responses[row].request.user, ())
                if event.offset < responses[row].events_seen
            ]
            for row in chosen
        }
        yield Block(recommender, chosen, [responses[row].request for row in chosen], known)


def _different_users(responses: Sequence[Logged], rows: Iterable[int]) -> Iterator[list[int]]:
    """Cut rows into blocks in which every user occurs once: a block has one state of each."""
    turns: list[list[int]] = []
    asked: dict[str, int] = {}
    for row in rows:
        user = responses[row].request.user
        turn = asked.get(user, 0)
        asked[user] = turn + 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(row)
    for turn_rows in turns:
        for low in range(0, len(turn_rows), BLOCK):
            yield turn_rows[low : low + BLOCK]


def recompute(layout: Layout, responses: Sequence[Logged]) -> list[bool]:
    """Answer logged questions again and say of each whether the same comes out: items exactly, propensities nearly.

    Products of matrices round otherwise in blocks of another size, and a propensity moves with the scores.
    """
    same = [False] * len(responses)
    for block in blocks(layout, responses):
        answers = block.recommender.answer(block.requests, block.known)
        for row, answer in zip(block.rows, answers, strict=True):
            items = tuple(block.recommender.bundle.item_id(code) for code in answer.slate.items.tolist())
            logged = responses[row]
            same[row] = items == logged.items and np.allclose(
                answer.slate.propensities, logged.propensities, rtol=ROUNDING, atol=ROUNDING
            )
    return same
