"""`recommend`: find the campaign's version, answer, log, and describe (CLI contract, recommend)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from newfound.campaigns import Campaign, read_campaign, serving_version
from newfound.dataset.event_rows import EventRow, read_events
from newfound.errors import InputRefusedError, InvalidFilterError, UsageError
from newfound.hashing import hash64_many
from newfound.schema.rules import MAX_ID_LENGTH
from newfound.serving.bundle import Bundle, open_bundle
from newfound.serving.recommender import Answer, Recommender, Request
from newfound.serving.response_log import ROWS_PER_COMMIT, LoggedAnswer, log_rows, new_recommendation_id
from newfound.solutions import read_solution
from newfound.store.delta_log import Snapshot
from newfound.store.layout import Layout
from newfound.store.tables import Table
from newfound.store.versions import Version
from newfound.stories import Story, reason, tell

if TYPE_CHECKING:
    from arro3.core import Table as ArrowTable

    from newfound.serving.filters import HistoryClause, ItemFilter

MAX_RESULTS = 500
MAX_RANKED = 500
UNEXPLAINED = {
    **dict.fromkeys(
        (
            *("relevance", "uncertainty", "explorationBonus", "impressionDiscount"),
            *("ageDays", "impressions", "clicks", "verdict"),
        )
    ),
    "reason": "not known to this version",
}
"""What `--explain` says of an item to rank that the version does not know."""
USUAL_RESULTS = 25


@dataclass(frozen=True, slots=True)
class Options:
    """How to answer, whoever asks; see the command line contract for each.

    num_results: None for USUAL_RESULTS, or all items that are to be ranked.
    """

    campaign: str = "default"
    num_results: int | None = None
    filter: str | None = None
    filter_values: Mapping[str, str] | None = None
    explain: bool = False
    seed: int | None = None
    log: bool = True
    at: str | None = None


@dataclass(frozen=True)
class Desk:
    """A campaign ready to answer: its version is pinned once."""

    layout: Layout
    options: Options
    lock_timeout: float

    def __post_init__(self) -> None:
        asked = self.options.num_results
        if asked is not None and not 1 <= asked <= MAX_RESULTS:
            raise UsageError(f"{asked} results cannot be asked for", f"ask for 1 to {MAX_RESULTS}")

    @cached_property
    def campaign(self) -> Campaign:
        """The campaign that answers."""
        return read_campaign(self.layout, self.options.campaign)

    @cached_property
    def version(self) -> Version:
        """The version that it serves now."""
        return serving_version(self.layout, self.campaign)

    @cached_property
    def bundle(self) -> Bundle:
        """The version's bundle, mapped."""
        return open_bundle(self.version.serving)

    @cached_property
    def events(self) -> Snapshot:
        """The events that the answers know of."""
        return Table(self.layout, "events").snapshot()

    @cached_property
    def recommender(self) -> Recommender:
        """The bundle with the campaign's exploration."""
        return Recommender(self.bundle, self.campaign.settings, int(time.time()))

    @cached_property
    def filter(self) -> ItemFilter | None:
        """The named or inline filter."""
        if self.options.filter is None:
            return None
        from newfound.item_filters import find_filter

        return find_filter(self.layout, self.options.filter)

    @cached_property
    def at(self) -> int | None:
        """The time of the request, unless a request brings its own."""
        return None if self.options.at is None else request_time(self.options.at)

    def refuse_early(self) -> None:
        """Raise what is wrong with the options whatever a line of a batch says: filter, time, campaign."""
        _ = self.filter, self.at, self.bundle

    def num_results(self, ranked: Sequence[str] | None) -> int:
        """How many items an answer has at most, `ranked` being those to rank."""
        usual = USUAL_RESULTS if ranked is None else len(ranked)
        return self.options.num_results or usual

    def clauses(self, values: Mapping[str, str]) -> tuple[HistoryClause, ...]:
        """Bind filter values; raise InvalidFilterError for values without a filter."""
        if self.filter is not None:
            return self.filter.bind(values)
        if values:
            raise InvalidFilterError("filter values were given without a filter", "name one with --filter")
        return ()

    def new_events(self, users: Iterable[str] | None) -> dict[str, list[EventRow]]:
        """Events of users (None: everyone) since the version's offset, by user."""
        selection = read_solution(self.layout, self.version.solution).selection
        table = Table(self.layout, "events")
        rows = read_events(table, self.events, self.bundle.meta.event_offset, selection, users)
        by_user: dict[str, list[EventRow]] = {}
        for row in rows:
            by_user.setdefault(row.user, []).append(row)
        return by_user

    def log_rows(self, answers: Sequence[LoggedAnswer]) -> ArrowTable:
        """Turn responses into rows of the response log."""
        return log_rows(
            answers,
            campaign=self.campaign.name,
            solution_version=self.version.name,
            settings=self.campaign.settings,
            events_seen=self.events.next_offset,
            filter_expression=self.filter.expression if self.filter else None,
        )

    def log(self, rows: Sequence[ArrowTable]) -> None:
        """Store rows of `log_rows` durably, in one commit, before anyone sees the responses."""
        if not rows:
            return
        with Table(self.layout, "recommendations").writing(self.lock_timeout) as writer:
            writer.add_batches(rows, ROWS_PER_COMMIT)
            writer.commit()


