"""The report about refused rows."""

from __future__ import annotations

import io

from newfound.dataset.batch import RefusedCell
from newfound.dataset.rejects import Rejects


def cells(*rows: int, reason: str = "not a number") -> list[RefusedCell]:
    return [RefusedCell(row, "PRICE", f"v{row}", reason) for row in rows]


def test_the_first_twenty_are_kept_and_all_are_counted_and_written() -> None:
    output = io.BytesIO()
    rejects = Rejects(output)
    rejects.add("a.csv", cells(*range(2, 17)), 15)
    rejects.add("b.csv", cells(*range(2, 17), reason="out of range"), 14)
    assert [row["row"] for row in rejects.first] == [*range(2, 17), *range(2, 7)]
    assert rejects.n_rows == 29
    assert rejects.summary() == "29 bad rows: 15 x not a number, 15 x out of range"
    lines = output.getvalue().decode().splitlines()
    assert lines[:2] == ["file,row,column,value,reason", "a.csv,2,PRICE,v2,not a number"]
    assert len(lines) == 31


def test_the_error_says_where_the_first_bad_row_is() -> None:
    rejects = Rejects()
    rejects.add("a.csv", [RefusedCell(7, "", 'x,"y', "not 3 fields")], 1)
    error = rejects.error()
    assert error.message == "1 bad row: 1 x not 3 fields; the first is a.csv:7: 'x,\"y'"
    assert error.rows == [
        {"file": "a.csv", "row": 7, "column": "", "value": 'x,"y', "reason": "not 3 fields"}
    ]
    assert (error.exit_code, error.path) == (3, "a.csv")
