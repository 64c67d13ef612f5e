from newfound.dataset.features import (
    FeatureField,
    build_vocabulary,
    described_items,
    encode_tokens,
    tokens_of,
)

GENRE, CREATED = FeatureField("GENRES", "category"), FeatureField("CREATION_TIMESTAMP", "number", (5.0,), 9.0)


def test_items_are_described_by_at_least_one_known_token_that_is_not_their_age() -> None:
    fields = (GENRE, CREATED)
    records = [
        {"GENRES": "War", "CREATION_TIMESTAMP": 3},
        {"GENRES": None, "CREATION_TIMESTAMP": 7},
        {"GENRES": "Opera", "CREATION_TIMESTAMP": None},
        {},
    ]
    vocabulary = ["GENRES=War", "CREATION_TIMESTAMP#0", "CREATION_TIMESTAMP#1"]
    table = encode_tokens([tokens_of(record, fields) for record in records], vocabulary, len(fields))
    assert described_items(table, fields, len(records)).tolist() == [True, False, False, False]


def test_without_fields_no_item_is_described() -> None:
    assert not described_items(encode_tokens([[], []], [], 0), (), 2).any()


def test_an_item_newer_than_all_that_trained_is_in_every_bucket_of_creation_time() -> None:
    assert tokens_of({"CREATION_TIMESTAMP": 9}, (CREATED,)) == [["CREATION_TIMESTAMP#1"]]
    assert tokens_of({"CREATION_TIMESTAMP": 10}, (CREATED,)) == [
        ["CREATION_TIMESTAMP#0", "CREATION_TIMESTAMP#1"]
    ]
    assert tokens_of({}, (CREATED,)) == [[]]


def test_a_token_needs_two_carriers_and_one_of_a_text_five() -> None:
    fields = (FeatureField("GENRES", "category"), FeatureField("TITLE", "text"))
    items = [[["rare"], ["word"]]] * 2 + [[["common"], ["word", "often"]]] * 2 + [[["once"], ["often"]]]
    assert build_vocabulary(items, fields) == ["common", "rare"]
    assert build_vocabulary([*items, [[], ["word"]]], fields) == ["word", "common", "rare"]
