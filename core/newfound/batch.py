"""`recommend` for many users: JSON Lines in, JSON Lines or Parquet out, block by block (CLI contract, recommend).

Blocks are answered in forked processes, one a processor, or in threads where this process cannot be copied. The log
and the output are written here alone.
"""

from __future__ import annotations

import os
import struct
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import orjson

from newfound.batch_output import Row, encode_json, encode_parquet
from newfound.dataset.event_rows import EventRow
from newfound.dataset.json_objects import without_mark
from newfound.dataset.output import replacing
from newfound.errors import InputRefusedError, NewfoundError, NotFoundError, ResourceError, UsageError
from newfound.progress import Progress, ProgressCallback
from newfound.recommending import (
    Desk,
    Options,
    candidates,
    checked_id,
    request_time,
    seed_text,
    unknown_items,
)
from newfound.serving.recommender import Request
from newfound.serving.response_log import ROWS_PER_COMMIT, LoggedAnswer, new_recommendation_id
from newfound.store.data_files import stream_parquet
from newfound.store.layout import Layout
from newfound.workers import can_fork, in_order

if TYPE_CHECKING:
    from arro3.core import Table as ArrowTable

Encoded = TypeVar("Encoded")

SUFFIXES = (".jsonl", ".ndjson", ".json", ".out", "", ".parquet")
"""Of the names of outputs; all but the last stand for JSON Lines."""
NO_ITEMS = np.zeros(0, np.int32)
_SIZES = struct.Struct("<QQQQ")
WORKERS = min(len(os.sched_getaffinity(0)), 8) if hasattr(os, "sched_getaffinity") else 2
"""Blocks that are answered at the same time."""
FIRST_LINES = 3
MAX_BLOCK = 512
BLOCK_CELLS = 4_000_000
"""A block of requests is scored at once: as many as have so many scores of items, at most MAX_BLOCK."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A line that asks: what it says, the request, and the name that its answer is logged by."""

    input: dict[str, Any]
    request: Request
    recommendation_id: str
    filter_values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Block(Generic[Encoded]):
    """The answers to some lines, `errors` of them bad: encoded, and as rows of the log (None: nothing to log)."""

    lines: int
    errors: int
    output: Encoded
    log: ArrowTable | None


@dataclass(slots=True)
class Tally:
    """Lines so far, and how many of them were bad."""

    lines: int = 0
    errors: int = 0


