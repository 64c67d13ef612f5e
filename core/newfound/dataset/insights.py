"""The rules of `dataset analyze` (behaviour specification §1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from newfound.columns import EVENT_ATTRIBUTION_SOURCE, IMPRESSION, RECOMMENDATION_ID
from newfound.dataset.column_figures import ColumnFigures

MIN_INTERACTIONS = 1_000
MIN_RETURNING_USERS = 25
MIN_RETURNING_SHARE = 0.01
MIN_COMPLETE = 0.70
MIN_TEXT_COMPLETE = 0.85
MAX_CATEGORIES = 30
MAX_EVENT_TYPES = 10
MAX_OUTLIERS = 0.01
# Most interactions have none of these, and lack nothing.
NORMALLY_NULL = frozenset({IMPRESSION, RECOMMENDATION_ID, EVENT_ATTRIBUTION_SOURCE})


@dataclass(frozen=True, slots=True)
class Insight:
    """One finding; `level` is error if training will refuse the data, warning if it will learn less."""

    level: Literal["error", "warning", "info"]
    message: str


@dataclass(frozen=True, slots=True)
class InteractionFacts:
    """Counts over the interactions, those of anonymous sessions left out; `returning` users have two or more."""

    interactions: int
    users: int
    returning: int
    event_types: int
    moments: int


def interaction_insights(facts: InteractionFacts) -> list[Insight]:
    """Judge whether there is enough to train on."""
    found = []
    if (lacking := MIN_INTERACTIONS - facts.interactions) > 0:
        found.append(_error(f"{facts.interactions:,} interactions, training needs {lacking:,} more"))
    if (lacking := MIN_RETURNING_USERS - facts.returning) > 0:
        found.append(
            _error(
                f"{facts.returning} users with at least 2 interactions each, training needs {lacking} more"
            )
        )
    if facts.users and facts.returning < MIN_RETURNING_SHARE * facts.users:
        share = facts.returning / facts.users
        found.append(_warning(f"only {share:.1%} of the users have at least 2 interactions"))
    if facts.event_types > MAX_EVENT_TYPES:
        found.append(_error(f"{facts.event_types} event types, training takes at most {MAX_EVENT_TYPES}"))
    if facts.interactions > 1 and facts.moments == 1:
        found.append(_warning("all interactions have the same TIMESTAMP: their order is unknown"))
    return found


def catalogue_insights(dataset: str, records: int, unused: int, unknown: int) -> list[Insight]:
    """Judge how the ids of items or users match those of the interactions.

    Of `records`, `unused` have no interaction; `unknown` ids of interactions have no record.
    """
    found = []
    if unused:
        found.append(
            _warning(f"{unused / records:.0%} of the {dataset} have no interactions: do the ids match?")
        )
    if records and unknown:
        found.append(Insight("info", f"{unknown:,} {dataset} of the interactions have no record"))
    return found


def column_insights(dataset: str, columns: Sequence[ColumnFigures], incomplete_rows: int) -> list[Insight]:
    """Judge the columns of one dataset."""
    found = []
    if incomplete_rows:
        found.append(Insight("info", f"rows of {dataset} with missing values: {incomplete_rows:,}"))
    for column in columns:
        name = f"{dataset}.{column.field.name}"
        if column.field.textual and column.complete < MIN_TEXT_COMPLETE:
            found.append(_warning(f"{name} is {column.complete:.0%} complete: too little text to train on"))
        elif column.complete < MIN_COMPLETE and column.field.name not in NORMALLY_NULL:
            found.append(_warning(f"{name} is {column.complete:.0%} complete"))
        if column.field.categorical and column.distinct > MAX_CATEGORIES:
            found.append(
                _warning(
                    f"{name} has {column.distinct:,} categories, more than {MAX_CATEGORIES} are hard to learn"
                )
            )
        if column.outliers > MAX_OUTLIERS:
            found.append(_warning(f"{name} has {column.outliers:.1%} far outliers"))
    return found


def _error(message: str) -> Insight:
    return Insight("error", message)


def _warning(message: str) -> Insight:
    return Insight("warning", message)
