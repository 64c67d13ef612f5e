from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newfound.dataset.event_lines import Event, parse_line, parse_time
from newfound.errors import InputRefusedError

NOW = 1_700_000_000.9
FLAT = {"userId": "u1", "itemId": "i1", "sentAt": 1_600_000_000}


def line(**fields: object) -> bytes:
    return json.dumps({**FLAT, **fields}).encode()


def one(**fields: object) -> Event:
    [event] = parse_line(line(**fields), NOW)
    return event


def reason(data: bytes | dict[str, object]) -> str:
    with pytest.raises(InputRefusedError) as caught:
        parse_line(data if isinstance(data, bytes) else json.dumps(data).encode(), NOW)
    return caught.value.message


def test_a_full_event_keeps_every_field() -> None:
    event = one(
        sessionId="s1", eventType="watch", eventValue=4, eventId="e1", recommendationId="RID-1",
        impression=["i2", "i1"], properties={"numRatings": "12"},
    )  # fmt: skip
    assert event == Event(
        "u1", "s1", "i1", "watch", 4.0, 1_600_000_000, "e1", "RID-1", ["i2", "i1"], '{"numRatings":"12"}'
    )


def test_the_least_event_is_a_click_now() -> None:
    assert parse_line(b'{"userId": "u", "itemId": "i"}', NOW) == [
        Event("u", None, "i", "click", None, 1_700_000_000, None, None, None, None)
    ]


def test_null_is_the_same_as_absent() -> None:
    nulls = dict.fromkeys(
        ["sessionId", "eventType", "eventValue", "sentAt", "eventId", "impression", "properties"]
    )
    assert one(**nulls) == parse_line(b'{"userId": "u1", "itemId": "i1"}', NOW)[0]


def test_an_anonymous_user_goes_by_the_session() -> None:
    event = one(userId=None, sessionId="s1")
    assert (event.user_id, event.session_id) == ("s1", "s1")


@pytest.mark.parametrize("shown", [{"recommendationId": "RID-1"}, {"impression": ["a"]}])
def test_an_impression_nobody_clicked_has_no_item(shown: dict[str, object]) -> None:
    event = one(itemId=None, eventType="impression", **shown)
    assert event.item_id is None
    assert event.event_type == "impression"
    assert one(itemId=None, **shown).event_type is None


def test_an_envelope_gives_its_user_to_all_its_events() -> None:
    envelope = {
        "trackingId": "t", "userId": "u", "sessionId": "s",
        "eventList": [
            {"itemId": "a", "sentAt": 5, "properties": '{"price": 3}'},
            {"itemId": "b", "eventType": "watch", "sentAt": 6},
        ],
    }  # fmt: skip
    events = parse_line(json.dumps(envelope).encode(), NOW)
    assert [(e.user_id, e.session_id, e.item_id, e.event_type, e.timestamp) for e in events] == [
        ("u", "s", "a", "click", 5),
        ("u", "s", "b", "watch", 6),
    ]
    assert events[0].properties == '{"price":3}'


@pytest.mark.parametrize(
    "properties",
    [
        '{"itemId": "5", "eventValue": 4.5}',
        {"itemId": 5, "eventValue": 4.5},
        {"ITEM_ID": "5", "EVENT_VALUE": 4.5},
    ],
)
@pytest.mark.parametrize("shown", [{}, {"impression": ["5", "6"]}, {"recommendationId": "RID-1"}])
def test_the_older_form_names_item_and_value_in_the_properties(
    properties: object, shown: dict[str, object]
) -> None:
    click = {"eventType": "click", "sentAt": 5, "properties": properties, **shown}
    [event] = parse_line(json.dumps({"userId": "u", "sessionId": "s", "eventList": [click]}).encode(), NOW)
    assert (event.item_id, event.event_value) == ("5", 4.5)
    flat = one(itemId=None, properties=properties, **shown)
    assert (flat.item_id, flat.event_value) == ("5", 4.5)


def test_a_field_of_the_event_wins_over_its_property() -> None:
    event = one(itemId="7", eventValue=0, properties={"itemId": "5", "eventValue": 4.5})
    assert (event.item_id, event.event_value) == ("7", 0)
    assert event.properties == '{"itemId":"5","eventValue":4.5}'


