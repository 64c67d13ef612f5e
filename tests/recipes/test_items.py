from __future__ import annotations

import numpy as np
from tests.worlds import LATEST

from newfound.dataset.event_rows import EventRow
from newfound.recipes.items import FILLERS, with_new_items
from newfound.serving.bundle import AGELESS, Bundle


def click(item: str | None, time: int = LATEST) -> EventRow:
    return EventRow(0, "u0", item, "click", time, None, None, ("i1", "shown-only"), item is not None)


def genre(item: str, text: str | None, created: int | None = None) -> dict[str, object]:
    return {"ITEM_ID": item, "GENRES": text, "CREATION_TIMESTAMP": created}


def test_items_that_were_put_or_clicked_are_added_and_mere_impressions_are_not(bundle: Bundle) -> None:
    grown, n_new = with_new_items(bundle, [genre("put", "War")], [click("clicked"), click(None), click("i1")])
    assert n_new == 2
    assert grown.n_items == bundle.n_items + 2
    assert grown.item_code("put") >= 0 and grown.item_code("clicked") >= 0
    assert grown.item_code("shown-only") == -1
    for name in FILLERS:
        assert len(grown.overlay[name]) == grown.n_items, name
        assert grown.overlay[name].dtype == bundle.overlay[name].dtype, name
    assert grown.overlay["popularity"].shape == (7, grown.n_items)


def test_items_of_an_earlier_update_keep_their_codes_and_vectors(bundle: Bundle) -> None:
    first, _ = with_new_items(bundle, [genre("a", "War"), genre("b", "Drama")], [])
    second, n_new = with_new_items(first, [genre("c", "War"), genre("a", "War")], [])
    assert n_new == 1
    assert [second.item_code(item) for item in "abc"] == [bundle.n_items + k for k in range(3)]
    codes = np.array([first.item_code("a"), first.item_code("b")])
    np.testing.assert_allclose(second.item_rows(codes), first.item_rows(codes), atol=1e-6)


def test_the_same_metadata_gives_the_same_place(bundle: Bundle) -> None:
    grown, _ = with_new_items(bundle, [genre("a", "War", LATEST), genre("b", "Drama", LATEST)], [])
    codes = np.array([grown.item_code(item) for item in ("a", "b", "n3", "n1")])
    rows = grown.item_rows(codes)
    np.testing.assert_allclose(rows[:2], rows[2:], atol=1e-5)
    assert np.abs(rows[0] - rows[1]).max() > 0.1
    assert grown.overlay["described"][codes].all()
    np.testing.assert_allclose(
        grown.overlay["metadata_bias"][codes[:2]], grown.overlay["metadata_bias"][codes[2:]], atol=1e-6
    )


def test_an_item_with_unknown_or_no_metadata_is_a_usual_one(bundle: Bundle) -> None:
    grown, _ = with_new_items(bundle, [genre("odd", "Opera"), genre("blank", None)], [click("bare")])
    codes = np.array([grown.item_code(item) for item in ("odd", "blank", "bare")])
    rows = grown.item_rows(codes)
    np.testing.assert_array_equal(rows, np.tile(bundle.base["usual_vector"], (3, 1)))
    assert not grown.overlay["described"][codes].any()
    own = np.searchsorted(grown.overlay["row_item"], codes)
    assert (grown.overlay["row_bias"][own] == bundle.base["usual_bias"][0]).all()


def test_an_item_whose_metadata_was_taken_away_is_a_usual_one_again(bundle: Bundle) -> None:
    first, _ = with_new_items(bundle, [genre("a", "War", LATEST)], [])
    second, _ = with_new_items(first, [genre("a", None), genre("n0", None)], [])
    codes = np.array([second.item_code(item) for item in ("a", "n0")])
    np.testing.assert_array_equal(second.item_rows(codes), np.tile(bundle.base["usual_vector"], (2, 1)))
    assert not second.overlay["described"][codes].any()
    assert (second.overlay["metadata_bias"][codes] == 0).all()


def test_what_clickers_taught_of_an_undescribed_item_outlives_a_further_record(bundle: Bundle) -> None:
    first, _ = with_new_items(bundle, [genre("a", None)], [])
    rows = np.array(first.overlay["row_E"])
    rows[np.searchsorted(first.overlay["row_item"], first.item_code("a"))] = 3
    taught = Bundle(first.meta, first.base, {**first.overlay, "row_E": rows})
    second, _ = with_new_items(taught, [genre("a", None, LATEST)], [])
    assert (second.item_rows(np.array([second.item_code("a")])) == 3).all()


def test_creation_times_are_stated_or_the_first_click_or_unknown(bundle: Bundle) -> None:
    records = [genre("stated", "War", 5), genre("silent", "War"), genre("n0", "War", 7)]
    grown, _ = with_new_items(bundle, records, [click("stated", 3), click("clicked", 9), click("clicked", 8)])
    found = {
        item: int(grown.overlay["created"][grown.item_code(item)])
        for item in ("stated", "silent", "clicked", "n0", "n1", "i0")
    }
    unchanged = {item: int(bundle.overlay["created"][bundle.item_code(item)]) for item in ("n1", "i0")}
    assert found == {"stated": 5, "silent": AGELESS, "clicked": 8, "n0": 7, **unchanged}


def test_the_parent_is_left_as_it_was(bundle: Bundle) -> None:
    before = {name: np.array(bundle.overlay[name]) for name in bundle.overlay}
    with_new_items(bundle, [genre("a", "War"), genre("n0", "Drama")], [click("i1", 1)])
    for name, array in before.items():
        np.testing.assert_array_equal(bundle.overlay[name], array)
