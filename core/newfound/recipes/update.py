"""UPDATE: a new version in seconds, without a gradient step and without JAX (model specification §4).

Its cost follows the new events and items: arrays of the FULL version are shared, what changed since lies in the
overlay, and only small per-item arrays are written anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from newfound.dataset import popularity, rules
from newfound.dataset.event_rows import EventRow, Response
from newfound.explore.displays import Displays
from newfound.explore.learned import Learned, calibrated, learned_arrays
from newfound.explore.posterior import TRIAL_FIELDS, Trials, fit_sharing
from newfound.explore.prior import prior_factor
from newfound.explore.settings import SECONDS_PER_DAY, ExplorationSettings
from newfound.recipes.catalogue import Record
from newfound.recipes.evidence import (
    EXPLICIT,
    Slate,
    click_keys,
    collect_slates,
    counted_keys,
    vectors_when_shown,
)
from newfound.recipes.items import with_new_items
from newfound.recipes.refitting import newest_organic, refit_blend
from newfound.recipes.trials import build_trials
from newfound.recipes.users import Batch, batch_by_user, changed_users
from newfound.serving.arrays import Array
from newfound.serving.bundle import Bundle
from newfound.serving.history import Tails, join_tails
from newfound.serving.network import Floats
from newfound.serving.user_state import UserStates, request_vectors

KNOWN_EVENTS = 500
"""An item with so many events at FULL keeps no trials: its prior is narrower than they could make it."""
AGE_JUMP_DAYS = 7


@dataclass(frozen=True, slots=True)
class UpdateInputs:
    """What arrived since the parent: event rows in (time, offset) order, responses they name, item records;

    served_by: what the versions that gave the responses had learned, as far as they share the parent's codes.
    """

    rows: Sequence[EventRow]
    responses: Mapping[str, Response]
    records: Sequence[Record]
    event_offset: int
    item_record_offset: int
    served_by: Mapping[str, Learned] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """The new bundle, whose base arrays are the parent's, and what went into it."""

    bundle: Bundle
    new_items: int
    impressions: int
    warnings: list[str]


def update(parent: Bundle, inputs: UpdateInputs, seed: int) -> UpdateResult:
    """Fold new events, impressions and items into a new bundle. The same inputs give the same bytes."""
    types = (row.type for row in inputs.rows if row.item is not None)
    type_names = tuple(dict.fromkeys([*parent.meta.type_names, *types]))
    slates = collect_slates(inputs.rows, inputs.responses)
    grown, n_new = with_new_items(parent, inputs.records, inputs.rows)
    batch = batch_by_user(grown, inputs.rows, slates, type_names)
    before = grown.user_states(batch.users)
    tails = join_tails(grown, batch.users, batch.trained)
    organic = newest_organic(grown, batch)
    fresh, displays, vectors, after = _fresh_trials(
        grown, slates, organic, batch, before, tails, inputs.served_by
    )
    trials = _merged_trials(grown, fresh, slates)
    counts = _popularity(grown, batch)
    blend, examples = refit_blend(grown, batch, organic, vectors, tails, seed)
    calibration = calibrated(trials, grown.posteriors, grown.meta.calibration)
    meta = replace(
        grown.meta,
        latest=max([grown.meta.latest, *(row.time for row in inputs.rows)]),
        popularity_reference=counts.reference,
        event_offset=inputs.event_offset,
        item_record_offset=inputs.item_record_offset,
        type_names=type_names,
        blend=blend,
        calibration=calibration,
    )
    overlay = dict(grown.overlay) | _item_counts(grown, slates, batch)
    overlay |= examples
    overlay["popularity"] = counts.values
    overlay |= changed_users(grown, inputs.rows, batch, after, type_names)
    overlay |= _extra_rules(grown, tails)
    overlay |= _clicker_rows(grown, overlay, batch, after)
    overlay["prior_factor"] = _prior_factor(grown, overlay)
    prior = overlay["prior_factor"][:, None] * np.asarray(grown.base["prior_variance"], np.float32)
    newcomers = np.asarray(overlay["organic_at_full"]) == 0
    posteriors, scale = fit_sharing(trials, prior, calibration, newcomers)
    overlay |= learned_arrays(trials, displays, posteriors)
    result = Bundle(replace(meta, newcomer_scale=scale), parent.base, overlay)
    impressions = sum(len(slate.items) for slate in _first_shown(parent, slates))
    return UpdateResult(result, n_new, impressions, _age_warnings(parent, result))


