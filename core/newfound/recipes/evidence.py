"""From events to evidence: which lists were shown, what was clicked in them, by whom in which state (design §4).

One slate is one response or one explicit list. An explicit list wins over the response that the same event names.
A response that no event refers to is no evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.event_rows import EventRow, Response
from newfound.explore.posterior import Posteriors, Trials, corrections
from newfound.hashing import hash64
from newfound.serving.bundle import Bundle
from newfound.serving.network import Floats
from newfound.serving.relevance import log_softmax_scores, relevance, static_relevance, tastes
from newfound.serving.user_state import Sequences, UserStates, advance, request_vectors

SAME_DISPLAY_SECONDS = 3_600
BLOCK_USERS = 256
EXPLICIT = 0x9E3779B97F4A7C15
"""Turns the key of a slate into the one that says that its explicit list was counted."""


@dataclass(slots=True)
class Slate:
    """One displayed list; `scores` None for an explicit one, whose order means nothing; `response`: what was served."""

    key: int
    user: str
    time: int
    offset: int
    items: tuple[str, ...]
    scores: tuple[float, ...] | None
    response: Response | None = None
    clicked: set[str] = field(default_factory=set)


def slate_key(row: EventRow) -> int:
    """Name the slate that an event refers to: its response, else the same list within a session or an hour."""
    if row.recommendation_id:
        return hash64(f"response {row.recommendation_id}")
    display = row.session or str(row.time // SAME_DISPLAY_SECONDS)
    return hash64("\x00".join(("list", row.user, display, *(row.impression or ()))))


def collect_slates(rows: Iterable[EventRow], responses: Mapping[str, Response]) -> list[Slate]:
    """Gather the slates that events refer to, with all clicks on them; rows come in (time, offset) order."""
    slates: dict[int, Slate] = {}
    for row in rows:
        response = responses.get(row.recommendation_id) if row.recommendation_id else None
        if row.impression is None and response is None:
            continue
        key = slate_key(row)
        if key not in slates:
            slates[key] = Slate(key, row.user, row.time, row.offset, (), None)
        slate = slates[key]
        slate.response = response
        if row.impression is not None:
            slate.items, slate.scores = row.impression, None
        elif response is not None and not slate.items:
            slate.items, slate.scores = response.items, response.scores
        if row.item is not None and row.counts:
            slate.clicked.add(row.item)
    return list(slates.values())


def counted_keys(slates: Collection[Slate]) -> NDArray[np.uint64]:
    """What to remember of slates that were counted, sorted: their keys, and of explicit lists another one."""
    keys = {slate.key for slate in slates} | {
        slate.key ^ EXPLICIT for slate in slates if slate.scores is None
    }
    return np.array(sorted(keys), np.uint64)


def click_keys(slates: Iterable[Slate]) -> dict[int, str]:
    """Name the clicks on what slates show: the item by the key."""
    return {
        hash64(f"{slate.key} {item}"): item for slate in slates for item in slate.clicked & set(slate.items)
    }


def build_trials(
    bundle: Bundle,
    slates: list[Slate],
    vectors: Floats,
    tails: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]],
    wanted: NDArray[np.bool_],
    served_by: Mapping[str, Posteriors] | None,
) -> Trials:
    """Turn slates into trials of the `wanted` items (mask over item codes).

    vectors: (n_slates, d), the user's vector when each was shown; tails: the user's last items before it.
    A logged score holds the correction of the version that served it, which is taken out again, lest the new posterior
    count what it has learned a second time: `served_by` has these posteriors, as far as they are known. Explicit lists
    and rankings of given items are scored by this bundle, and all lists where `served_by` is None, for logged scores
    are of another network then.
    """
    taste = tastes(bundle, *tails)
    features = bundle.user_features(taste)
    flat = iter(bundle.item_codes([item for slate in slates for item in slate.items]).tolist())
    codes = [list(islice(flat, len(slate.items))) for slate in slates]
    logged = [_is_scored(slate) and served_by is not None for slate in slates]
    anew = np.flatnonzero(~np.array(logged, np.bool_))
    log_scores = dict(zip(anew.tolist(), _log_scores(bundle, vectors, taste, tails, anew), strict=True))
    parts: list[tuple[int, int, float, int, bool, int]] = []
    for k, slate in enumerate(slates):
        first: set[int] = set()
        for position, (item, code) in enumerate(zip(slate.items, codes[k], strict=True), start=1):
            if code < 0 or code in first or not wanted[code]:
                continue
            first.add(code)
            shown_at = position if slate.scores is not None else 0
            if slate.scores is not None and logged[k]:
                score = float(np.log(max(slate.scores[position - 1], 1e-12)))
            else:
                score = float(log_scores[k][code])
            parts.append((code, k, score, shown_at, item in slate.clicked, slate.key))
    if not parts:
        return Trials.empty(features.shape[1])
    code_column, slate_column, score_column, position_column, clicked_column, key_column = zip(
        *parts, strict=True
    )
    own = features[np.array(slate_column)]
    items = np.array(code_column, np.int32)
    held = np.zeros(len(items), np.float32)
    sources = np.array(
        [
            slate.response.version if slate.response and known else None
            for slate, known in zip(slates, logged, strict=True)
        ],
        object,
    )
    for version, posteriors in [(None, bundle.posteriors), *(served_by or {}).items()]:
        of_it = np.flatnonzero(sources[np.array(slate_column)] == version)
        held[of_it] = corrections(posteriors, items[of_it], own[of_it])
    return Trials(
        items,
        own,
        np.array(score_column, np.float32) - held,
        np.array(position_column, np.int16),
        np.array(clicked_column, np.bool_),
        np.array(key_column, np.uint64),
    )


def _is_scored(slate: Slate) -> bool:
    """Whether its logged scores are shares of the whole catalogue."""
    return slate.scores is not None and not (slate.response and slate.response.ranked)


def _log_scores(
    bundle: Bundle,
    vectors: Floats,
    taste: Floats,
    tails: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]],
    chosen: NDArray[np.int64],
) -> Iterable[Floats]:
    static = static_relevance(bundle, bundle.meta.popularity_reference)
    items, starts, stops = tails
    for low in range(0, len(chosen), BLOCK_USERS):
        block = chosen[low : low + BLOCK_USERS]
        values = relevance(bundle, vectors[block], taste[block], (items, starts[block], stops[block]), static)
        yield from log_softmax_scores(values)


def vectors_when_shown(
    bundle: Bundle,
    states: UserStates,
    sequences: Sequences,
    user: NDArray[np.int64],
    after: NDArray[np.int64],
    at: NDArray[np.int64],
) -> tuple[Floats, UserStates]:
    """User vectors (n_slates, d) at the moment of each slate, and the users' states after all new events.

    states, sequences: the users before their new events, and those events; slate s is of user `user[s]`, after
    `after[s]` of them, at Unix time `at[s]`.
    """
    out = np.empty((len(user), bundle.network.size), np.float32)
    by_moment: dict[int, NDArray[np.int64]] = {int(j): np.flatnonzero(after == j) for j in np.unique(after)}

    def see(slates: NDArray[np.int64], seen: UserStates) -> None:
        out[slates] = request_vectors(
            bundle.network, bundle.item_rows, seen, at[slates], bundle.base["center"]
        )

    def observe(j: int, users: NDArray[np.int64], seen: UserStates) -> None:
        slates = by_moment.get(j)
        if slates is None:
            return
        row = np.full(len(states.item), -1)
        row[users] = np.arange(len(users))
        present = row[user[slates]] >= 0
        if present.any():
            see(slates[present], seen.rows(row[user[slates[present]]]))

    final = advance(bundle.network, bundle.item_rows, states, sequences, observe)
    last = np.flatnonzero(after == np.diff(sequences.offsets)[user]) if len(user) else np.zeros(0, np.int64)
    if len(last):
        see(last, final.rows(user[last]))
    return out, final
