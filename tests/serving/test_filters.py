from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newfound.errors import InvalidFilterError
from newfound.serving.filters import MAX_LENGTH, HistoryClause, parse_filter, parse_value_list

WORDS = ["INCLUDE", "EXCLUDE", "ItemID", "WHERE", "Interactions.EVENT_TYPE", "IN", "NOT", "(", ")", ",", "|"]
VALUES = ['"click"', '"*"', "*", "$A", "$B", '"a\\"b"', '"', "\\", "=", "Items.GENRE", "\x00", "é"]


def clause(text: str) -> HistoryClause:
    [found] = parse_filter(text).clauses
    return found


def test_an_exclusion_names_event_types_in_lower_case() -> None:
    found = clause('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Click", "WATCH")')
    assert found == HistoryClause(False, ("click", "watch"), (), False)


def test_keywords_are_read_in_any_case_and_spacing() -> None:
    found = clause('\n include\titemid where interactions.event_type not in( "a" ) ')
    assert found == HistoryClause(True, ("a",), (), True)


@pytest.mark.parametrize("star", ["*", '"*"', '"click", *'])
def test_a_star_stands_for_every_event_type_quoted_or_not(star: str) -> None:
    assert clause(f"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ({star})").event_types is None


def test_quotes_and_backslashes_can_be_escaped() -> None:
    assert clause(r'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a\"b\\c")').event_types == ('a"b\\c',)


def test_a_quoted_dollar_is_text_and_no_parameter() -> None:
    found = clause('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("$5 tip")')
    assert (found.event_types, found.parameters) == (("$5 tip",), ())


def test_clauses_are_joined_by_bars() -> None:
    one, two = (
        "INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ($A)",
        "EXCLUDE ItemID WHERE " + ("Interactions.EVENT_TYPE IN ($B, $A)"),
    )
    parsed = parse_filter(f"{one} | {two}")
    assert [found.include for found in parsed.clauses] == [True, False]
    assert parsed.parameters == ("A", "B")


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("DROP ItemID", 1, "INCLUDE or EXCLUDE"),
        ("EXCLUDE  UserID WHERE", 10, "ITEMID"),
        ('EXCLUDE ItemID WHERE Interactions.ITEM_ID IN ("5")', 22, "Interactions.EVENT_TYPE"),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE = "click"', 46, "IN or NOT"),
        ("EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (click)", 50, 'a "quoted" event type'),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a"', 53, r"\)"),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a") x', 55, "'|' or the end"),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a") |', 56, "INCLUDE or EXCLUDE"),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a) ', 50, "cannot read"),
        ("EXCLUDE ItemID # WHERE", 15, "cannot read"),
    ],
)
def test_an_error_names_the_character_and_what_was_expected(text: str, place: int, expected: str) -> None:
    with pytest.raises(InvalidFilterError, match=expected.replace("|", r"\|")) as caught:
        parse_filter(text)
    assert f"character {place}:" in caught.value.message
    assert "EXCLUDE ItemID WHERE" in caught.value.hint


@pytest.mark.parametrize("text", ["", "x" * (MAX_LENGTH + 1)])
def test_a_filter_has_one_to_2500_characters(text: str) -> None:
    with pytest.raises(InvalidFilterError, match="1 to 2500 characters"):
        parse_filter(text)


@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS + VALUES), max_size=14).map(" ".join))
@example('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a\\')
def test_whatever_is_written_is_a_filter_or_an_invalid_one_never_anything_else(text: str) -> None:
    clauses: tuple[HistoryClause, ...] = ()
    with suppress(InvalidFilterError):
        clauses = parse_filter(text).clauses
        assert clauses
    for found in clauses:
        assert found.event_types is None or found.event_types or found.parameters


@given(st.lists(st.text(max_size=8).filter(lambda text: "*" not in text), min_size=1, max_size=4))
def test_any_event_types_can_be_named(names: list[str]) -> None:
    quoted = ", ".join('"' + name.replace("\\", r"\\").replace('"', r"\"") + '"' for name in names)
    expression = f"EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ({quoted})"
    assert clause(expression).event_types == tuple(name.lower() for name in names)
    parameter = parse_filter("EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ($P)")
    [bound] = parameter.bind({"P": quoted})
    assert bound.event_types == tuple(name.lower() for name in names)


INCLUDE = parse_filter("INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ($A)")
EXCLUDE = parse_filter('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("x", $A)')


def test_a_value_joins_what_the_expression_names() -> None:
    [bound] = EXCLUDE.bind({"A": '"Click","watch"'})
    assert bound == HistoryClause(False, ("x", "click", "watch"), (), False)


