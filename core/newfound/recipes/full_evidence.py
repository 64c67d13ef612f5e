"""What displayed lists say of items at FULL, clicked or not: the evidence that UPDATE would hold, scored anew.

A click in a list tells which of the items shown was liked; that it was shown was somebody's choice. So FULL trusts
items by what was chosen without a list, and what lists taught becomes a posterior beside the newly trained network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from newfound.dataset.event_rows import EventRow, Response
from newfound.dataset.histories import Histories
from newfound.dataset.runs import ranges
from newfound.explore.learned import calibrated, learned_arrays
from newfound.explore.posterior import fit_sharing
from newfound.explore.prior import WARM_EVENTS, prior_factor
from newfound.recipes.evidence import (
    click_keys,
    collect_slates,
    counted_keys,
    vectors_when_shown,
)
from newfound.recipes.trials import build_trials
from newfound.recipes.update import KNOWN_EVENTS
from newfound.serving.bundle import Bundle
from newfound.serving.user_state import Sequences, UserStates

MOST_SLATES = 20_000
MOST_CELLS = 400_000_000
"""The newest lists are evidence, as many as can be scored over the whole catalogue in seconds."""


def unlearned_items(bundle: Bundle) -> list[str]:
    """Ids of items with impressions but fewer than WARM_EVENTS events."""
    codes = np.flatnonzero((bundle.overlay["events"] < WARM_EVENTS) & (bundle.overlay["shown"] > 0))
    return [bundle.item_id(code) for code in codes.tolist()]


def with_evidence(
    bundle: Bundle,
    trained: Histories,
    rows: Sequence[EventRow],
    responses: Mapping[str, Response],
    logins: Mapping[str, str] = {},
) -> Bundle:
    """Add trials, calibration and posteriors to a FULL bundle; rows come in (time, offset) order.

    logins: whose the events of anonymous sessions are. What was shown and clicked is not counted again by UPDATEs.
    """
    newest = min(MOST_SLATES, MOST_CELLS // bundle.n_items)
    counted = collect_slates(rows, responses)
    slates = counted[-newest:]
    if not slates:
        return bundle
    owners = [logins.get(slate.user, slate.user) for slate in slates]
    users = sorted(set(owners))
    codes = bundle.base_users.codes_of(users)
    row_of = {user: k for k, user in enumerate(users)}
    starts = np.where(codes >= 0, trained.offsets[codes], 0)
    stops = np.where(codes >= 0, trained.offsets[codes + 1], 0)
    at = ranges(starts, stops)
    offsets = np.append(0, np.cumsum(stops - starts))
    sequences = Sequences(offsets, trained.items[at], trained.times[at], trained.types[at])
    owner = np.array([row_of[user] for user in owners])
    moments = np.array([slate.time for slate in slates], np.int64)
    first, last = offsets[:-1][owner], offsets[1:][owner]
    after = np.array(
        [np.searchsorted(sequences.times[a:b], t) for a, b, t in zip(first, last, moments, strict=True)],
        np.int64,
    )
    states = UserStates.empty(len(users), bundle.network)
    vectors, _ = vectors_when_shown(bundle, states, sequences, owner, after, moments)
    tails = (sequences.items, first, first + after)
    wanted = np.asarray(bundle.overlay["events"]) < KNOWN_EVENTS
    trials, displays = build_trials(bundle, slates, owners, vectors, tails, wanted, None)
    calibration = calibrated(trials, bundle.posteriors, bundle.meta.calibration)
    # What is a trial now must not narrow the prior as well.
    tried = np.bincount(trials.item, minlength=bundle.n_items)
    shown = np.maximum(bundle.base["shown_at_full"] - tried, 0)
    organic = np.asarray(bundle.overlay["organic"])
    factor = prior_factor(organic, shown, bundle.meta.prior_events)
    prior = factor[:, None] * np.asarray(bundle.base["prior_variance"], np.float32)
    posteriors, scale = fit_sharing(trials, prior, calibration, organic == 0)
    overlay = dict(bundle.overlay) | {"prior_factor": factor, "slate_keys": counted_keys(counted)}
    overlay["click_keys"] = np.unique(np.array(list(click_keys(counted)), np.uint64))
    overlay |= learned_arrays(trials, displays, posteriors)
    meta = replace(bundle.meta, calibration=calibration, newcomer_scale=scale)
    return Bundle(meta, {**bundle.base, "shown_at_full": shown}, overlay)