def test_item_and_value_in_the_properties_are_checked_too() -> None:
    assert reason({"userId": "u", "properties": {"itemId": ""}}) == "itemId: must have 1 to 256 characters"
    assert reason({**FLAT, "properties": {"eventValue": "4"}}) == "eventValue: must be a finite number"


def test_a_bad_event_of_an_envelope_is_named_by_its_place() -> None:
    bad = {"userId": "u", "eventList": [{"itemId": "a"}, {"itemId": "b", "eventId": ""}]}
    assert reason(bad) == "eventList[1]: eventId: must have 1 to 256 characters"
    assert reason({"userId": "u", "eventList": ["a"]}) == "eventList[0]: not a JSON object"
    assert reason({"userId": "u", "eventList": {}}) == "eventList: must be a list of events"
    assert reason({"userId": "u", "eventList": [{"itemId": "a", "userId": "v"}]}) == (
        "eventList[0]: userId: unknown field"
    )
    assert reason({"userId": "u", "eventList": [], "itemId": "a"}) == "itemId: unknown field"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (0, 0),
        (-5, -5),
        (1_600_000_000.999, 1_600_000_000),
        (-0.5, -1),
        ("1600000000", 1_600_000_000),
        ("1600000000.5", 1_600_000_000),
        ("2020-09-13T12:26:40Z", 1_600_000_000),
        ("2020-09-13T12:26:40.999999+00:00", 1_600_000_000),
        ("2020-09-13T14:26:40+02:00", 1_600_000_000),
        ("1969-12-31T23:59:59.5Z", -1),
        (NOW + 86_400, 1_700_086_400),
    ],
)
def test_times_become_whole_seconds_rounded_down(written: float | str, read: int) -> None:
    assert parse_time(written, NOW) == read
    assert one(sentAt=written).timestamp == read


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (1_600_000_000_000, "looks like milliseconds; divide it by 1000"),
        (NOW + 86_401, "more than a day ahead of the clock"),
        (-1e12, "before the year 1"),
        (True, "must be Unix seconds"),
        ([], "must be Unix seconds"),
        (10**400, "must be Unix seconds"),
        ("nan", "must be Unix seconds"),
        ("", "neither Unix seconds nor ISO 8601"),
        ("yesterday", "neither Unix seconds nor ISO 8601"),
        ("2020-09-13T12:26:40", "has no offset"),
        ("2020-09-13", "has no offset"),
        ("0001-01-01T00:00:00+14:00", "before the year 1"),
    ],
)
def test_other_times_are_refused_with_the_remedy(written: object, why: str) -> None:
    assert reason({**FLAT, "sentAt": written}).startswith("sentAt: ")
    assert why in reason({**FLAT, "sentAt": written})


@pytest.mark.parametrize("field", ["userId", "sessionId", "itemId", "eventId", "eventType"])
def test_ids_are_text_of_1_to_256_characters(field: str) -> None:
    assert parse_line(line(**{field: "ü" * 256}), NOW)
    for wrong in ("", "x" * 257):
        assert reason({**FLAT, field: wrong}) == f"{field}: must have 1 to 256 characters"
    for wrong in (1.0, True, ["a"], {}):
        assert reason({**FLAT, field: wrong}) == f"{field}: must be a string"
    for wrong in ("a\0b", "a\ud800"):
        assert reason({**FLAT, field: wrong}) == f"{field}: holds a NUL or half of a surrogate pair"


def test_an_integer_is_its_exact_text_and_text_keeps_its_zeros() -> None:
    event = one(userId=123456789012345678901234567890, itemId="007")
    assert (event.user_id, event.item_id) == ("123456789012345678901234567890", "007")


def test_recommendation_ids_have_at_most_40_characters() -> None:
    assert one(recommendationId="R" * 40).recommendation_id == "R" * 40
    assert reason({**FLAT, "recommendationId": "R" * 41}) == "recommendationId: must have 1 to 40 characters"


def test_any_response_can_be_sent_back_as_an_impression() -> None:
    assert one(impression=["a"] * 500).impression == ["a"] * 500
    for wrong in ([], ["a"] * 501, "a|b", {"a": 1}):
        assert reason({**FLAT, "impression": wrong}) == "impression: must be a list of 1 to 500 item ids"
    assert reason({**FLAT, "impression": ["a", None]}) == "impression: must be a string"