def _popularity(bundle: Bundle, batch: Batch) -> popularity.DecayedPopularity:
    """Count new events; a click in a list counts as far as no posterior learns from it, or it would count twice."""
    known = 1 - np.asarray(bundle.overlay["prior_factor"])[batch.trained.items]
    weights = np.where(batch.organic, np.float32(1), known)
    return popularity.updated(
        bundle.popularity, batch.trained.items, batch.trained.times, bundle.n_items, weights
    )


def _fresh_trials(
    bundle: Bundle,
    slates: list[Slate],
    organic: NDArray[np.int64],
    batch: Batch,
    before: UserStates,
    tails: Tails,
    served_by: Mapping[str, Learned],
) -> tuple[Trials, Displays, Floats, UserStates]:
    """Trials of the new slates in the state each user was in, what everyone was shown up to now, vectors just before

    the organic events, states after.
    """
    row_of = {user: k for k, user in enumerate(batch.users)}
    owner = np.array([row_of[slate.user] for slate in slates], np.int64)
    position = np.array([batch.shown_after[slate.offset] for slate in slates], np.int64)
    moments = np.array([slate.time for slate in slates], np.int64)
    chooser = np.searchsorted(batch.trained.offsets, organic, side="right") - 1
    vectors, after = vectors_when_shown(
        bundle,
        before,
        batch.trained,
        np.concatenate([owner, chooser]),
        np.concatenate([position, organic - batch.trained.offsets[chooser]]),
        np.concatenate([moments, batch.trained.times[organic]]),
    )
    shown_tails = (tails.items, tails.starts[owner], tails.fresh[owner] + position)
    wanted = np.asarray(bundle.overlay["events_at_full"]) < KNOWN_EVENTS
    owners = [slate.user for slate in slates]
    shown = vectors[: len(slates)]
    trials, displays = build_trials(bundle, slates, owners, shown, shown_tails, wanted, served_by)
    return trials, displays, vectors[len(slates) :], after


def _merged_trials(bundle: Bundle, fresh: Trials, slates: Sequence[Slate]) -> Trials:
    """Add fresh trials; a late click on a slate already counted turns its trial into a success.

    Trials of a response give way to those of an explicit list that comes later.
    """
    old = Trials(*(np.asarray(bundle.overlay[f"trial_{name}"]) for name in TRIAL_FIELDS))
    explicit = np.array([slate.key for slate in slates if slate.scores is None], np.uint64)
    outdated = (old.position > 0) & np.isin(old.key, explicit)
    fresh = fresh.rows(~np.isin(fresh.key, old.key[~outdated]))
    clicks = {(slate.key, bundle.item_code(item)) for slate in slates for item in slate.clicked}
    before = old.rows(outdated & old.clicked)
    clicks |= set(zip(before.key.tolist(), before.item.tolist(), strict=True))
    old = old.rows(~outdated)
    return Trials.concatenate([_with_clicks(old, clicks), _with_clicks(fresh, clicks)])


def _with_clicks(trials: Trials, clicks: set[tuple[int, int]]) -> Trials:
    clicked = trials.clicked.copy()
    for k in np.flatnonzero(np.isin(trials.key, np.array([key for key, _ in clicks], np.uint64))):
        clicked[k] |= (int(trials.key[k]), int(trials.item[k])) in clicks
    return replace(trials, clicked=clicked)


def _first_shown(bundle: Bundle, slates: Sequence[Slate]) -> list[Slate]:
    """Slates that no earlier UPDATE has counted; a later click on one of those shows it no second time."""
    counted = np.isin(np.array([slate.key for slate in slates], np.uint64), bundle.overlay["slate_keys"])
    return [slate for slate, old in zip(slates, counted, strict=True) if not old]


def _relisted(bundle: Bundle, slates: Sequence[Slate]) -> list[Slate]:
    """Explicit lists of responses that an earlier UPDATE, or FULL, has counted as they were served."""
    counted = bundle.overlay["slate_keys"]
    listed = [slate for slate in slates if slate.scores is None and slate.response]
    keys = np.array([slate.key for slate in listed], np.uint64)
    again = np.isin(keys, counted) & ~np.isin(keys ^ np.uint64(EXPLICIT), counted)
    return [slate for slate, is_new in zip(listed, again, strict=True) if is_new]


