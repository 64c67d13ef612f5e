"""The serving bundle of a version: what recommending and UPDATE need, as named arrays and one small description.

`base` arrays are made by FULL and shared, unchanged, by its UPDATEs. `overlay` arrays are the version's own.
ARCHITECTURE.md lists every array with its shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.affinity import AffinityTable
from newfound.dataset.popularity import DecayedPopularity
from newfound.dataset.profile import Offer
from newfound.dataset.rules import RulesTable
from newfound.errors import DamagedError
from newfound.explore.displays import DISPLAY_FIELDS, Displays
from newfound.explore.learned import Learned
from newfound.explore.posterior import Posteriors
from newfound.hashing import hash64_many
from newfound.products import product
from newfound.serving.arrays import Array, MappedArrays, save_arrays
from newfound.serving.bundle_meta import BundleMeta
from newfound.serving.ids import IdIndex
from newfound.serving.network import Floats, Network
from newfound.serving.user_state import STATE_FIELDS, UserStates
from newfound.store.files import damaged, read_json, write_json

BASE, OVERLAY, DESCRIPTION = "base", "overlay", "bundle.json"

AGELESS = np.iinfo(np.int64).max
"""Creation time of an item that has neither a CREATION_TIMESTAMP nor an interaction: its age is always 0."""


FADED_DAYS = 2.0
"""Where what is new fades in so many days, half of what could be learned of it comes too late."""
N_LEARNED = 16


def learned_tastes(variance: Floats) -> NDArray[np.int64]:
    """Choose the directions in which people differ most, N_LEARNED of k, given variances (k,)."""
    return np.sort(np.argsort(-variance, kind="stable")[:N_LEARNED])


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk or in memory; array access by name, views of them as properties."""

    meta: BundleMeta
    base: Mapping[str, Array]
    overlay: Mapping[str, Array]

    @cached_property
    def network(self) -> Network:
        """The recurrent network."""
        return Network.from_arrays(self.base)

    @cached_property
    def n_base_items(self) -> int:
        """Items known to the FULL version."""
        return len(self.base["E"])

    @cached_property
    def n_items(self) -> int:
        """All items of this version."""
        return len(self.overlay["created"])

    @cached_property
    def base_items(self) -> IdIndex:
        """Ids of the FULL version's items."""
        return IdIndex.from_arrays(self.base, "items")

    @cached_property
    def new_items(self) -> IdIndex:
        """Ids of items that came since; code 0 here is item code `n_base_items`."""
        return IdIndex.from_arrays(self.overlay, "items")

    @cached_property
    def base_users(self) -> IdIndex:
        """Ids of the users known to the FULL version."""
        return IdIndex.from_arrays(self.base, "users")

    @cached_property
    def changed_users(self) -> IdIndex:
        """Ids of users with events since the FULL version, old and new."""
        return IdIndex.from_arrays(self.overlay, "users")

    @cached_property
    def n_users(self) -> int:
        """All users with interactions."""
        chose = np.flatnonzero(np.diff(self.overlay["history_offsets"]))
        changed = self.changed_users.ids_of(chose)
        return len(self.base_users) + int((self.base_users.codes_of(changed) < 0).sum())

    @cached_property
    def offer(self) -> Offer:
        """What people chose from, to tell their tastes by."""
        return Offer(np.asarray(self.base["taste_nodes"]), np.asarray(self.base["taste_log_share"]))

    @cached_property
    def learned_tastes(self) -> NDArray[np.int64]:
        """The directions of taste that posteriors live on."""
        return learned_tastes(np.asarray(self.base["taste_variance"]))

    def user_features(self, tastes: Floats) -> Floats:
        """What posteriors know a user by, x (n_users, 1 + m), given tastes (n_users, k): a constant and m of these."""
        return np.column_stack([np.ones(len(tastes), np.float32), tastes[:, self.learned_tastes]])

    @cached_property
    def posteriors(self) -> Posteriors:
        """Posteriors of items with trials."""
        names = ("posterior_item", "posterior_mean", "posterior_variance")
        return Posteriors(*(np.array(self.overlay[name]) for name in names))

    @cached_property
    def displays(self) -> Displays:
        """What people were shown lately and did not click."""
        return Displays(*(np.asarray(self.overlay[f"display_{name}"]) for name in DISPLAY_FIELDS))

    @property
    def learned(self) -> Learned:
        """What lists taught this version."""
        return Learned(self.posteriors, self.displays, self.meta.calibration.discount)

    @cached_property
    def unknown(self) -> Floats:
        """How much is still to be learned of each item's appeal: share of the prior variance left, (n_items,)."""
        left = np.array(self.overlay["prior_factor"], np.float32)
        posteriors = self.posteriors
        prior = np.float32(self.base["prior_variance"][0])
        if prior > 0:
            new = self.overlay["organic_at_full"][posteriors.item] == 0
            left[posteriors.item] = posteriors.variance[:, 0] / np.where(
                new, prior * np.float32(self.meta.newcomer_scale), prior
            )
        return left

    @property
    def lasting(self) -> float:
        """How much of an item's worth is left to gain from once something was learned of it, in (0, 1)."""
        days = self.meta.untested_days
        return days / (days + FADED_DAYS)

    @cached_property
    def trust(self) -> Floats:
        """How much each item's own counts weigh against the prior, in [0, 1): (n_items,)."""
        organic = self.overlay["organic"].astype(np.float32)
        return organic / (organic + np.float32(self.meta.prior_events))

    @cached_property
    def unchosen(self) -> Floats:
        """How nearly each item is one that nobody chose, 1 / (1 + events): a few tell its level. (n_items,)."""
        return np.float32(1) / (1 + self.overlay["organic"].astype(np.float32))

    @cached_property
    def audience(self) -> Floats:
        """How far each item's popularity is its audience's, as far as people chose it: (n_items,)."""
        out = 1 - self.unchosen
        known = np.asarray(self.base["audience"])
        out[: len(known)] *= known
        out[len(known) :] = 0
        return out

    @cached_property
    def affinity(self) -> AffinityTable:
        """What the FULL version knows of which items go together."""
        return AffinityTable(*(self.base[f"affinity_{name}"] for name in ("items", "scale", "vectors")))

    @cached_property
    def affinity_trust(self) -> Floats:
        """The same as `trust` for items with an affinity, 0 for the others: (n_items,)."""
        trust = np.zeros(self.n_items, np.float32)
        trust[self.affinity.items] = self.trust[self.affinity.items]
        return trust

    @cached_property
    def popularity(self) -> DecayedPopularity:
        """Decayed popularity at each half-life."""
        half_lives = np.asarray(self.meta.half_lives, np.float64)
        values = np.asarray(self.overlay["popularity"], np.float64)
        return DecayedPopularity(half_lives, values, self.meta.popularity_reference)

    @cached_property
    def rules(self) -> tuple[RulesTable, RulesTable]:
        """Sequential rules up to the FULL version and since; both are normalised by the counts of now."""
        counts = np.asarray(self.overlay["events"], np.int64)
        tables = []
        for arrays in (self.base, self.overlay):
            offsets = np.asarray(arrays["rules_offsets"], np.int64)
            padded = np.append(offsets, np.full(self.n_items + 1 - len(offsets), offsets[-1]))
            values = np.asarray(arrays["rules_values"], np.float32)
            tables.append(RulesTable(padded, np.asarray(arrays["rules_items"], np.int32), values, counts))
        return tables[0], tables[1]

    def item_code(self, item_id: str) -> int:
        """Find an item's code, or -1."""
        code = self.base_items.code_of(item_id)
        if code >= 0:
            return code
        code = self.new_items.code_of(item_id)
        return code + self.n_base_items if code >= 0 else -1

    def item_codes(self, item_ids: Sequence[str]) -> NDArray[np.int32]:
        """Find the codes of many items, -1 where unknown."""
        old, new = self.base_items.codes_of(item_ids), self.new_items.codes_of(item_ids)
        return np.where(old >= 0, old, np.where(new >= 0, new + self.n_base_items, -1)).astype(np.int32)

    def item_id(self, code: int) -> str:
        """Spell an item's id."""
        n = self.n_base_items
        return self.base_items.id_of(code) if code < n else self.new_items.id_of(code - n)

    def item_rows(self, codes: NDArray[np.integer]) -> Floats:
        """Item vectors (n, d) of codes (n,)."""
        return self._rows(codes, "E")

    def taste_rows(self, codes: NDArray[np.integer]) -> Floats:
        """Taste coordinates (n, k) of items with codes (n,)."""
        return self._rows(codes, "taste")

    def _rows(self, codes: NDArray[np.integer], name: str) -> Floats:
        rows = np.array(self.base[name][np.minimum(codes, self.n_base_items - 1)], dtype=np.float32)
        own = np.asarray(self.overlay["row_item"])
        if len(own):
            at = np.minimum(np.searchsorted(own, codes), len(own) - 1)
            found = own[at] == codes
            rows[found] = self.overlay[f"row_{name}"][at[found]]
        return rows

    def logits(self, vectors: Floats) -> Floats:
        """Network logits (n_users, n_items) of user vectors (n_users, d)."""
        out = np.empty((len(vectors), self.n_items), dtype=np.float32)
        out[:, : self.n_base_items] = product(vectors, np.asarray(self.base["E"]).T)
        out[:, : self.n_base_items] += self.base["item_bias"]
        own = self.overlay["row_item"]
        if len(own):
            out[:, own] = product(vectors, np.asarray(self.overlay["row_E"]).T) + self.overlay["row_bias"]
        return out

    @property
    def n_told(self) -> int:
        """How many directions of taste, the first ones, metadata tells."""
        return int(self.base["taste_tokens"].shape[1])

    def suiting(self, profiles: Floats) -> Floats:
        """How well every item suits tastes (n_users, k): (n_users, n_items)."""
        out = np.empty((len(profiles), self.n_items), dtype=np.float32)
        out[:, : self.n_base_items] = product(profiles, np.asarray(self.base["taste"]).T)
        own = self.overlay["row_item"]
        if len(own):
            out[:, own] = product(profiles, np.asarray(self.overlay["row_taste"]).T)
        return out

    def all_base_states(self) -> UserStates:
        """States of all users of the FULL version, mapped, by code."""
        return UserStates(*(self.base[f"state_{name}"] for name in STATE_FIELDS))

    def item_ids(self, codes: NDArray[np.integer]) -> list[str]:
        """Spell the ids of many items."""
        wanted = codes.tolist()
        distinct = np.array(sorted(set(wanted)), np.int64)
        n = int(np.searchsorted(distinct, self.n_base_items))
        spelled = self.base_items.ids_of(distinct[:n])
        spelled += self.new_items.ids_of(distinct[n:] - self.n_base_items)
        by_code = dict(zip(distinct.tolist(), spelled, strict=True))
        return [by_code[code] for code in wanted]

    def user_codes(self, user_ids: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Codes of users in the base and in the overlay, -1 where unknown."""
        keys = hash64_many(user_ids)
        return self.base_users.codes_of(user_ids, keys), self.changed_users.codes_of(user_ids, keys)

    def user_states(self, user_ids: Sequence[str]) -> UserStates:
        """States of users, a copy; unknown users get the empty history."""
        states = UserStates.empty(len(user_ids), self.network)
        for codes, arrays in zip(self.user_codes(user_ids), (self.base, self.overlay), strict=True):
            known = codes >= 0
            for name in STATE_FIELDS:
                getattr(states, name)[known] = arrays[f"state_{name}"][codes[known]]
        return states


def save_base(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Write the arrays that a FULL version shares with its UPDATEs."""
    save_arrays(folder / BASE, arrays)


def save_overlay(folder: Path, meta: BundleMeta, arrays: Mapping[str, Array]) -> None:
    """Write a version's own arrays and its description."""
    save_arrays(folder / OVERLAY, arrays)
    write_json(folder / DESCRIPTION, meta.to_dict())


def open_bundle(folder: Path) -> Bundle:
    """Map the bundle of a published version; nothing is read but its description. Raises DamagedError."""
    try:
        meta = BundleMeta.from_dict(read_json(folder / DESCRIPTION))
    except FileNotFoundError:
        raise damaged(folder / DESCRIPTION, "the file is missing") from None
    except (KeyError, TypeError) as error:
        raise DamagedError(
            f"{folder / DESCRIPTION} is not of this newfound: {error}",
            "another version of newfound made it; train again with --mode full",
            str(folder / DESCRIPTION),
        ) from error
    return Bundle(meta, MappedArrays(folder / BASE), MappedArrays(folder / OVERLAY))
