"""Read what FULL needs from the project's tables, with polars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from newfound import columns as c
from newfound.dataset.current import current_records
from newfound.dataset.event_rows import EventRow, Response, read_events, read_responses
from newfound.dataset.features import TokenTable, build_vocabulary, choose_fields, encode_tokens, tokens_of
from newfound.dataset.histories import EventSelection, Histories, build_histories
from newfound.dataset.sessions import find_logins, with_logins
from newfound.errors import TooLittleDataError
from newfound.recipes.assemble import FullInputs
from newfound.recipes.catalogue import Record, align_records, creation_times
from newfound.recipes.evidence import SAME_DISPLAY_SECONDS
from newfound.schema.document import SchemaDocument
from newfound.schema.registry import document_for
from newfound.store.delta_log import Snapshot
from newfound.store.layout import Layout
from newfound.store.tables import Table

if TYPE_CHECKING:
    import polars as pl

MOST_EVENTS = 1_000_000
"""So many of the newest streamed events are read for the lists that they answer."""


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The table versions that one training reads."""

    interactions: Snapshot
    events: Snapshot
    items: Snapshot
    recommendations: Snapshot

    @staticmethod
    def take(layout: Layout) -> Snapshots:
        """Pin the current versions."""
        return Snapshots(*(Table(layout, name).snapshot() for name in Snapshots.__slots__))

    def versions(self) -> dict[str, int]:
        """Name the versions, for the version record."""
        return {name: getattr(self, name).version for name in Snapshots.__slots__}


def gather_full(
    layout: Layout, at: Snapshots, selection: EventSelection, explores: bool, seed: int
) -> FullInputs:
    """Encode all interactions and describe all items; raise TooLittleDataError for a project without events."""
    records: list[Record] = current_records(layout, "items", snapshot=at.items).to_dicts()
    logins = session_logins(layout, at)
    histories = interaction_histories(layout, selection, records, at, logins)
    shown, latest = _impressions(layout, at, histories.item_ids)
    inputs = encode_full(
        histories,
        records,
        document_for(layout, "items"),
        selection=selection,
        shown=shown,
        latest=latest,
        offsets=(at.events.next_offset, at.items.next_offset),
        explores=explores,
        seed=seed,
    )
    return replace(inputs, logins=logins)


def session_logins(layout: Layout, at: Snapshots) -> dict[str, str]:
    """The users of anonymous sessions, by session."""
    return find_logins(Table(layout, "events").scan(snapshot=at.events)) if at.events.files else {}


def interaction_histories(
    layout: Layout,
    selection: EventSelection,
    records: Sequence[Record],
    at: Snapshots,
    logins: Mapping[str, str],
) -> Histories:
    """Encode all interactions, and the items of the records too; TooLittleDataError for a project without any."""
    frames = list(_interaction_frames(layout, at, logins))
    if not frames:
        raise TooLittleDataError(
            "the project has no interactions", "run `newfound dataset import interactions FILE` first"
        )
    return build_histories(frames, [record[c.ITEM_ID] for record in records], selection)


def encode_full(
    histories: Histories,
    records: Sequence[Record],
    document: SchemaDocument,
    *,
    selection: EventSelection,
    shown: NDArray[np.int64],
    latest: int,
    offsets: tuple[int, int],
    explores: bool,
    seed: int,
) -> FullInputs:
    """Describe the items of histories by their records and the items' document.

    shown (n_items,): impressions; latest: newest event, clicked or not; offsets: of events and of item records.
    """
    described = align_records(records, histories.item_ids)
    trained = histories.restricted_to_trained()
    events = np.bincount(trained.items, minlength=histories.n_items)
    known = [record for record, n in zip(described, events, strict=True) if record and n > 0]
    fields = choose_fields(document, known)
    spelled = [tokens_of(record or {}, fields) for record in described]
    chosen = (tokens for tokens, n in zip(spelled, events, strict=True) if n > 0)
    vocabulary = build_vocabulary(chosen, fields)
    tokens: TokenTable = encode_tokens(spelled, vocabulary, len(fields))
    stated = np.array([(record or {}).get(c.CREATION_TIMESTAMP) is not None for record in described])
    return FullInputs(
        histories=histories,
        selection=selection,
        fields=fields,
        tokens=tokens,
        created=creation_times(described, histories.items, histories.times),
        created_stated=stated,
        shown=shown,
        latest=max(latest, int(histories.times.max(initial=0))),
        event_offset=offsets[0],
        item_record_offset=offsets[1],
        explores=explores,
        seed=seed,
    )


def _interaction_frames(layout: Layout, at: Snapshots, logins: Mapping[str, str]) -> Iterable[pl.LazyFrame]:
    if at.interactions.files:
        yield Table(layout, "interactions").scan(snapshot=at.interactions)
    if at.events.files:
        events = Table(layout, "events").scan(snapshot=at.events)
        yield _answers_known(layout, at, with_logins(events, logins))


def _answers_known(layout: Layout, at: Snapshots, events: pl.LazyFrame) -> pl.LazyFrame:
    """Events without the recommendationIds that no logged response has: nobody knows what these showed."""
    import polars as pl

    rid, known = pl.col(c.RECOMMENDATION_ID), pl.Series(dtype=pl.String)
    if at.recommendations.files:
        responses = Table(layout, "recommendations").scan(snapshot=at.recommendations)
        named = events.select(rid).drop_nulls().unique()
        answered = responses.select(rid).join(named, on=c.RECOMMENDATION_ID, how="semi")
        known = answered.collect(engine="streaming")[c.RECOMMENDATION_ID]
    return events.with_columns(pl.when(rid.is_in(known.implode())).then(rid))


