"""Answer requests from a bundle: bring users up to date, score, explore, filter, take the top k (design §3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.event_rows import EventRow
from newfound.explore.policy import Slate, YoungItems, serve, young_items
from newfound.explore.settings import SECONDS_PER_DAY, ExplorationSettings
from newfound.serving.bundle import Bundle
from newfound.serving.filters import HistoryClause
from newfound.serving.history import HISTORY_FIELDS, History, recent_items, user_history
from newfound.serving.network import Floats
from newfound.serving.relevance import log_softmax_scores, relevance, static_relevance, uncertainty
from newfound.serving.user_state import STATE_FIELDS, Sequences, UserStates, advance, request_vectors


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
    """A bundle served with exploration settings; `now` is the wall clock, Unix seconds."""

    bundle: Bundle
    settings: ExplorationSettings
    now: int

    @cached_property
    def young(self) -> YoungItems:
        """Items that may be explored."""
        created = np.asarray(self.bundle.overlay["created"], np.int64)
        return young_items(created, self.bundle.meta.latest, self.settings)

    def answer(
        self, requests: Sequence[Request], new_events: Mapping[str, Sequence[EventRow]]
    ) -> list[Answer]:
        """Answer a block of requests; `new_events` are users' events since the bundle, in (time, offset) order."""
        answers = []
        for scored in self.score(requests, new_events):
            request = scored.request
            slate = serve(scored.showable, self.young, scored.sigma, self.settings, request.k, request.seed)
            scores = np.exp(scored.log_scores[slate.items])
            if request.candidates is not None:
                total = float(np.exp(scored.log_scores[scored.allowed]).sum())
                scores = scores / max(total, 1e-30)
            spread = np.zeros(self.bundle.n_items, np.float32)
            spread[self.young.codes] = scored.sigma
            relevant = scored.relevance[slate.items]
            answers.append(Answer(request, scored.at, slate, scores, relevant, spread[slate.items]))
        return answers

    def score(
        self, requests: Sequence[Request], new_events: Mapping[str, Sequence[EventRow]]
    ) -> Iterator[Scored]:
        """Score the whole catalogue for a block of requests; see `answer`."""
        types = self._types(requests, new_events)
        histories, states, at = self._bring_up_to_date(requests, new_events, types)
        bundle = self.bundle
        center = np.asarray(bundle.base["center"], np.float32)
        vectors = request_vectors(bundle.network, bundle.item_rows, states, at, center)
        features = bundle.user_features.of(vectors)
        values = self._relevance(vectors, features, [recent_items(history) for history in histories], at)
        log_scores = log_softmax_scores(values)
        sigma = uncertainty(bundle, features, self.young.codes)
        for row, request in enumerate(requests):
            allowed = self._allowed(request, histories[row], types)
            yield Scored(request, int(at[row]), values[row], log_scores[row], allowed, sigma[row])

    def _relevance(
        self, vectors: Floats, features: Floats, tails: list[NDArray[np.int32]], at: NDArray[np.int64]
    ) -> Floats:
        """Score a block; requests whose popularity has decayed equally long share the static part.

        How long is told in steps, so that a request is answered the same alone and among others.
        """
        reference = self.bundle.meta.popularity_reference
        steps = np.rint(DECAY_STEPS * np.log2(1.0 + np.maximum(at - reference, 0))).astype(np.int64)
        distinct, which = np.unique(steps, return_inverse=True)
        shared = [
            static_relevance(self.bundle, reference + round(2 ** (step / DECAY_STEPS) - 1))
            for step in distinct.tolist()
        ]
        stops = np.cumsum([len(tail) for tail in tails])
        starts = stops - np.array([len(tail) for tail in tails])
        items = np.concatenate([np.zeros(0, np.int32), *tails])
        static = shared[0] if len(shared) == 1 else np.stack(shared)[which]
        return relevance(self.bundle, vectors, features, (items, starts, stops), static)

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
    ) -> tuple[list[History], UserStates, NDArray[np.int64]]:
        """Histories, states and request times, with new events taken in and events after `at` left out.

        Without a stated time no event is left out: a clock that is ahead by minutes loses nothing.
        """
        bundle = self.bundle
        states = bundle.user_states([request.user for request in requests])
        at = np.empty(len(requests), np.int64)
        histories: list[History] = []
        pending: list[History] = []
        for row, request in enumerate(requests):
            known = user_history(bundle, request.user)
            fresh = self._encode(new_events.get(request.user, ()), types)
            own = int(max(known.times.max(initial=0), fresh.times.max(initial=0)))
            wall = min(self.now, max(bundle.meta.latest, own) + SECONDS_PER_DAY)
            at[row] = max(wall, own) if request.at is None else request.at
            fresh = fresh.rows(fresh.times <= at[row])
            past = known.times <= at[row]
            if not past.all():
                known = known.rows(past)
                fresh = _joined(known, fresh)
                known = known.rows(slice(0, 0))
                for name, blank in zip(STATE_FIELDS, _blank(bundle.network.size), strict=True):
                    getattr(states, name)[row] = blank
            histories.append(_joined(known, fresh))
            pending.append(fresh.rows(fresh.trained))
        sequences = Sequences(
            np.append(0, np.cumsum([len(part.items) for part in pending])).astype(np.int64),
            *(
                np.concatenate([getattr(part, name) for part in pending])
                for name in ("items", "times", "types")
            ),
        )
        if sequences.offsets[-1]:
            states = advance(bundle.network, bundle.item_rows, states, sequences)
        return histories, states, at

    def _encode(self, rows: Sequence[EventRow], types: Mapping[str, int]) -> History:
        """Encode streamed events; items that the version does not know have no effect yet."""
        known = [(self.bundle.item_code(row.item), row) for row in rows if row.item is not None]
        known = [(code, row) for code, row in known if code >= 0]
        return History(
            np.array([code for code, _ in known], np.int32),
            np.array([row.time for _, row in known], np.int64),
            np.array([types[row.type] for _, row in known], np.int16),
            np.array([row.counts for _, row in known], np.bool_),
        )

    def _allowed(
        self, request: Request, history: History, types: Mapping[str, int]
    ) -> NDArray[np.bool_] | None:
        """Mask the items (n_items,) that may be shown; None: all."""
        if not request.clauses and request.candidates is None:
            return None
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


DECAY_STEPS = 8
"""In how many steps, per doubling of the time since the newest count, popularity is taken to decay."""


def _matches(clause: HistoryClause, history: History, types: Mapping[str, int]) -> NDArray[np.int32]:
    """Items of the history whose event type the clause names."""
    if clause.event_types is None:
        return history.items[:0] if clause.negated else history.items
    wanted = [types[name] for name in clause.event_types if name in types]
    return history.items[np.isin(history.types, wanted, invert=clause.negated)]


def _joined(first: History, second: History) -> History:
    return History(
        *(np.concatenate([getattr(first, name), getattr(second, name)]) for name in HISTORY_FIELDS)
    )


def _blank(size: int) -> tuple[object, ...]:
    empty = UserStates.empty(1, size)
    return tuple(getattr(empty, name)[0] for name in STATE_FIELDS)
