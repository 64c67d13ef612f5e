from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.worlds import World

from newfound.dataset.features import FeatureField
from newfound.dataset.histories import EventSelection
from newfound.errors import DamagedError
from newfound.serving.bundle import Bundle, open_bundle, save_base, save_overlay
from newfound.serving.bundle_meta import BundleMeta
from newfound.serving.ids import IdIndex
from newfound.serving.user_state import STATE_FIELDS
from newfound.store.files import write_json


def with_overlay(bundle: Bundle, **arrays: object) -> Bundle:
    return Bundle(bundle.meta, bundle.base, {**bundle.overlay, **arrays})  # type: ignore[dict-item]  # arrays of several types


def test_a_description_survives_being_written_as_json(bundle: Bundle) -> None:
    meta = replace(
        bundle.meta,
        selection=EventSelection("watch", 2.5),
        features=(FeatureField("YEAR", "number", (1990.0, 2000.0), 2020.0), FeatureField("G", "category")),
    )
    assert BundleMeta.from_dict(json.loads(json.dumps(meta.to_dict()))) == meta


def test_a_saved_bundle_opens_as_it_was(bundle: Bundle, tmp_path: Path) -> None:
    save_base(tmp_path, bundle.base)
    save_overlay(tmp_path, bundle.meta, bundle.overlay)
    again = open_bundle(tmp_path)
    assert again.meta == bundle.meta
    for name in bundle.overlay:
        np.testing.assert_array_equal(again.overlay[name], bundle.overlay[name])


def test_a_bundle_without_its_description_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match=r"bundle\.json"):
        open_bundle(tmp_path)


def test_a_bundle_of_another_version_says_what_to_do(bundle: Bundle, tmp_path: Path) -> None:
    save_base(tmp_path, bundle.base)
    save_overlay(tmp_path, bundle.meta, bundle.overlay)
    description = bundle.meta.to_dict()
    del description["maps"]["newcomers"]
    write_json(tmp_path / "bundle.json", description)
    with pytest.raises(DamagedError, match="newcomers") as refused:
        open_bundle(tmp_path)
    assert "--mode full" in refused.value.hint


def test_every_item_of_the_world_has_a_code_and_its_id_back(bundle: Bundle, world: World) -> None:
    ids = [*world.old, *world.new]
    codes = [bundle.item_code(item) for item in ids]
    assert sorted(codes) == list(range(bundle.n_items))
    assert [bundle.item_id(code) for code in codes] == ids
    assert bundle.item_code("stranger") == -1


def test_codes_of_later_items_follow_those_of_the_full_version(bundle: Bundle) -> None:
    created = np.append(bundle.overlay["created"], [0, 0])
    grown = with_overlay(bundle, **IdIndex.build(["x", "y"]).arrays("items"), created=created)
    assert grown.n_items == bundle.n_items + 2
    assert (grown.item_code("x"), grown.item_code("y")) == (bundle.n_items, bundle.n_items + 1)
    assert grown.item_id(bundle.n_items + 1) == "y"
    assert grown.item_code("i0") == bundle.item_code("i0")
    asked = ["y", "i0", "stranger", "x", "y"]
    codes = grown.item_codes(asked)
    assert codes.tolist() == [grown.item_code(item) for item in asked]
    assert grown.item_ids(codes[codes >= 0]) == ["y", "i0", "x", "y"]
    assert grown.item_codes([]).tolist() == grown.item_ids(codes[:0]) == []


def test_vectors_of_the_overlay_win_over_those_of_the_full_version(bundle: Bundle) -> None:
    d = bundle.network.size
    own = with_overlay(
        bundle,
        row_item=np.array([3, 7], np.int32),
        row_E=np.stack([np.full(d, 2), np.full(d, 5)]).astype(np.float32),
        row_bias=np.array([1, -1], np.float32),
    )
    rows = own.item_rows(np.array([7, 0, 3]))
    np.testing.assert_array_equal(rows[:, 0], [5, bundle.base["E"][0, 0], 2])
    vector = np.linspace(-1, 1, d, dtype=np.float32)[None]
    expected = vector @ np.asarray(bundle.base["E"]).T + bundle.base["item_bias"]
    expected[:, [3, 7]] = [2 * vector.sum() + 1, 5 * vector.sum() - 1]
    np.testing.assert_allclose(own.logits(vector), expected, atol=1e-4)


def test_a_changed_user_has_the_state_of_the_overlay_and_a_stranger_none(bundle: Bundle) -> None:
    states = {f"state_{name}": np.array(bundle.base[f"state_{name}"][[5]]) for name in STATE_FIELDS}
    states["state_item"] = np.array([42], np.int32)
    changed = with_overlay(bundle, **IdIndex.build(["u1"]).arrays("users"), **states)
    found = changed.user_states(["u0", "u1", "stranger"])
    u0 = bundle.base_users.code_of("u0")
    assert found.item.tolist() == [bundle.base["state_item"][u0], 42, -1]
    assert (found.h[2] == 0).all()
    found.h[0] = 9
    assert not (changed.user_states(["u0"]).h == 9).any()


def test_trust_in_an_items_own_counts_grows_with_its_organic_events(bundle: Bundle) -> None:
    organic = np.zeros(bundle.n_items, np.int64)
    organic[:3] = [0, 10, 990]
    trust = with_overlay(bundle, organic=organic).trust
    np.testing.assert_allclose(trust[:3], [0, 0.5, 0.99], rtol=1e-6)