def test_a_plain_word_needs_no_quotes_as_a_value() -> None:
    assert EXCLUDE.bind({"A": "click , watch"}) == EXCLUDE.bind({"A": '"click", "watch"'})


def test_a_star_as_a_value_means_every_type() -> None:
    [bound] = EXCLUDE.bind({"A": '"*"'})
    assert bound.event_types is None


def test_an_inclusion_needs_all_its_values() -> None:
    with pytest.raises(InvalidFilterError, match=r"needs a value for \$A"):
        INCLUDE.bind({})


def test_an_exclusion_without_its_value_is_left_out() -> None:
    assert EXCLUDE.bind({}) == ()


def test_a_value_that_no_parameter_asks_for_is_refused() -> None:
    with pytest.raises(InvalidFilterError, match="no parameter B") as caught:
        EXCLUDE.bind({"A": "x", "B": "y"})
    assert caught.value.hint == "its parameters are: A"


@pytest.mark.parametrize("text", ["", "  ", ",", '"a",', '"a" "b"', '"a', 'a"b', '"a"b', '"a\\'])
def test_a_list_of_values_that_cannot_be_read_is_refused_whole(text: str) -> None:
    with pytest.raises(InvalidFilterError, match="the value of TYPES"):
        parse_value_list("TYPES", text)


@given(st.text(max_size=20))
def test_a_value_is_a_list_or_refused_never_anything_else(text: str) -> None:
    with suppress(InvalidFilterError):
        assert parse_value_list("TYPES", text)


TYPE = "Interactions.EVENT_TYPE"


def bound(condition: str, **values: str) -> tuple[tuple[str, ...] | None, bool]:
    [found] = parse_filter(f"EXCLUDE ItemID WHERE {condition}").bind(values)
    assert (found.parameters, found.joined) == ((), ())
    return found.event_types, found.negated


@pytest.mark.parametrize(
    ("condition", "types", "negated"),
    [
        (f'{TYPE} IN ("*") AND {TYPE} NOT IN ("view")', ("view",), True),
        (f'{TYPE} NOT IN ("view") and {TYPE} IN ("view", "click")', ("click",), False),
        (f'{TYPE} IN ("a", "b") AND {TYPE} IN ("b", "c")', ("b",), False),
        (f'{TYPE} NOT IN ("a") AND {TYPE} NOT IN ("b")', ("a", "b"), True),
        (f'{TYPE} IN ("a") AND {TYPE} IN ("b")', None, True),
        (f'{TYPE} IN ("a") OR {TYPE} IN ("b")', ("a", "b"), False),
        (f'{TYPE} NOT IN ("a", "b") OR {TYPE} IN ("b")', ("a",), True),
        (f'{TYPE} NOT IN ("a") OR {TYPE} IN ("a")', None, False),
        (f'{TYPE} IN ("a") OR {TYPE} IN ("b", "c") AND {TYPE} NOT IN ("b")', ("a", "c"), False),
    ],
)
def test_conditions_are_joined_by_and_before_or(
    condition: str, types: tuple[str, ...] | None, negated: bool
) -> None:
    assert bound(condition) == (types, negated)


def test_parameters_of_joined_conditions_are_bound_too() -> None:
    condition = f"{TYPE} IN ($A) AND {TYPE} NOT IN ($B)"
    assert bound(condition, A="x,y", B="y") == (("x",), False)
    parsed = parse_filter(f"INCLUDE ItemID WHERE {condition}")
    assert parsed.parameters == ("A", "B")
    with pytest.raises(InvalidFilterError, match=r"value for \$B"):
        parsed.bind({"A": "x"})
    assert parse_filter(f"EXCLUDE ItemID WHERE {condition}").bind({"A": "x"}) == ()


@given(
    st.lists(st.tuples(st.sets(st.sampled_from("abc"), min_size=1), st.booleans(), st.booleans()), min_size=1)
)
def test_a_joined_condition_holds_of_the_types_that_its_words_say(
    parts: list[tuple[set[str], bool, bool]],
) -> None:
    spelled = ""
    alternatives: list[list[tuple[set[str], bool]]] = [[]]
    for k, (names, negated, conjunction) in enumerate(parts):
        word = ("AND " if conjunction else "OR ") if k else ""
        listed = ", ".join(f'"{name}"' for name in sorted(names))
        spelled += f"{word}{TYPE} {'NOT ' * negated}IN ({listed}) "
        if k and not conjunction:
            alternatives.append([])
        alternatives[-1].append((names, negated))
    types, all_but = bound(spelled)
    for name in "abcd":
        found = (types is None or name in types) is not all_but
        assert found is any(
            all((name in names) is not negated for names, negated in every) for every in alternatives
        )
