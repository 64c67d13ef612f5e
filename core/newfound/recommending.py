"""`recommend`: find the campaign's version, answer, log, and describe (CLI contract, recommend)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from newfound.campaigns import Campaign, read_campaign, serving_version
from newfound.dataset.event_lines import parse_time
from newfound.dataset.event_rows import EventRow, read_events
from newfound.dataset.output import replacing
from newfound.errors import InputRefusedError, InvalidFilterError, NewfoundError, NotFoundError, UsageError
from newfound.explore.policy import OPTIMISM
from newfound.item_filters import find_filter
from newfound.progress import Progress, ProgressCallback
from newfound.serving.bundle import Bundle, open_bundle
from newfound.serving.filters import HistoryClause, ItemFilter
from newfound.serving.recommender import Answer, Recommender, Request
from newfound.serving.response_log import ROWS_PER_COMMIT, LoggedAnswer, log_answers, new_recommendation_id
from newfound.solutions import read_solution
from newfound.store.delta_log import Snapshot
from newfound.store.layout import Layout
from newfound.store.tables import Table
from newfound.store.versions import Version
from newfound.stories import Story, reason, tell

MAX_RESULTS = 500
MAX_RANKED = 500
BLOCK = 256


@dataclass(frozen=True, slots=True)
class Options:
    """How to answer, whoever asks; see the command line contract for each."""

    campaign: str = "default"
    num_results: int = 25
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
        if not 1 <= self.options.num_results <= MAX_RESULTS:
            raise UsageError(
                f"{self.options.num_results} results cannot be asked for", f"ask for 1 to {MAX_RESULTS}"
            )

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
        return find_filter(self.layout, self.options.filter) if self.options.filter else None

    @cached_property
    def at(self) -> int | None:
        """The time of the request, unless a request brings its own."""
        return None if self.options.at is None else request_time(self.options.at)

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

    def log(self, answers: Sequence[LoggedAnswer]) -> None:
        """Store responses durably, before anyone sees them."""
        log_answers(
            Table(self.layout, "recommendations"),
            answers,
            campaign=self.campaign.name,
            solution_version=self.version.name,
            settings=self.campaign.settings,
            events_seen=self.events.next_offset,
            filter_expression=self.filter.expression if self.filter else None,
            lock_timeout=self.lock_timeout,
        )


def recommend(
    layout: Layout,
    options: Options,
    user: str,
    rank_items: Sequence[str] | None,
    lock_timeout: float,
) -> dict[str, Any]:
    """Answer for one user; unknown users are no error. Raises UsageError, NotFoundError, InvalidFilterError."""
    desk = Desk(layout, options, lock_timeout)
    clauses = desk.clauses(options.filter_values or {})
    events = desk.new_events([user])
    name = new_recommendation_id()
    ranked = _candidates(rank_items)
    k = options.num_results if ranked is None else len(ranked)
    request = Request(user, k, seed_text(options.seed, user, name), desk.at, clauses, ranked)
    answer = desk.recommender.answer([request], events)[0]
    items = tuple(desk.bundle.item_id(code) for code in answer.slate.items.tolist())
    if options.log:
        desk.log([LoggedAnswer(name, items, answer, options.filter_values or {})])
    entries = [_entry(answer, k, item) for k, item in enumerate(items)]
    if options.explain:
        stories = tell(desk.bundle, answer.slate.items, desk.campaign.settings)
        entries = [
            entry | _explanation(desk, answer, k, story)
            for k, (entry, story) in enumerate(zip(entries, stories, strict=True))
        ]
    entries += [
        {"itemId": item, "score": None, "propensity": None, "explored": False}
        for item in _unknown(desk.bundle, ranked)
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
    try:
        return parse_time(text, math.inf)
    except InputRefusedError as error:
        raise UsageError(
            f"at: {error.message.removeprefix('sentAt: ')}", "write 1700000000 or 2023-11-14T22:13:20Z"
        ) from None


def seed_text(seed: int | None, user: str, recommendation_id: str) -> str:
    """Name the noise of one answer: the recommendationId, or the given seed and the user."""
    return recommendation_id if seed is None else f"{seed}:{user}"


def _candidates(rank_items: Sequence[str] | None) -> tuple[str, ...] | None:
    if rank_items is None:
        return None
    if not 1 <= len(rank_items) <= MAX_RANKED:
        raise UsageError(f"{len(rank_items)} items cannot be ranked", f"name 1 to {MAX_RANKED}")
    return tuple(rank_items)


def _unknown(bundle: Bundle, ranked: Sequence[str] | None) -> list[str]:
    """Items to rank that the version does not know: they follow the others, without a score."""
    return [item for item in dict.fromkeys(ranked or ()) if bundle.item_code(item) < 0]


def _entry(answer: Answer, k: int, item: str) -> dict[str, Any]:
    return {
        "itemId": item,
        "score": float(answer.scores[k]),
        "propensity": float(answer.slate.propensities[k]),
        "explored": bool(answer.slate.explored[k]),
        "young": bool(answer.sigma[k] > 0),
    }


def _explanation(desk: Desk, answer: Answer, k: int, story: Story) -> dict[str, Any]:
    young, code = desk.recommender.young, int(answer.slate.items[k])
    at = int(young.codes.searchsorted(code))
    taper = float(young.taper[at]) if at < len(young.codes) and young.codes[at] == code else 0.0
    bonus = desk.campaign.settings.gain * float(answer.sigma[k]) * taper * float(OPTIMISM)
    return {
        "relevance": float(answer.relevance[k]),
        "uncertainty": float(answer.sigma[k]),
        "explorationBonus": bonus,
        "ageDays": story.age_days,
        "impressions": story.shown,
        "clicks": story.clicked,
        "verdict": story.verdict,
        "reason": reason(story, bool(answer.slate.explored[k])),
    }


def recommend_batch(
    layout: Layout,
    options: Options,
    source: Path,
    output: Path,
    lock_timeout: float,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Answer JSON Lines of requests in order; a bad line reports its error and the job goes on.

    The output is replaced atomically. Raises NotFoundError for a missing input, UsageError for equal paths.
    """
    started = time.monotonic()
    if not source.is_file():
        raise NotFoundError(
            f"{source} is no file", 'give a file of JSON Lines such as {"userId": "1"}', str(source)
        )
    if source.resolve() == output.resolve():
        raise UsageError("input and output are the same file", "write to another file")
    desk = Desk(layout, options, lock_timeout)
    events = desk.new_events(None)
    lines = errors = 0
    with replacing(output) as target, source.open("rb") as file:
        waiting: list[LoggedAnswer] = []
        held: list[bytes] = []
        for block in _blocks(file):
            parsed = [_parse_line(desk, line) for line in block]
            rows, logged = _answer_block(desk, parsed, events)
            errors += sum(isinstance(entry, _BadLine) for entry in parsed)
            lines += len(block)
            held.extend(rows)
            waiting.extend(logged)
            if len(waiting) >= ROWS_PER_COMMIT:
                _release(desk, waiting, held, target)
            progress(Progress("recommend", lines))
        _release(desk, waiting, held, target)
    return {
        "input": str(source),
        "output": str(output),
        "lines": lines,
        "errors": errors,
        "campaign": desk.campaign.name,
        "solutionVersion": desk.version.name,
        "seconds": time.monotonic() - started,
    }