def _impressions(layout: Layout, at: Snapshots, item_ids: list[str]) -> tuple[NDArray[np.int64], int]:
    """Count how often each item was shown, (n_items,), and find the newest event of all, clicked or not."""
    import polars as pl

    latest = 0
    if at.events.files:
        newest = (
            Table(layout, "events")
            .scan(snapshot=at.events)
            .select(pl.col(c.TIMESTAMP).max())
            .collect()
            .item()
        )
        latest = int(newest or 0)
    counts = np.zeros(len(item_ids), np.int64)
    for slates in _slates(layout, at):
        # Items by their codes and displays by their hash, for the text of all lists would fill the memory.
        code = pl.element().cast(pl.Enum(item_ids), strict=False).to_physical()
        codes = pl.col("shown").list.eval(code).list.drop_nulls().list.unique()
        coded = slates.select("display", codes).collect(engine="streaming")
        shown = coded.unique("display").select(pl.col("shown").explode()).drop_nulls()
        tally = shown.group_by("shown").len()
        counts[tally["shown"].to_numpy()] += tally["len"].to_numpy()
    return counts, latest


def _slates(layout: Layout, at: Snapshots) -> Iterable[pl.LazyFrame]:
    """Frames of displayed lists, `shown`, each `display` to be counted once, by the rules of `evidence.collect_slates`.

    An explicit list wins over the response that an event names, also when another event names it without a list.
    """
    import polars as pl

    frames = []
    if at.interactions.files:
        frames.append(_bulk_slates(layout, at))
    if at.events.files:
        frames.append(_slate_columns(Table(layout, "events").scan(snapshot=at.events), pl.col(c.IMPRESSION)))
    if not frames:
        return
    rows = pl.concat(frames)
    lists = rows.filter(pl.col("shown").is_not_null())
    hour = (pl.col("time") // SAME_DISPLAY_SECONDS).cast(pl.String)
    same = pl.struct("user", pl.coalesce("session", hour).alias("when"), pl.col("shown").list.join("\0"))
    yield lists.filter(pl.col("rid").is_null()).select("shown", display=same.hash())
    named = rows.filter(pl.col("rid").is_not_null())
    explicit = lists.filter(pl.col("rid").is_not_null()).sort("time", "offset")
    by_response = pl.col("rid").hash()
    yield explicit.unique("rid", keep="last", maintain_order=True).select("shown", display=by_response)
    if at.recommendations.files:
        responses = Table(layout, "recommendations").scan(snapshot=at.recommendations)
        answered = responses.select(
            pl.col(c.RECOMMENDATION_ID).alias("rid"), pl.col(c.ITEM_IDS).alias("shown")
        )
        implicit = named.select("rid").unique().join(explicit, on="rid", how="anti")
        yield implicit.join(answered, on="rid").select("shown", display=by_response)


def _bulk_slates(layout: Layout, at: Snapshots) -> pl.LazyFrame:
    """Imported interactions with the list that was shown, null where they name none."""
    import polars as pl

    listed = c.IMPRESSION in at.interactions.schema.names
    shown = pl.col(c.IMPRESSION).str.split("|") if listed else pl.lit(None, dtype=pl.List(pl.String))
    return _slate_columns(Table(layout, "interactions").scan(snapshot=at.interactions), shown)


def _slate_columns(frame: pl.LazyFrame, shown: pl.Expr) -> pl.LazyFrame:
    import polars as pl

    present = frame.collect_schema().names()

    def column(name: str, dtype: Any) -> pl.Expr:  # noqa: ANN401  # a polars data type
        return (pl.col(name) if name in present else pl.lit(None)).cast(dtype)

    return frame.select(
        pl.col(c.USER_ID).alias("user"),
        column(c.ITEM_ID, pl.String).alias("item"),
        column(c.EVENT_TYPE, pl.String).fill_null("").str.to_lowercase().alias("type"),
        column(c.EVENT_VALUE, pl.Float64).alias("value"),
        pl.col(c.TIMESTAMP).alias("time"),
        column(c.EVENT_OFFSET, pl.Int64).fill_null(-1).alias("offset"),
        column(c.SESSION_ID, pl.String).alias("session"),
        column(c.RECOMMENDATION_ID, pl.String).alias("rid"),
        shown.alias("shown"),
    )


def evidence_rows(
    layout: Layout, at: Snapshots, items: list[str], selection: EventSelection
) -> tuple[list[EventRow], dict[str, Response]]:
    """Read events on displayed lists: the newest streamed ones, and imported ones whose list shows one of these items.

    In (time, offset) order, with the responses that they name.
    """
    import polars as pl

    rows: list[EventRow] = []
    if items and at.interactions.files:
        within = pl.col("shown").list.eval(pl.element().is_in(items)).list.any()
        named = pl.col("shown").is_null() & pl.col("rid").is_not_null()
        found = _bulk_slates(layout, at).filter(within | named).collect().iter_rows(named=True)
        rows.extend(_bulk_row(row, selection) for row in found)
    events, since = Table(layout, "events"), max(0, at.events.next_offset - MOST_EVENTS)
    rows.extend(read_events(events, at.events, since, selection))
    refer = {row.recommendation_id for row in rows if row.recommendation_id is not None}
    responses = read_responses(Table(layout, "recommendations"), at.recommendations, refer)

    on_lists = (row for row in rows if row.impression is not None or row.recommendation_id in responses)
    return sorted(on_lists, key=lambda row: (row.time, row.offset)), responses


def _bulk_row(row: dict[str, Any], selection: EventSelection) -> EventRow:
    counts = row["item"] is not None and selection.admits(row["type"], row["value"])
    shown = None if row["shown"] is None else tuple(row["shown"])
    return EventRow(-1, row["user"], row["item"], row["type"], row["time"], None, row["rid"], shown, counts)
