"""Tables are short, aligned and never cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newfound_cli.tables import Table, details, draw, listing

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Double


def test_numbers_stand_to_the_right_and_unused_columns_are_left_out() -> None:
    table = listing([{"name": "a", "rows": 5}, {"name": "b", "rows": 1200}], "name", "rows", "status")
    assert draw(table, no_color=False) == "name   rows\na         5\nb     1,200\n"


def test_a_record_is_lines_of_key_and_value_without_its_warnings() -> None:
    table = details({"solutionVersion": "default@v1", "items": 3, "warnings": ["x"], "notes": ["y"]})
    assert draw(table, no_color=False) == "solution version  default@v1\nitems             3\n"


def test_wide_and_combining_characters_keep_the_columns_straight() -> None:
    rows = [["茶壶", "1"], ["e\u0301tude", "22"], ["ab", "333"]]
    drawn = draw(Table(["item", "n"], rows, frozenset({1})), no_color=False)
    assert drawn == "item     n\n茶壶     1\ne\u0301tude   22\nab     333\n"


def test_nothing_is_cut_or_wrapped_where_there_is_no_terminal() -> None:
    words = "word " * 100
    assert words.strip() in draw(Table(["a", "b"], [[words, "x" * 500]]), no_color=False)


def test_recommendations_show_rank_title_and_marks(cli: Cli) -> None:
    assert cli("recommend", "--user", "1").out.splitlines() == [
        "default | default@v2 | RID-0123456789abcdef0123456789abcdef",
        "rank  item  title     score  propensity  mark",
        "   1  5     Teapot  0.01234        0.81  new, explored",
        "   2  7     -          0.01           1",
    ]


def test_status_says_what_is_stale_and_what_to_run_next(cli: Cli) -> None:
    out = cli("status").out
    assert "7 events since default@v2" in out
    assert out.endswith("next: newfound solution train --mode update\n")
    assert "1597266000 (2020-08-12T21:00:00Z)" in out


def test_metrics_stand_beside_the_baseline_with_their_interval(cli: Cli) -> None:
    line = cli("solution", "metrics").out.splitlines()[2]
    assert line.split() == ["precision_at_5", "0.1", "0.09,", "0.11", "0.05"]


def test_a_change_of_state_suggests_the_next_command_on_standard_error(cli: Cli) -> None:
    assert cli("solution", "train").err == "next: newfound campaign update --solution default\n"
    assert cli("solution", "train", "--json").err == ""


def test_a_report_of_new_items_that_nobody_saw_says_how_to_fill_it(cli: Cli, project: Double) -> None:
    assert cli("campaign", "report").err == ""
    project.answers["campaign_report"] = {**project.answers["campaign_report"], "shownItems": 0}
    assert "then newfound solution train --mode update" in cli("campaign", "report").err
    project.answers["campaign_report"]["solutionVersion"] = "buyers@v2"
    assert "then newfound solution train buyers --mode update" in cli("campaign", "report").err


def test_a_weight_is_advised_only_if_its_lift_is_beyond_chance(cli: Cli, project: Double) -> None:
    assert cli("simulate").out.endswith("newfound campaign update --exploration-weight 0.3\n")
    found = project.answers["simulate"]
    for best, low, high, sure in [(0.3, -0.1, 0.2, False), (0, -0.3, 0.1, False), (0, -0.3, -0.1, True)]:
        row = {**found["policies"][0], "liftOverGreedy": {"value": 0.0, "low": low, "high": high}}
        project.answers["simulate"] = {**found, "bestWeight": best, "policies": [row]}
        assert ("campaign update" in cli("simulate").out) is sure
        assert ("may be chance" in cli("simulate").out) is not sure
    row["liftOverGreedy"] = None
    project.answers["simulate"] = {**found, "policies": [row]}
    assert "may be chance" in cli("simulate").out
