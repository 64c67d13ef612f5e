"""The items part of UPDATE's overlay: places, vectors and creation times of new items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from newfound import columns as c
from newfound.dataset.event_rows import EventRow
from newfound.dataset.features import described_items, encode_tokens, tokens_of
from newfound.dataset.taste import item_coordinates
from newfound.recipes.catalogue import Record
from newfound.recipes.content import promised
from newfound.serving.arrays import Array
from newfound.serving.bundle import AGELESS, Bundle
from newfound.serving.ids import IdIndex

FILLERS: Mapping[str, float | int | bool] = {
    "created": AGELESS,
    "created_stated": False,
    "described": False,
    "events": 0,
    "events_at_full": 0,
    "organic": 0,
    "organic_at_full": 0,
    "shown": 0,
    "clicked": 0,
    "metadata_bias": 0.0,
    "prior_factor": 1.0,
}
"""Arrays of one value per item in the overlay, and the value of an item nobody knows anything of."""


def with_new_items(parent: Bundle, records: Sequence[Record], rows: Iterable[EventRow]) -> tuple[Bundle, int]:
    """Add items that were put or had events; returns the grown bundle and how many are new."""
    described = {record[c.ITEM_ID]: record for record in records}
    clicks = [(row.item, row.time) for row in rows if row.item is not None]
    ids = dict.fromkeys([*described, *(item for item, _ in clicks)])
    known = parent.item_codes(list(ids)).tolist()
    new = [item_id for item_id, code in zip(ids, known, strict=True) if code < 0]
    grown = _grown(parent, new)
    codes = grown.item_codes(list(described))
    new_codes = np.arange(parent.n_items, grown.n_items, dtype=np.int32)
    overlay = dict(grown.overlay)
    overlay |= _content_rows(grown, codes, list(described.values()), new_codes)
    overlay |= _creation_times(grown, codes, list(described.values()), clicks)
    return Bundle(parent.meta, parent.base, overlay), len(new)


def _grown(parent: Bundle, new: list[str]) -> Bundle:
    old = parent.new_items.ids_of(np.arange(len(parent.new_items)))
    overlay = dict(parent.overlay) | IdIndex.build([*old, *new]).arrays("items")
    for name, filler in FILLERS.items():
        values = np.asarray(parent.overlay[name])
        overlay[name] = np.concatenate([values, np.full(len(new), filler, values.dtype)])
    overlay["popularity"] = np.pad(np.asarray(parent.overlay["popularity"]), ((0, 0), (0, len(new))))
    return Bundle(parent.meta, parent.base, overlay)


def _content_rows(
    bundle: Bundle, codes: NDArray[np.int32], records: Sequence[Record], new_codes: NDArray[np.int32]
) -> dict[str, Array]:
    """Vectors of new items, and of untrained ones whose metadata changed, as their tokens promise."""
    untrained = np.asarray(bundle.overlay["events_at_full"])[codes] == 0
    codes = codes[untrained]
    records = [record for record, keep in zip(records, untrained, strict=True) if keep]
    old = np.asarray(bundle.overlay["row_item"])
    own = np.union1d(np.union1d(old, codes), new_codes).astype(np.int32)
    vectors = np.tile(np.asarray(bundle.base["usual_vector"], np.float32), (len(own), 1))
    bias = np.full(len(own), bundle.base["usual_bias"][0], np.float32)
    at = np.searchsorted(own, old)
    vectors[at], bias[at] = bundle.overlay["row_E"], bundle.overlay["row_bias"]
    clicker_sum = np.zeros_like(vectors)
    clicker_count = np.zeros_like(bias)
    taste = np.zeros((len(own), len(bundle.base["taste_variance"])), np.float32)
    taste[at] = bundle.overlay["row_taste"]
    clicker_sum[at], clicker_count[at] = bundle.overlay["clicker_sum"], bundle.overlay["clicker_count"]
    metadata_bias = np.array(bundle.overlay["metadata_bias"])
    described = np.array(bundle.overlay["described"])
    if len(codes) and len(bundle.base["content_vectors"]) > 1:
        fields = bundle.meta.features
        index = IdIndex.from_arrays(bundle.base, "tokens")
        vocabulary = index.ids_of(np.arange(len(index)))
        table = encode_tokens([tokens_of(record, fields) for record in records], vocabulary, len(fields))
        told = described_items(table, fields, len(records))
        place = np.searchsorted(own, codes[told])
        vectors[place] = promised(table, np.asarray(bundle.base["content_vectors"]))[told]
        bias[place] = promised(table, np.asarray(bundle.base["content_bias"])[:, None])[told, 0]
        told_taste = item_coordinates(table, np.asarray(bundle.base["taste_tokens"]), len(codes))
        taste[place, : bundle.n_told] = told_taste[told]
        appeal = promised(table, np.asarray(bundle.base["content_appeal"])[:, None])[:, 0]
        metadata_bias[codes[told]] = appeal[told]
        described[codes[told]] = True
        bare = codes[~told & described[codes]]  # metadata that was there is gone
        place = np.searchsorted(own, bare)
        vectors[place], bias[place] = bundle.base["usual_vector"], bundle.base["usual_bias"][0]
        taste[place], metadata_bias[bare], described[bare] = 0, 0, False
    return {
        "row_item": own,
        "row_E": vectors,
        "row_bias": bias,
        "row_taste": taste,
        "clicker_sum": clicker_sum,
        "clicker_count": clicker_count,
        "metadata_bias": metadata_bias,
        "described": described,
    }


def _creation_times(
    bundle: Bundle, codes: NDArray[np.int32], records: Sequence[Record], clicks: Sequence[tuple[str, int]]
) -> dict[str, Array]:
    """Stated creation times win; else an item is as old as its first interaction, also once none is stated any more."""
    first = np.full(bundle.n_items, AGELESS, np.int64)
    items = bundle.item_codes([item for item, _ in clicks])
    np.minimum.at(first, items, np.array([time for _, time in clicks], np.int64))
    created, stated = (np.array(bundle.overlay[name]) for name in ("created", "created_stated"))
    said = [record.get(c.CREATION_TIMESTAMP) for record in records]
    unsaid = codes[np.array([time is None for time in said], np.bool_)]
    taken_back = unsaid[stated[unsaid]]
    created[taken_back], stated[taken_back] = AGELESS, False
    for part in (bundle.base, bundle.overlay) if len(taken_back) else ():
        at = np.flatnonzero(np.isin(part["history_items"], taken_back))
        np.minimum.at(first, part["history_items"][at], part["history_times"][at])
    created = np.where(stated, created, np.minimum(created, first))
    for code, time in zip(codes.tolist(), said, strict=True):
        if time is not None:
            created[code], stated[code] = time, True
    return {"created": created, "created_stated": stated}