def _item_counts(bundle: Bundle, slates: Sequence[Slate], batch: Batch) -> dict[str, Array]:
    """Events, impressions and clicks per item, each slate and each click on it once."""
    n = bundle.n_items
    first, relisted = _first_shown(bundle, slates), _relisted(bundle, slates)
    taken_back = (slate.response.items for slate in relisted if slate.response)
    shown = _per_item(bundle, (slate.items for slate in (*first, *relisted))) - _per_item(bundle, taken_back)
    clicks = click_keys(slates)
    keys = np.array(list(clicks), np.uint64)
    codes = bundle.item_codes(list(clicks.values()))[~np.isin(keys, bundle.overlay["click_keys"])]
    clicked = np.bincount(codes, minlength=n)
    events = np.bincount(batch.trained.items, minlength=n)
    return {
        "events": bundle.overlay["events"] + events,
        "organic": bundle.overlay["organic"] + np.bincount(batch.trained.items[batch.organic], minlength=n),
        "shown": bundle.overlay["shown"] + shown,
        "clicked": bundle.overlay["clicked"] + clicked,
        "slate_keys": np.union1d(bundle.overlay["slate_keys"], counted_keys(slates)),
        "click_keys": np.union1d(bundle.overlay["click_keys"], keys),
    }


def _per_item(bundle: Bundle, lists: Iterable[Iterable[str]]) -> NDArray[np.int64]:
    """In how many of the lists each item stands, (n_items,)."""
    codes = bundle.item_codes([item for items in lists for item in set(items)])
    return np.bincount(codes[codes >= 0], minlength=bundle.n_items)


def _extra_rules(bundle: Bundle, tails: Tails) -> dict[str, Array]:
    """Sequential rules from events since FULL."""
    table = rules.updated(
        bundle.rules[1], tails.items, tails.starts, tails.fresh, tails.stops, bundle.n_items
    )
    return {"rules_offsets": table.offsets, "rules_items": table.items, "rules_values": table.values}


def _clicker_rows(
    bundle: Bundle, overlay: Mapping[str, Array], batch: Batch, after: UserStates
) -> dict[str, Array]:
    """Move items without metadata toward the users who chose them: their vectors say who likes the item."""
    own = np.asarray(overlay["row_item"])
    if not len(own) or not len(batch.trained.items):
        return {}
    nobody = np.asarray(bundle.base["center"], np.float32)
    vectors: Floats = request_vectors(bundle.network, bundle.item_rows, after, after.time, nobody) - nobody
    owner = np.repeat(np.arange(len(batch.users)), np.diff(batch.trained.offsets))
    at = np.minimum(np.searchsorted(own, batch.trained.items), len(own) - 1)
    blank = (own[at] == batch.trained.items) & ~np.asarray(overlay["described"])[own[at]]
    sums, counts = np.array(overlay["clicker_sum"]), np.array(overlay["clicker_count"])
    np.add.at(sums, at[blank], vectors[owner[blank]])
    np.add.at(counts, at[blank], 1)
    moved = (counts > 0) & ~np.asarray(overlay["described"])[own]
    rows = np.array(overlay["row_E"])
    scale = np.float32(bundle.base["clicker_scale"][0]) / (
        counts[moved] + np.float32(bundle.meta.prior_events)
    )
    rows[moved] = bundle.base["usual_vector"] + scale[:, None] * sums[moved]
    return {"row_E": rows, "clicker_sum": sums, "clicker_count": counts}


def _prior_factor(bundle: Bundle, overlay: Mapping[str, Array]) -> Floats:
    """How much of the prior variance is left; impressions since FULL are trials."""
    shown = np.zeros(bundle.n_items, np.int64)
    shown[: bundle.n_base_items] = bundle.base["shown_at_full"]
    return prior_factor(overlay["organic"], shown, bundle.meta.prior_events)


def _age_warnings(parent: Bundle, result: Bundle) -> list[str]:
    """Warn when the newest timestamp jumps: items may leave exploration all at once."""
    jump = (result.meta.latest - parent.meta.latest) / SECONDS_PER_DAY
    if jump <= AGE_JUMP_DAYS:
        return []
    cutoff = ExplorationSettings().item_age_cutoff_days * SECONDS_PER_DAY
    created: NDArray[np.int64] = np.asarray(result.overlay["created"], np.int64)
    left = np.count_nonzero(
        (parent.meta.latest - created < cutoff) & (result.meta.latest - created >= cutoff)
    )
    return [
        f"the newest event is {jump:.0f} days after that of the parent version:"
        f" {left:,} items are now older than the default cut-off of 30 days and no longer explored"
    ]
