"""Answer requests from a bundle: bring users up to date, score, explore, filter, take the top k (design §3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.event_rows import EventRow
from newfound.explore.policy import Chooser, Slate, YoungItems, serve_block, young_items
from newfound.explore.settings import SECONDS_PER_DAY, ExplorationSettings
from newfound.hashing import hash64_many
from newfound.serving.bundle import Bundle
from newfound.serving.history import History, by_owner, trained_items, user_histories
from newfound.serving.network import Floats
from newfound.serving.relevance import log_totals, relevance, static_relevance_at, tastes, uncertainty
from newfound.serving.user_state import STATE_FIELDS, Sequences, UserStates, advance, request_vectors

if TYPE_CHECKING:
    from newfound.serving.filters import HistoryClause


@dataclass(frozen=True, slots=True)
class Request:
    """One question for k items. `seed`: the text that the noise comes from; `at`: Unix time, None for now;

    clauses: bound filters; candidates: item ids to rank, None for the whole catalogue.
    """

    user: str
    k: int
    seed: str
    at: int | None = None
    clauses: tuple[HistoryClause, ...] = ()
    candidates: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is shown, best first, with what the policy knew. Arrays have one entry per slot.

    codes: item codes; scores: softmax of relevance over the catalogue (over the candidates where given);
    sigma is 0 for items that are not young.
    """

    request: Request
    at: int
    slate: Slate
    scores: Floats
    relevance: Floats
    sigma: Floats


@dataclass(frozen=True, slots=True)
class Scored:
    """A request before anything is chosen: all that the policy needs to know.

    relevance, log_scores: (n_items,), log_scores of the softmax over the catalogue; allowed: mask of the items that
    may be shown, None for all; sigma: (m,) of the recommender's young items.
    """

    request: Request
    at: int
    relevance: Floats
    log_scores: Floats
    allowed: NDArray[np.bool_] | None
    sigma: Floats

    @property
    def showable(self) -> Floats:
        """Relevance (n_items,), -inf for items that must not be shown."""
        return self.relevance if self.allowed is None else np.where(self.allowed, self.relevance, -np.inf)


