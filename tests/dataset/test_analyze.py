"""The analysis of a whole project."""

from __future__ import annotations

from collections.abc import Callable

from newfound.dataset.analyze import analyze
from newfound.dataset.events import put_events
from newfound.dataset.importing import import_dataset
from newfound.store.layout import Layout

WriteFile = Callable[[str, bytes], str]

SHORT = "users with at least 2 interactions each, training needs"


def test_an_empty_project_lacks_everything(layout: Layout) -> None:
    assert analyze(layout) == {
        "insights": [
            {"level": "error", "message": "0 interactions, training needs 1,000 more"},
            {"level": "error", "message": f"0 {SHORT} 25 more"},
        ],
        "columns": [],
    }


def test_findings_come_errors_first_and_columns_by_dataset(layout: Layout, write_file: WriteFile) -> None:
    rows = "".join(f"u{k % 10},i{k % 4},{k},{'click' if k % 3 else ''}\n" for k in range(40))
    path = write_file("i.csv", f"USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n{rows}".encode())
    import_dataset(layout, "interactions", [path])
    import_dataset(layout, "items", [write_file("a.csv", b"ITEM_ID,GENRES\ni0,a|b\ni1,b\ni9,\n")])
    found = analyze(layout)
    assert [(insight["level"], insight["message"]) for insight in found["insights"]] == [
        ("error", "40 interactions, training needs 960 more"),
        ("error", f"10 {SHORT} 15 more"),
        ("warning", "interactions.EVENT_TYPE is 65% complete"),
        ("warning", "33% of the items have no interactions: do the ids match?"),
        ("warning", "items.GENRES is 67% complete"),
        ("info", "rows of interactions with missing values: 14"),
        ("info", "2 items of the interactions have no record"),
        ("info", "rows of items with missing values: 1"),
    ]
    assert [(column["dataset"], column["column"], column["distinct"]) for column in found["columns"]] == [
        ("interactions", "USER_ID", 10),
        ("interactions", "ITEM_ID", 4),
        ("interactions", "EVENT_TYPE", 1),
        ("interactions", "TIMESTAMP", 40),
        ("items", "ITEM_ID", 3),
        ("items", "GENRES", 2),
    ]


def test_times_ahead_of_the_clock_and_low_ratings_are_told(layout: Layout, write_file: WriteFile) -> None:
    rows = "".join(f"u,i,{k},{k % 5 + 1}\n" for k in range(10))
    path = write_file("i.csv", f"USER_ID,ITEM_ID,TIMESTAMP,EVENT_VALUE\n{rows}u,i,4681000000,5\n".encode())
    import_dataset(layout, "interactions", [path])
    warnings = [found["message"] for found in analyze(layout)["insights"] if found["level"] == "warning"]
    assert any("2118" in warning for warning in warnings)
    assert any("rating scale" in warning for warning in warnings)


def test_events_of_anonymous_sessions_do_not_count(layout: Layout) -> None:
    events = [b'{"sessionId": "s", "itemId": "a"}'] * 2 + [
        b'{"userId": "u", "sessionId": "s", "itemId": "a"}'
    ] * 2
    put_events(layout, events)
    assert [insight["message"] for insight in analyze(layout)["insights"]][:2] == [
        "2 interactions, training needs 998 more",
        f"1 {SHORT} 24 more",
    ]