def _release(desk: Desk, waiting: list[LoggedAnswer], held: list[bytes], target: BinaryIO) -> None:
    """Log answers, then let their lines out."""
    if desk.options.log and waiting:
        desk.log(waiting)
    target.writelines(held)
    waiting.clear()
    held.clear()


@dataclass(frozen=True, slots=True)
class _BadLine:
    raw: Any
    error: str


@dataclass(frozen=True, slots=True)
class _Asked:
    raw: dict[str, Any]
    request: Request
    recommendation_id: str
    filter_values: Mapping[str, str]


def _blocks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    block: list[bytes] = []
    for line in lines:
        if line.strip():
            block.append(line)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def _parse_line(desk: Desk, line: bytes) -> _Asked | _BadLine:
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return _BadLine(line.decode(errors="replace").strip(), f"not JSON: {error}")
    try:
        return _asked(desk, raw)
    except NewfoundError as error:
        return _BadLine(raw, f"{error.message}; {error.hint}" if error.hint else error.message)


def _asked(desk: Desk, raw: Any) -> _Asked:  # noqa: ANN401  # any JSON value
    if not isinstance(raw, dict) or not isinstance(raw.get("userId"), str) or not raw["userId"]:
        raise InputRefusedError("a line needs a userId, a string", 'write {"userId": "1"}')
    items = raw.get("itemList")
    if items is not None and not (isinstance(items, list) and all(isinstance(item, str) for item in items)):
        raise InputRefusedError("itemList is not a list of strings", 'write "itemList": ["1", "2"]')
    values = raw.get("filterValues") or desk.options.filter_values or {}
    if not (isinstance(values, dict) and all(isinstance(value, str) for value in values.values())):
        raise InputRefusedError(
            "filterValues is not an object of strings", 'write "filterValues": {"TYPES": "\\"click\\""}'
        )
    at = request_time(str(raw["at"])) if raw.get("at") is not None else desk.at
    name = new_recommendation_id()
    seed = seed_text(desk.options.seed, raw["userId"], name)
    ranked = _candidates(items)
    k = desk.options.num_results if ranked is None else len(ranked)
    return _Asked(raw, Request(raw["userId"], k, seed, at, desk.clauses(values), ranked), name, values)


def _answer_block(
    desk: Desk, parsed: Sequence[_Asked | _BadLine], events: Mapping[str, Sequence[EventRow]]
) -> tuple[list[bytes], list[LoggedAnswer]]:
    asked = [entry for entry in parsed if isinstance(entry, _Asked)]
    answers = iter(desk.recommender.answer([entry.request for entry in asked], events) if asked else [])
    rows: list[bytes] = []
    logged: list[LoggedAnswer] = []
    for entry in parsed:
        if isinstance(entry, _BadLine):
            rows.append(orjson.dumps({"input": entry.raw, "output": None, "error": entry.error}) + b"\n")
            continue
        answer = next(answers)
        items = tuple(desk.bundle.item_id(code) for code in answer.slate.items.tolist())
        logged.append(LoggedAnswer(entry.recommendation_id, items, answer, entry.filter_values))
        unknown = _unknown(desk.bundle, entry.request.candidates)
        output = {
            "recommendationId": entry.recommendation_id if desk.options.log else None,
            "recommendedItems": [*items, *unknown],
            "scores": [*answer.scores.tolist(), *(None for _ in unknown)],
            "propensities": [*answer.slate.propensities.tolist(), *(None for _ in unknown)],
            "explored": [*answer.slate.explored.tolist(), *(False for _ in unknown)],
        }
        rows.append(orjson.dumps({"input": entry.raw, "output": output, "error": None}) + b"\n")
    return rows, logged