@dataclass(frozen=True)
class Recommender:
    """A bundle served with exploration settings; `now` is the wall clock, Unix seconds; `choose`: the policy."""

    bundle: Bundle
    settings: ExplorationSettings
    now: int
    choose: Chooser = serve_block

    @cached_property
    def young(self) -> YoungItems:
        """Items that may be explored."""
        bundle = self.bundle
        created = np.asarray(bundle.overlay["created"], np.int64)
        return young_items(created, bundle.unknown, bundle.lasting, bundle.meta.latest, self.settings)

    def answer(
        self, requests: Sequence[Request], new_events: Mapping[str, Sequence[EventRow]]
    ) -> list[Answer]:
        """Answer a block of requests; `new_events` are users' events since the bundle, in (time, offset) order."""
        at, values, masks, sigma = self._scores(requests, new_events)
        totals = log_totals(values)
        shown = values
        for row, (request, allowed) in enumerate(zip(requests, masks, strict=True)):
            if allowed is None:
                continue
            shown = values.copy() if shown is values else shown
            shown[row, ~allowed] = -np.inf
            if request.candidates is not None and allowed.any():
                totals[row] = log_totals(values[row, allowed][None])[0]
        return self._answers(requests, at, self._slates(requests, shown, sigma), values, totals, sigma)

    def score(
        self, requests: Sequence[Request], new_events: Mapping[str, Sequence[EventRow]]
    ) -> Iterator[Scored]:
        """Score the whole catalogue for a block of requests; see `answer`."""
        at, values, masks, sigma = self._scores(requests, new_events)
        totals = log_totals(values)
        for row, request in enumerate(requests):
            logs = values[row] - totals[row]
            yield Scored(request, int(at[row]), values[row], logs, masks[row], sigma[row])

    def _scores(
        self, requests: Sequence[Request], new_events: Mapping[str, Sequence[EventRow]]
    ) -> tuple[NDArray[np.int64], Floats, list[NDArray[np.bool_] | None], Floats]:
        """Times (n,), relevance (n, n_items), masks of what may be shown (None: all), and sigma (n, m)."""
        types = self._types(requests, new_events)
        past, states, at = self._bring_up_to_date(requests, new_events, types)
        bundle = self.bundle
        center = np.asarray(bundle.base["center"], np.float32)
        vectors = request_vectors(bundle.network, bundle.item_rows, states, at, center)
        tails = trained_items(*past, len(requests))
        taste = tastes(bundle, *tails)
        values = relevance(bundle, vectors, taste, tails, static_relevance_at(bundle, at))
        self._discount(values, requests, at)
        bounds = np.searchsorted(past[0], np.arange(len(requests) + 1)).tolist()
        masks = [
            self._allowed(request, past[1], slice(low, high), types)
            for request, (low, high) in zip(requests, pairwise(bounds), strict=True)
        ]
        sigma = uncertainty(bundle, self.young.codes)
        return at, values, masks, np.broadcast_to(sigma, (len(requests), len(sigma)))

    def _discount(self, values: Floats, requests: Sequence[Request], at: NDArray[np.int64]) -> None:
        """Lower the relevance, in place, of what these people were shown before and did not click."""
        learned = self.bundle.learned
        if len(learned.displays.user):
            keys = hash64_many([request.user for request in requests])
            owner, items, looks = learned.displays.of_users(keys, at)
            values[owner, items] -= np.float32(learned.discount) * np.log1p(looks)

    def _answers(
        self,
        requests: Sequence[Request],
        at: NDArray[np.int64],
        slates: Sequence[Slate],
        values: Floats,
        totals: Floats,
        sigma: Floats,
    ) -> list[Answer]:
        """Describe what is shown: values and sigma as `serve_block` saw them, totals from `log_totals`."""
        bounds = np.append(0, np.cumsum([len(slate.items) for slate in slates]))
        row = np.repeat(np.arange(len(slates)), np.diff(bounds))
        items = np.concatenate([slate.items for slate in slates])
        relevance = values[row, items]
        scores = np.exp(relevance - totals[row])
        codes = np.append(self.young.codes, -1)
        place = np.searchsorted(self.young.codes, items)
        spread = np.where(codes[place] == items, np.pad(sigma, ((0, 0), (0, 1)))[row, place], np.float32(0))
        return [
            Answer(request, when, slate, scores[low:high], relevance[low:high], spread[low:high])
            for request, when, slate, (low, high) in zip(
                requests, at.tolist(), slates, pairwise(bounds.tolist()), strict=True
            )
        ]

    def _slates(self, requests: Sequence[Request], shown: Floats, sigma: Floats) -> list[Slate]:
        """Choose the items of each request, those for equally many at a time."""
        slates: dict[int, Slate] = {}
        wanted = np.array([request.k for request in requests])
        for k in sorted(set(wanted.tolist())):
            rows = np.flatnonzero(wanted == k)
            some = slice(None) if len(rows) == len(requests) else rows
            seeds = [requests[row].seed for row in rows.tolist()]
            block = self.choose(shown[some], self.young, sigma[some], self.settings, k, seeds)
            slates |= zip(rows.tolist(), block, strict=True)
        return [slates[row] for row in range(len(requests))]

    def _types(
        self, requests: Sequence[Request], new_events: Mapping[str, Sequence[EventRow]]
    ) -> dict[str, int]:
        """Codes of event types: those of the bundle, then those that came after it."""
        fresh = (row.type for request in requests for row in new_events.get(request.user, ()))
        names = dict.fromkeys([*self.bundle.meta.type_names, *fresh])
        return {name: code for code, name in enumerate(names)}

    def _bring_up_to_date(
        self,
        requests: Sequence[Request],
        new_events: Mapping[str, Sequence[EventRow]],
        types: Mapping[str, int],
    ) -> tuple[tuple[NDArray[np.int64], History], UserStates, NDArray[np.int64]]:
        """Past interactions and whose they are, states and request times, with new events taken in.

        Events after a stated time are left out. Without one, none is: a clock that is ahead by minutes loses nothing.
        """
        bundle = self.bundle
        users = [request.user for request in requests]
        known_owner, known = user_histories(bundle, users)
        fresh_owner, fresh = self._encode([new_events.get(user, ()) for user in users], types)
        own = np.zeros(len(users), np.int64)
        np.maximum.at(own, known_owner, known.times)
        np.maximum.at(own, fresh_owner, fresh.times)
        wall = np.minimum(self.now, np.maximum(bundle.meta.latest, own) + SECONDS_PER_DAY)
        stated = [request.at for request in requests]
        at = np.array(
            [
                now if then is None else then
                for then, now in zip(stated, np.maximum(wall, own).tolist(), strict=True)
            ],
            np.int64,
        )
        states = bundle.user_states(users)
        later = known.times > at[known_owner]
        rewound = np.bincount(known_owner[later], minlength=len(users)) > 0
        for name in STATE_FIELDS:
            getattr(states, name)[rewound] = getattr(UserStates.empty(1, bundle.network), name)[0]
        known_owner, known = known_owner[~later], known.rows(~later)
        due = fresh.times <= at[fresh_owner]
        fresh_owner, fresh = fresh_owner[due], fresh.rows(due)
        again = rewound[known_owner]
        owner, pending = by_owner((known_owner[again], fresh_owner), (known.rows(again), fresh))
        owner, pending = owner[pending.trained], pending.rows(pending.trained)
        if len(owner):
            offsets = np.append(0, np.cumsum(np.bincount(owner, minlength=len(users))))
            sequences = Sequences(offsets, pending.items, pending.times, pending.types)
            states = advance(bundle.network, bundle.item_rows, states, sequences)
        if len(fresh_owner):
            known_owner, known = by_owner((known_owner, fresh_owner), (known, fresh))
        return (known_owner, known), states, at

    def _encode(
        self, events: Sequence[Sequence[EventRow]], types: Mapping[str, int]
    ) -> tuple[NDArray[np.int64], History]:
        """Encode streamed events of users; items that the version does not know have no effect yet."""
        rows = [
            (user, code, row)
            for user, own in enumerate(events)
            for row in own
            if row.item is not None and (code := self.bundle.item_code(row.item)) >= 0
        ]
        return np.array([user for user, *_ in rows], np.int64), History(
            np.array([code for _, code, _ in rows], np.int32),
            np.array([row.time for *_, row in rows], np.int64),
            np.array([types[row.type] for *_, row in rows], np.int16),
            np.array([row.counts for *_, row in rows], np.bool_),
        )

    def _allowed(
        self, request: Request, histories: History, own: slice, types: Mapping[str, int]
    ) -> NDArray[np.bool_] | None:
        """Mask the items (n_items,) that may be shown, given where the user's history is; None: all."""
        if not request.clauses and request.candidates is None:
            return None
        history = histories.rows(own)
        included = [clause for clause in request.clauses if clause.include]
        allowed = np.full(self.bundle.n_items, not included)
        for clause in included:
            allowed[_matches(clause, history, types)] = True
        for clause in request.clauses:
            if not clause.include:
                allowed[_matches(clause, history, types)] = False
        if request.candidates is not None:
            named = np.zeros_like(allowed)
            codes = np.array([self.bundle.item_code(item) for item in request.candidates], np.int64)
            named[codes[codes >= 0]] = True
            allowed &= named
        return allowed


def _matches(clause: HistoryClause, history: History, types: Mapping[str, int]) -> NDArray[np.int32]:
    """Items of the history whose event type the clause names."""
    if clause.event_types is None:
        return history.items[:0] if clause.negated else history.items
    wanted = [types[name] for name in clause.event_types if name in types]
    return history.items[np.isin(history.types, wanted, invert=clause.negated)]
