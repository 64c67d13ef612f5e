from __future__ import annotations

from dataclasses import replace

import pytest

from newfound.errors import DamagedError
from newfound.store.arrow import LONG, STRING, arrow_table
from newfound.store.content_checks import check_contents, check_event_ids
from newfound.store.event_ids import EventIds, catch_up
from newfound.store.tables import Table

from .conftest import rows


def test_rows_that_fit_their_log_pass(table: Table) -> None:
    for user in range(40):
        table.append(rows(user), 1)
    check_contents(table, table.snapshot())


@pytest.mark.parametrize("change", [{"rows": 9}, {"max_offset": 9}, {"min_user_hash": 9}])
def test_a_file_described_wrongly_is_damage(change: dict[str, int], table: Table) -> None:
    table.append(rows(1), 1)
    snapshot = table.snapshot()
    wrong = replace(snapshot, files=tuple(replace(file, **change) for file in snapshot.files))
    with pytest.raises(DamagedError, match="not those that the log describes"):
        check_contents(table, wrong)


def test_an_offset_that_repeats_or_was_never_given_is_damage(table: Table) -> None:
    for offsets in ([0, 0], [5]):
        with table.writing(1) as writer:
            writer.add(arrow_table({"EVENT_OFFSET": (LONG, offsets)}), keep_offsets=True)
            writer.commit(keep=lambda file: False)
        with pytest.raises(DamagedError, match="EVENT_OFFSET is not unique"):
            check_contents(table, table.snapshot())


def test_a_log_that_tells_other_engines_otherwise_is_damage(table: Table) -> None:
    table.append(rows(1), 1)
    table.append(rows(2), 1)
    snapshot = table.snapshot()
    with pytest.raises(DamagedError, match="other engines"):
        check_contents(table, replace(snapshot, files=snapshot.files[:1]))


def test_an_index_that_lacks_an_id_is_damage(table: Table) -> None:
    table.append(arrow_table({"EVENT_ID": (STRING, ["a", None])}), 1)
    snapshot = table.snapshot()
    folder = table.layout.event_ids
    check_event_ids(folder, catch_up(folder, snapshot), snapshot)
    check_event_ids(folder, EventIds(covered=0), snapshot)
    with pytest.raises(DamagedError, match="lacks ids"):
        check_event_ids(folder, EventIds(covered=1), snapshot)