@pytest.mark.parametrize("wrong", ["5", True, [], 10**400])
def test_an_event_value_is_a_finite_number(wrong: object) -> None:
    assert reason({**FLAT, "eventValue": wrong}) == "eventValue: must be a finite number"


@pytest.mark.parametrize(
    "name", ["userId", "SESSIONID", "eventType", "timestamp", "recommendationId", "impression"]
)
def test_properties_may_not_repeat_fields_of_the_event(name: str) -> None:
    assert reason({**FLAT, "properties": {name: 1}}) == (
        f"properties: {name} has a field of its own in the event"
    )


def test_properties_are_a_json_object_or_its_text_of_at_most_1024_characters() -> None:
    assert one(properties='{"a": "\\ud800"}').properties == '{"a":"\\ud800"}'
    assert one(properties={}).properties == "{}"
    assert "not a JSON object" in reason({**FLAT, "properties": "[1]"})
    assert "not a JSON object" in reason({**FLAT, "properties": 5})
    assert "not valid JSON" in reason({**FLAT, "properties": "{"})
    assert "properties: " in reason({**FLAT, "properties": "\ud800"})
    assert "at most 1,024" in reason({**FLAT, "properties": {"a": "x" * 1024}})
    assert "at most 1,024" in reason({**FLAT, "properties": {"a": "\u6f22" * 1024}})
    assert json.loads(one(properties={"a": "\u6f22" * 1000}).properties or "") == {"a": "\u6f22" * 1000}


def test_whose_merit_an_event_is_stays_among_its_properties() -> None:
    merit = {"eventAttributionSource": "web"}
    assert one(metricAttribution=merit).properties == '{"metricAttribution":{"eventAttributionSource":"web"}}'
    assert json.loads(one(metricAttribution=merit, properties={"a": 1}).properties or "") == {
        "a": 1,
        "metricAttribution": merit,
    }
    assert "eventAttributionSource alone" in reason({**FLAT, "metricAttribution": {}})
    assert "must be a string" in reason({**FLAT, "metricAttribution": {"eventAttributionSource": 1.5}})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (b"\xff", "not valid JSON"),
        (b'{"userId": "u", "itemId": "i", "eventValue": NaN}', "NaN is no JSON number"),
        (b'{"userId": "u", "itemId": "i", "eventValue": -Infinity}', "-Infinity is no JSON number"),
        (b'{"userId": "u", "itemId": "a", "itemId": "b"}', "a key occurs twice"),
        (b'{"userId": "u", "itemId": "i", "properties": {"a": 1, "a": 2}}', "a key occurs twice"),
        (b'{"userId": "u", "itemId": "i", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "not valid JSON"),
        (b'{"userId": "u", "itemId": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b" " * (1 << 20) + b"{}", "longer than 1,048,576 bytes"),
        (b'{"itemId": "i"}', "userId: missing, and so is sessionId"),
        (b'{"userId": "u"}', "itemId: missing, and so are recommendationId and impression"),
        (b'{"userId": "u", "itemId": "i", "ITEM_ID": "j", "price": 1}', "ITEM_ID: unknown field"),
    ],
)
def test_malformed_lines_are_refused_with_the_reason(data: bytes, why: str) -> None:
    assert why in reason(data)


def parsed(data: bytes) -> list[Event]:
    try:
        return parse_line(data, NOW)
    except InputRefusedError:
        return []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*FLAT, "eventList", "impression", "properties"]), inner, max_size=6
            )
        ),
    )
)
def test_no_json_line_does_anything_but_parse_or_be_refused(value: object) -> None:
    assert all(event.timestamp <= NOW + 86_400 for event in parsed(json.dumps(value).encode()))


@given(st.binary(max_size=60))
def test_no_line_of_bytes_does_anything_but_parse_or_be_refused(data: bytes) -> None:
    assert all(event.user_id for event in parsed(data))


@given(st.floats(allow_nan=False, min_value=-6e10, max_value=NOW))
def test_every_past_time_is_rounded_down(moment: float) -> None:
    assert parse_time(moment, NOW) == math.floor(moment)