def recommend(
    layout: Layout,
    options: Options,
    user: str,
    rank_items: Sequence[str] | None,
    lock_timeout: float,
) -> dict[str, Any]:
    """Answer for one user; unknown users are no error. Raises UsageError, NotFoundError, InvalidFilterError."""
    user, ranked = checked_id(user, "user"), candidates(rank_items)
    desk = Desk(layout, options, lock_timeout)
    clauses = desk.clauses(options.filter_values or {})
    events = desk.new_events([user])
    name = new_recommendation_id()
    k = desk.num_results(ranked)
    request = Request(user, k, seed_text(options.seed, user, name), desk.at, clauses, ranked)
    answer = desk.recommender.answer([request], events)[0]
    items = desk.bundle.item_ids(answer.slate.items)
    if options.log:
        desk.log([desk.log_rows([LoggedAnswer(name, items, answer, options.filter_values or {})])])
    entries = [_entry(answer, k, item) for k, item in enumerate(items)]
    if options.explain:
        stories = tell(desk.bundle, answer.slate.items, desk.campaign.settings)
        entries = [
            entry | _explanation(desk, answer, k, story, lost)
            for k, (entry, story, lost) in enumerate(
                zip(entries, stories, _discounts(desk, answer), strict=True)
            )
        ]
    entries += [
        {"itemId": item, "score": None, "propensity": None, "explored": False, "young": False}
        | (UNEXPLAINED if options.explain else {})
        for item in unknown_items(desk.bundle, ranked, k - len(entries))
    ]
    return {
        "recommendationId": name if options.log else None,
        "campaign": desk.campaign.name,
        "solutionVersion": desk.version.name,
        "userId": user,
        "itemList": entries,
    }


def request_time(text: str) -> int:
    """Read `--at`: Unix seconds or ISO 8601 with an offset, past or future; raise UsageError."""
    from newfound.dataset.event_lines import parse_time

    try:
        return parse_time(text, math.inf)
    except InputRefusedError as error:
        raise UsageError(
            f"at: {error.message.removeprefix('sentAt: ')}", "write 1700000000 or 2023-11-14T22:13:20Z"
        ) from None


def seed_text(seed: int | None, user: str, recommendation_id: str) -> str:
    """Name the noise of one answer: the recommendationId, or the given seed and the user."""
    return recommendation_id if seed is None else f"{seed}:{user}"


def checked_id(value: object, of: str) -> str:
    """Return the id of a user or an item as text, a whole number spelled; raise UsageError where it is no id."""
    text = str(value) if type(value) is int else value
    rule = f"ids are texts of 1 to {MAX_ID_LENGTH} characters"
    if not isinstance(text, str):
        raise UsageError(f"{of}: not a string", rule)
    if not 1 <= len(text) <= MAX_ID_LENGTH:
        raise UsageError(f"{of}: an id of {len(text)} characters", rule)
    if "\0" in text:
        raise UsageError(f"{of}: an id with a NUL in it", rule)
    return text


def candidates(rank_items: Sequence[object] | None) -> tuple[str, ...] | None:
    """Check items to rank, None for the whole catalogue; raise UsageError for none, too many, or what is no id."""
    if rank_items is None:
        return None
    if not 1 <= len(rank_items) <= MAX_RANKED:
        raise UsageError(f"{len(rank_items)} items cannot be ranked", f"name 1 to {MAX_RANKED}")
    return tuple(checked_id(item, "items to rank") for item in rank_items)


def unknown_items(bundle: Bundle, ranked: Sequence[str] | None, most: int) -> list[str]:
    """At most so many of the items to rank that the version does not know: they follow the others, without a score."""
    return [item for item in dict.fromkeys(ranked or ()) if bundle.item_code(item) < 0][:most]


def _entry(answer: Answer, k: int, item: str) -> dict[str, Any]:
    return {
        "itemId": item,
        "score": float(answer.scores[k]),
        "propensity": float(answer.slate.propensities[k]),
        "explored": bool(answer.slate.explored[k]),
        "young": bool(answer.sigma[k] > 0),
    }


def _discounts(desk: Desk, answer: Answer) -> list[float]:
    """What each item of an answer lost because its user saw it before and did not click."""
    n = len(answer.slate.items)
    users, moments = np.tile(hash64_many([answer.request.user]), n), np.full(n, answer.at)
    lost: list[float] = desk.bundle.learned.lost(users, answer.slate.items, moments).tolist()
    return lost


def _explanation(desk: Desk, answer: Answer, k: int, story: Story, lost: float) -> dict[str, Any]:
    young, code = desk.recommender.young, int(answer.slate.items[k])
    at = int(young.codes.searchsorted(code))
    taper = float(young.taper[at]) if at < len(young.codes) and young.codes[at] == code else 0.0
    bonus = desk.campaign.settings.gain * float(answer.sigma[k]) * taper
    return {
        "relevance": float(answer.relevance[k]),
        "uncertainty": float(answer.sigma[k]),
        "explorationBonus": bonus,
        "impressionDiscount": lost,
        "ageDays": story.age_days,
        "impressions": story.shown,
        "clicks": story.clicked,
        "verdict": story.verdict,
        "reason": reason(story, bool(answer.slate.explored[k])),
    }
