from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.serving import ids as ids_module
from newfound.serving.ids import IdIndex

some_ids = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), unique=True, max_size=30)


def check_round_trip(ids: list[str], strangers: list[str]) -> None:
    index = IdIndex.build(ids)
    assert len(index) == len(ids)
    assert [index.id_of(code) for code in range(len(ids))] == ids
    assert index.codes_of(ids).tolist() == list(range(len(ids)))
    assert [index.code_of(text) for text in strangers] == [-1] * len(strangers)
    saved = {name: np.array(array) for name, array in index.arrays("users").items()}
    again = IdIndex.from_arrays(saved, "users")
    assert again.codes_of([*ids, *strangers]).tolist() == [*range(len(ids)), *[-1] * len(strangers)]


@given(some_ids, some_ids)
def test_every_id_is_found_at_its_place_and_no_other_is(ids: list[str], others: list[str]) -> None:
    check_round_trip(ids, [text for text in others if text not in ids])


@given(some_ids, some_ids)
def test_ids_whose_hashes_collide_are_told_apart_by_their_text(ids: list[str], others: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids_module, "hash64", lambda text: len(text) % 2)
        patch.setattr(
            ids_module,
            "hash64_many",
            lambda texts: np.array([len(text) % 2 for text in texts], np.uint64),
        )
        check_round_trip(ids, [text for text in others if text not in ids])


def test_ids_are_text_and_keep_their_zeros() -> None:
    index = IdIndex.build(["7", "007", "7.0"])
    assert index.code_of("007") == 1
    assert index.id_of(1) == "007"
    assert index.code_of("07") == -1
