"""UPDATE: fold what happened since into a version that descends from the newest FULL."""

from __future__ import annotations

import platform
import time
from importlib.metadata import version as installed
from typing import Any

import numpy as np

from newfound.dataset.event_rows import read_events, read_responses
from newfound.errors import NewfoundError, NotFoundError, UsageError
from newfound.explore.learned import Learned
from newfound.recipes.catalogue import Record
from newfound.recipes.update import UpdateInputs, update
from newfound.serving.bundle import BASE, Bundle, open_bundle, save_overlay
from newfound.solutions import Solution, find_recipe, read_solution
from newfound.store.files import link_or_copy, make_directory
from newfound.store.layout import Layout
from newfound.store.locks import lock
from newfound.store.tables import Table
from newfound.store.versions import (
    ACTIVE,
    UPDATE,
    Version,
    close_interrupted,
    failing_visibly,
    find_version,
    newest_parent,
    publish_version,
    start_version,
)
from newfound.training.describe import describe_training


def train_update(
    layout: Layout, name: str, *, seed: int, parent: str | None, lock_timeout: float
) -> dict[str, Any]:
    """Fold everything new into a version that descends from the newest FULL; nothing new makes no version.

    Raises NotFoundError without an ACTIVE FULL version, UsageError for a parent that cannot serve, BusyError.
    """
    with lock(layout.lock(f"solution-{name}"), lock_timeout, f"update {name}"):
        started = time.time()
        source = _parent(layout, name, parent)
        solution = read_solution(layout, name)
        bundle = open_bundle(source.serving)
        inputs = _new_data(layout, solution, bundle)
        if inputs.event_offset == bundle.meta.event_offset and not inputs.records:
            unchanged = describe_training(source)
            return unchanged | {"newEvents": 0, "newItems": 0, "impressions": 0, "warnings": []}
        # An hourly UPDATE leaves a killed FULL to `--resume`.
        close_interrupted(layout, name, resumable=False)
        version = start_version(layout, name, _update_record(source, seed))
        with failing_visibly(layout, version):
            record = _fold_in(source, bundle, inputs, version, seed)
        record["seconds"] = time.time() - started
        return describe_training(publish_version(layout, version, record, shared_with=source))


def _parent(layout: Layout, name: str, reference: str | None) -> Version:
    hint = f"run `newfound solution train {name} --mode full` first"
    if reference is not None:
        version = find_version(layout, reference)
        if version.solution != name or version.status != ACTIVE:
            raise UsageError(
                f"{version.name} cannot be the parent of an UPDATE of {name}", "name an ACTIVE version of it"
            )
        return version
    if not layout.solution(name).is_dir():
        raise NotFoundError(f"there is no solution {name!r} to update", hint)
    newest = newest_parent(layout, name)
    if newest is None:
        raise NotFoundError(f"solution {name!r} has no ACTIVE FULL version to update", hint)
    return newest


def _update_record(source: Version, seed: int) -> dict[str, Any]:
    return {
        "trainingMode": UPDATE,
        "recipe": source.record["recipe"],
        "parent": source.name,
        "full": source.record["full"],
        "fullEventOffset": source.record["fullEventOffset"],
        "seed": seed,
        "python": platform.python_version(),
        "libraries": {name: installed(name) for name in ("newfound", "numpy")},
    }


def _new_data(layout: Layout, solution: Solution, bundle: Bundle) -> UpdateInputs:
    events, items = Table(layout, "events"), Table(layout, "items")
    events_now, items_now = events.snapshot(), items.snapshot()
    rows = read_events(events, events_now, bundle.meta.event_offset, solution.selection)
    named = {row.recommendation_id for row in rows if row.recommendation_id is not None}
    log = Table(layout, "recommendations")
    responses = read_responses(log, log.snapshot(), named)
    records: list[Record] = []
    if items_now.next_offset > bundle.meta.item_record_offset:
        from newfound.dataset.current import current_records

        since = bundle.meta.item_record_offset
        records = current_records(layout, "items", items_now, since).to_dicts()
    names = dict.fromkeys(response.version for response in responses.values())
    served_by = {name: found for name in names if (found := _learned(layout, name, bundle)) is not None}
    return UpdateInputs(rows, responses, records, events_now.next_offset, items_now.next_offset, served_by)


def _learned(layout: Layout, name: str, parent: Bundle) -> Learned | None:
    """What lists taught a version by whose codes and user features the parent goes too; None for any other."""
    try:
        served = open_bundle(find_version(layout, name).serving)
    except NewfoundError:  # deleted, or damaged: `verify` will say so
        return None
    text = np.asarray(served.overlay["items_text"])
    own = np.asarray(parent.overlay["items_text"])[: len(text)]
    same_base = np.array_equal(served.base["center"], parent.base["center"])
    return served.learned if same_base and np.array_equal(text, own) else None


def _fold_in(
    source: Version, bundle: Bundle, inputs: UpdateInputs, version: Version, seed: int
) -> dict[str, Any]:
    if find_recipe(source.record["recipe"]).learns:
        result = update(bundle, inputs, seed)
    else:
        from newfound.recipes.popularity import update_popularity

        result = update_popularity(bundle, inputs, seed)
    serving = version.serving
    make_directory(serving / BASE)
    for path in sorted((source.serving / BASE).iterdir()):
        link_or_copy(path, serving / BASE / path.name)
    save_overlay(serving, result.bundle.meta, result.bundle.overlay)
    return {
        "eventOffset": inputs.event_offset,
        "items": result.bundle.n_items,
        "newItems": result.new_items,
        "users": result.bundle.n_users,
        "interactions": source.record["interactions"] + sum(row.item is not None for row in inputs.rows),
        "newEvents": len(inputs.rows),
        "impressions": result.impressions,
        "warnings": result.warnings,
        "metrics": None,
    }
