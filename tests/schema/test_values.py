"""What single values become, and why some are refused."""

from __future__ import annotations

import pytest

from newfound.schema import rules
from newfound.schema.document import Field
from newfound.schema.values import RefusedValueError, check_value

ID = Field("ITEM_ID", "string")
GENRES = Field("GENRES", "string", nullable=True, categorical=True)
TEXT = Field("TEXT", "string", nullable=True, textual=True)
TIME = Field("TIMESTAMP", "long")
YEAR = Field("YEAR", "int", nullable=True)
PRICE = Field("PRICE", "double", nullable=True)
ADULT = Field("ADULT", "boolean", nullable=True)


@pytest.mark.parametrize(
    ("field", "raw", "value"),
    [
        (ID, "007", "007"),
        (ID, 7, "7"),
        (ID, 123456789012345678901234567890, "123456789012345678901234567890"),
        (ID, "x" * 256, "x" * 256),
        (GENRES, ["Drama", "War"], "Drama|War"),
        (GENRES, "x" * 1000, "x" * 1000),
        (GENRES, "", None),
        (GENRES, None, None),
        (TEXT, "<p>Tom &amp;\n\t Jerry</p>", "Tom Jerry"),
        (TEXT, "x" * 20_001, "x" * 20_000),
        (TEXT, "<br/>", None),
        (TEXT, "a < b", "a < b"),
        (TIME, 0, 0),
        (TIME, -5, -5),
        (TIME, "100000000000", 100_000_000_000),
        (TIME, "1700000000.0", 1_700_000_000),
        (TIME, "1.7e9", 1_700_000_000),
        (TIME, 1_700_000_000.0, 1_700_000_000),
        (TIME, " 5  ", 5),
        (YEAR, "-2147483648", -(2**31)),
        (PRICE, " 4.5 ", 4.5),
        (PRICE, "1e3", 1000.0),
        (PRICE, ".5", 0.5),
        (PRICE, 2, 2.0),
        (ADULT, "true", True),
        (ADULT, False, False),
    ],
)
def test_a_good_value_gets_the_type_of_its_field(field: Field, raw: object, value: object) -> None:
    got = check_value(field, raw)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("field", "raw", "reason"),
    [
        (ID, None, rules.MISSING),
        (ID, "", rules.MISSING),
        (ID, 7.0, rules.NOT_TEXT),
        (ID, True, rules.NOT_TEXT),
        (ID, {"a": 1}, rules.NOT_TEXT),
        (ID, "x" * 257, rules.too_long(256)),
        (ID, "ITEM_ID", rules.RESERVED_WORD),
        (ID, "a\0b", rules.NULL_CHARACTER),
        (GENRES, "x" * 1001, rules.too_long(1000)),
        (GENRES, ["a", 1], rules.NOT_TEXT),
        (Field("IMPRESSION", "string", nullable=True), "|".join(["x" * 10] * 92), rules.too_long(1000)),
        (TIME, "12.5", rules.NOT_WHOLE),
        (TIME, 12.5, rules.NOT_WHOLE),
        (TIME, "12.5e0", rules.NOT_WHOLE),
        (TIME, float("nan"), rules.NOT_WHOLE),
        (TIME, "inf", rules.NOT_WHOLE),
        (TIME, 1.7e12, rules.MILLISECONDS),
        (TIME, "1700000000000.0", rules.MILLISECONDS),
        (TIME, "9007199254740993.0", rules.OUT_OF_RANGE),
        (TIME, 1e300, rules.OUT_OF_RANGE),
        (PRICE, 10**400, rules.NOT_FINITE),
        (TIME, True, rules.NOT_WHOLE),
        (TIME, "1_000", rules.NOT_WHOLE),
        (TIME, "5 5", rules.NOT_WHOLE),
        (TIME, " ", rules.NOT_WHOLE),
        (TIME, "\t5", rules.NOT_WHOLE),
        (TIME, "9" * 5000, rules.OUT_OF_RANGE),
        (TIME, 1 << 63, rules.OUT_OF_RANGE),
        (TIME, 1_700_000_000_000, rules.MILLISECONDS),
        (TIME, "-100000000001", rules.MILLISECONDS),
        (YEAR, 2**31, rules.OUT_OF_RANGE),
        (PRICE, "NaN", rules.NOT_FINITE),
        (PRICE, "-inf", rules.NOT_FINITE),
        (PRICE, "1e400", rules.NOT_FINITE),
        (PRICE, "cheap", rules.NOT_NUMBER),
        (PRICE, "1,5", rules.NOT_NUMBER),
        (PRICE, True, rules.NOT_NUMBER),
        (ADULT, "True", rules.NOT_BOOLEAN),
        (ADULT, "1", rules.NOT_BOOLEAN),
        (ADULT, 1, rules.NOT_BOOLEAN),
    ],
)
def test_a_bad_value_is_refused_with_the_reason(field: Field, raw: object, reason: str) -> None:
    with pytest.raises(RefusedValueError) as caught:
        check_value(field, raw)
    assert str(caught.value) == reason
