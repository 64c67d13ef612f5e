"""Filters on what the user did: `EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (...)` (behaviour spec §8)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce

from newfound.errors import InvalidFilterError

MAX_LENGTH = 2_500

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(\$[A-Za-z0-9_]+)|([A-Za-z_][A-Za-z0-9_.]*)|([(),*|=<>]))')
_VALUE = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s](?:[^",]*[^",\s])?))\s*(,|\Z)')
_EXAMPLE = 'for example EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click", "watch")'


@dataclass(frozen=True, slots=True)
class HistoryClause:
    """Items of the user's own history, of some event types (lower case; None: of any); `include`: only these.

    joined: further conditions on the same interaction, each with the AND or OR before it; a bound clause has none.
    """

    include: bool
    event_types: tuple[str, ...] | None
    parameters: tuple[str, ...]
    negated: bool
    joined: tuple[tuple[str, HistoryClause], ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the `$PARAMETERS` of all its conditions."""
        return (*self.parameters, *(name for _, more in self.joined for name in more.parameters))


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """A parsed expression: clauses joined by `|`."""

    expression: str
    clauses: tuple[HistoryClause, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the `$PARAMETERS`, without the dollar sign."""
        return tuple(dict.fromkeys(name for clause in self.clauses for name in clause.needs))

    def bind(self, values: Mapping[str, str]) -> tuple[HistoryClause, ...]:
        """Put values in: each is a comma-separated list of double-quoted strings.

        An INCLUDE needs all of its parameters (InvalidFilterError); an EXCLUDE clause that lacks one is left out.
        """
        unknown = sorted(set(values) - set(self.parameters))
        if unknown:
            raise InvalidFilterError(
                f"the filter has no parameter {unknown[0]}",
                f"its parameters are: {', '.join(self.parameters) or 'none'}",
            )
        bound = (_bind(clause, values) for clause in self.clauses)
        return tuple(clause for clause in bound if clause is not None)


def parse_filter(expression: str) -> ItemFilter:
    """Parse an expression; raise InvalidFilterError that names the place."""
    if not 0 < len(expression) <= MAX_LENGTH:
        raise InvalidFilterError(
            f"a filter has 1 to {MAX_LENGTH} characters, this one {len(expression)}", _EXAMPLE
        )
    parser = _Parser(expression)
    clauses = [parser.clause()]
    while parser.peek() == "|":
        parser.take()
        clauses.append(parser.clause())
    if parser.peek() is not None:
        parser.fail("AND, OR, '|' or the end")
    return ItemFilter(expression, tuple(clauses))


class _Parser:
    def __init__(self, expression: str) -> None:
        self.tokens: list[tuple[str, int]] = []
        at = 0
        while expression[at:].strip():
            match = _TOKEN.match(expression, at)
            if match is None:
                raise InvalidFilterError(
                    f"filter, character {at + 1}: cannot read {expression[at : at + 12]!r}", _EXAMPLE
                )
            self.tokens.append((match[match.lastindex or 0], match.start(match.lastindex or 0) + 1))
            at = match.end()
        self.end = len(expression) + 1
        self.at = 0

    def peek(self) -> str | None:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else None

    def take(self) -> str:
        if self.at == len(self.tokens):
            self.fail("more")
        self.at += 1
        return self.tokens[self.at - 1][0]

    def fail(self, expected: str) -> None:
        place = self.tokens[self.at][1] if self.at < len(self.tokens) else self.end
        found = self.peek() or "the end"
        raise InvalidFilterError(f"filter, character {place}: expected {expected}, found {found}", _EXAMPLE)

    def word(self, *choices: str) -> str:
        if (self.peek() or "").upper() not in choices:
            self.fail(" or ".join(choices))
        return self.take().upper()

    def clause(self) -> HistoryClause:
        include = self.word("INCLUDE", "EXCLUDE") == "INCLUDE"
        self.word("ITEMID")
        self.word("WHERE")
        first, joined = self.condition(include), []
        while (self.peek() or "").upper() in ("AND", "OR"):
            joined.append((self.word("AND", "OR"), self.condition(include)))
        return replace(first, joined=tuple(joined))

    def condition(self, include: bool) -> HistoryClause:
        if (self.peek() or "").upper() != "INTERACTIONS.EVENT_TYPE":
            self.fail("Interactions.EVENT_TYPE, the only field that filters can use")
        self.take()
        negated = self.word("IN", "NOT") == "NOT"
        if negated:
            self.word("IN")
        self.word("(")
        values = [self.value()]
        while self.peek() == ",":
            self.take()
            values.append(self.value())
        self.word(")")
        literals = [value if value == "*" else _unquoted(value) for value in values if value[0] != "$"]
        types = None if "*" in literals else tuple(value.lower() for value in literals)
        return HistoryClause(include, types, tuple(v[1:] for v in values if v[0] == "$"), negated)

    def value(self) -> str:
        if not (self.peek() or "").startswith(('"', "$", "*")):
            self.fail('a "quoted" event type, a $PARAMETER or *')
        return self.take()


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _bind(clause: HistoryClause, values: Mapping[str, str]) -> HistoryClause | None:
    missing = [name for name in clause.needs if name not in values]
    if missing and clause.include:
        raise InvalidFilterError(
            f"the filter needs a value for ${missing[0]}", f"--filter-value {missing[0]}='\"click\"'"
        )
    if missing:
        return None
    alternatives = [_bound_types(clause, values)]
    for word, more in clause.joined:
        types = _bound_types(more, values)
        if word == "AND":  # binds tighter than OR
            alternatives[-1] = _both(alternatives[-1], types)
        else:
            alternatives.append(types)
    named, negated = reduce(_either, alternatives)
    return HistoryClause(clause.include, named or None, (), negated if named else not negated)


Types = tuple[tuple[str, ...], bool]
"""Event types, or (True) all but these."""


def _bound_types(condition: HistoryClause, values: Mapping[str, str]) -> Types:
    given = [part.lower() for name in condition.parameters for part in parse_value_list(name, values[name])]
    if condition.event_types is None or "*" in given:
        return (), not condition.negated
    return (*condition.event_types, *given), condition.negated


def _both(one: Types, other: Types) -> Types:
    """Types that two conditions agree on."""
    (some, all_but), (more, all_but_more) = one, other
    if all_but and all_but_more:
        return (*some, *more), True
    if all_but:
        return _both(other, one)
    return tuple(name for name in some if (name in more) is not all_but_more), False


def _either(one: Types, other: Types) -> Types:
    """Types that at least one of two conditions names."""
    types, negated = _both((one[0], not one[1]), (other[0], not other[1]))
    return types, not negated


def parse_value_list(name: str, text: str) -> list[str]:
    """Read `"a","b"`: double-quoted strings with commas between; a plain word stands for itself.

    Raises InvalidFilterError that names the place.
    """
    values: list[str] = []
    at, more = 0, True
    while more:
        match = _VALUE.match(text, at)
        if match is None:
            raise InvalidFilterError(
                f"the value of {name}, character {at + 1}: cannot read {text[at : at + 12]!r}",
                f'write {name}=\'"click","watch"\'',
            )
        values.append(match[2] if match[1] is None else re.sub(r"\\(.)", r"\1", match[1]))
        at, more = match.end(), match[3] == ","
    return values