def recommend_batch(
    layout: Layout,
    options: Options,
    source: Path,
    output: Path,
    lock_timeout: float,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Answer JSON Lines of requests in order; a bad line reports its error and the job goes on.

    The output, Parquet if its name ends in `.parquet` and else JSON Lines, is replaced atomically. Raises
    NotFoundError for a missing input or an unknown filter, UsageError for equal paths or a name that promises another
    format, ResourceError for an input that cannot be read.
    """
    started = time.monotonic()
    if not source.is_file():
        raise NotFoundError(
            f"{source} is no file", 'give a file of JSON Lines such as {"userId": "1"}', str(source)
        )
    if source.resolve() == output.resolve():
        raise UsageError("input and output are the same file", "write to another file")
    if output.suffix not in SUFFIXES:
        raise UsageError(
            f"{output}: answers are written as JSON Lines or Parquet",
            "end the name in .jsonl or .parquet",
            str(output),
        )
    warnings = _doubts(source)
    desk = Desk(layout, options, lock_timeout)
    desk.refuse_early()
    tally = Tally()
    parquet = output.suffix == ".parquet"
    encode: Callable[[Sequence[Row]], Any] = encode_parquet if parquet else encode_json
    # Closed before an error is told: no process of ours outlives this.
    with replacing(output) as target, closing(_answered(desk, source, encode)) as answered:
        released = _released(desk, answered, tally, progress)
        if parquet:
            stream_parquet(target, encode([]).schema, released)
        else:
            target.writelines(released)
    return {
        "input": str(source),
        "output": str(output),
        **asdict(tally),
        "campaign": desk.campaign.name,
        "solutionVersion": desk.version.name,
        "seconds": time.monotonic() - started,
        "warnings": warnings,
    }


def _lines(source: Path) -> Generator[bytes]:
    """Read the lines of the input; raise ResourceError that names it."""
    try:
        with source.open("rb") as file:
            yield from without_mark(file)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "make it readable, then run the command again"
        raise ResourceError(f"{source}: {reason}", hint, str(source)) from error


def _doubts(source: Path) -> list[str]:
    """Say so if none of the first lines of the input begins an object; each would be refused by itself."""
    with closing(_lines(source)) as lines:
        first = list(islice(filter(bytes.strip, lines), FIRST_LINES))
    if not first or any(line.lstrip().startswith(b"{") for line in first):
        return []
    return [f'{source} does not look like JSON Lines: write {{"userId": "1"}} in each line']


def _answered(
    desk: Desk, source: Path, encode: Callable[[Sequence[Row]], Encoded]
) -> Generator[_Block[Encoded]]:
    """Answer block by block, in order, some blocks at a time."""
    events = desk.new_events(None)
    size = max(1, min(MAX_BLOCK, BLOCK_CELLS // desk.bundle.n_items))
    answer = partial(_answer_block, desk, events, encode)
    with closing(_lines(source)) as lines:
        several = len(list(islice(_blocks(lines, size), 2))) > 1
    if several and WORKERS > 1 and can_fork():

        def share(k: int, n: int) -> Iterator[bytes]:
            # Each reads the file by itself: copies of an open file would share its position.
            with closing(_lines(source)) as lines:
                yield from map(_packed, map(answer, islice(_blocks(lines, size), k, None, n)))

        with closing(in_order(share, WORKERS)) as packed:
            yield from (_unpacked(block, encode) for block in packed)
    else:
        with closing(_lines(source)) as lines:
            yield from _in_threads(answer, _blocks(lines, size))


def _packed(block: _Block[Encoded]) -> bytes:
    """Spell a block in bytes."""
    from newfound.store.data_files import to_ipc

    output = block.output if isinstance(block.output, bytes) else to_ipc(block.output)
    log = b"" if block.log is None else to_ipc(block.log)
    return _SIZES.pack(block.lines, block.errors, len(output), len(log)) + output + log


def _unpacked(packed: bytes, encode: Callable[[Sequence[Row]], Encoded]) -> _Block[Any]:
    """Read back what `_packed` made."""
    from newfound.store.data_files import from_ipc

    lines, errors, n_output, n_log = _SIZES.unpack_from(packed)
    body = memoryview(packed)[_SIZES.size :]
    output, log = body[:n_output], body[n_output:]
    return _Block(
        lines,
        errors,
        output if encode is encode_json else from_ipc(output),
        from_ipc(log) if n_log else None,
    )


def _in_threads(
    answer: Callable[[Sequence[bytes]], _Block[Encoded]], blocks: Iterable[Sequence[bytes]]
) -> Iterator[_Block[Encoded]]:
    """Answer blocks in order: numpy leaves the interpreter to another thread now and then."""
    from concurrent.futures import Future, ThreadPoolExecutor

    pool = ThreadPoolExecutor(WORKERS)
    ahead: deque[Future[_Block[Encoded]]] = deque()
    try:
        for lines in blocks:
            ahead.append(pool.submit(answer, lines))
            if len(ahead) > WORKERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _released(
    desk: Desk, answered: Iterable[_Block[Encoded]], tally: Tally, progress: ProgressCallback
) -> Iterator[Encoded]:
    """Log answers, many in one commit, and then let their encoded rows out."""
    waiting: list[_Block[Encoded]] = []
    for block in answered:
        waiting.append(block)
        tally.lines += block.lines
        tally.errors += block.errors
        if not desk.options.log or sum(held.lines - held.errors for held in waiting) >= ROWS_PER_COMMIT:
            yield from _logged(desk, waiting)
            waiting = []
        progress(Progress("recommend", tally.lines))
    yield from _logged(desk, waiting)


def _logged(desk: Desk, blocks: Sequence[_Block[Encoded]]) -> Iterator[Encoded]:
    """Store what is to be logged, and only then give the rows of the output."""
    desk.log([block.log for block in blocks if block.log is not None])
    for block in blocks:
        yield block.output


def _blocks(lines: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    block: list[bytes] = []
    for line in lines:
        if line.strip():
            block.append(line)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def _parse_line(desk: Desk, line: bytes) -> _Asked | Row:
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Row(line.decode(errors="replace").strip(), None, f"not JSON: {error}")
    try:
        return _asked(desk, raw)
    except NewfoundError as error:
        return Row(raw, None, f"{error.message}; {error.hint}" if error.hint else error.message)


def _asked(desk: Desk, raw: Any) -> _Asked:  # noqa: ANN401  # any JSON value
    if not isinstance(raw, dict) or raw.get("userId") is None:
        raise InputRefusedError("a line needs a userId", 'write {"userId": "1"}')
    user, items = checked_id(raw["userId"], "userId"), raw.get("itemList")
    if items is not None and not isinstance(items, list):
        raise InputRefusedError("itemList is not a list", 'write "itemList": ["1", "2"]')
    values = raw.get("filterValues") or desk.options.filter_values or {}
    if not (isinstance(values, dict) and all(isinstance(value, str) for value in values.values())):
        raise InputRefusedError(
            "filterValues is not an object of strings", 'write "filterValues": {"TYPES": "\\"click\\""}'
        )
    at = request_time(str(raw["at"])) if raw.get("at") is not None else desk.at
    name = new_recommendation_id()
    seed = seed_text(desk.options.seed, user, name)
    ranked = candidates(items)
    k = desk.num_results(ranked)
    return _Asked(raw, Request(user, k, seed, at, desk.clauses(values), ranked), name, values)


def _answer_block(
    desk: Desk,
    events: Mapping[str, Sequence[EventRow]],
    encode: Callable[[Sequence[Row]], Encoded],
    lines: Sequence[bytes],
) -> _Block[Encoded]:
    parsed = [_parse_line(desk, line) for line in lines]
    asked = [entry for entry in parsed if isinstance(entry, _Asked)]
    answers = desk.recommender.answer([entry.request for entry in asked], events) if asked else []
    item_ids = desk.bundle.item_ids(np.concatenate([NO_ITEMS, *(answer.slate.items for answer in answers)]))
    bounds = np.cumsum([0, *(len(answer.slate.items) for answer in answers)]).tolist()
    logged = [
        LoggedAnswer(entry.recommendation_id, item_ids[low:high], answer, entry.filter_values)
        for entry, answer, (low, high) in zip(asked, answers, pairwise(bounds), strict=True)
    ]
    answered = iter([_row(desk, entry, answer) for entry, answer in zip(asked, logged, strict=True)])
    rows = [entry if isinstance(entry, Row) else next(answered) for entry in parsed]
    log = desk.log_rows(logged) if desk.options.log and logged else None
    return _Block(len(rows), len(rows) - len(logged), encode(rows), log)


def _row(desk: Desk, entry: _Asked, logged: LoggedAnswer) -> Row:
    answer, request = logged.answer, entry.request
    unknown = unknown_items(desk.bundle, request.candidates, request.k - len(logged.item_ids))
    output: dict[str, Any] = {
        "recommendationId": logged.recommendation_id if desk.options.log else None,
        "recommendedItems": [*logged.item_ids, *unknown],
        "scores": answer.scores.astype(np.float64),
        "propensities": answer.slate.propensities,
        "explored": answer.slate.explored,
    }
    if unknown:
        endings = {"scores": None, "propensities": None, "explored": False}
        output |= {name: [*output[name].tolist(), *(end for _ in unknown)] for name, end in endings.items()}
    return Row(entry.input, output, None)
