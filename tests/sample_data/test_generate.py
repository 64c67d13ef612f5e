"""The committed demo data set is what the generator writes, and holds what its README says."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from newfound.schema.parsing import read_document
from newfound.schema.rows import check_rows

FOLDER = Path(__file__).parents[2] / "sample_data"
FILES = ["bandits-demo-interactions.csv", "bandits-demo-items.csv"]
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def interactions() -> Rows:
    return read("interactions")


@pytest.fixture(scope="module")
def items() -> Rows:
    return read("items")


def read(table: str) -> Rows:
    with (FOLDER / f"bandits-demo-{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def is_cold(item: dict[str, str]) -> bool:
    return int(item["ITEM_ID"]) > 1800


def test_the_generator_writes_the_committed_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(FOLDER / "generate.py"), str(tmp_path)], check=True, timeout=120)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_the_files_stay_small() -> None:
    assert sum((FOLDER / name).stat().st_size for name in FILES) < 9_000_000


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "interactions",
            {
                "USER_ID": "string",
                "ITEM_ID": "string",
                "EVENT_TYPE": "string",
                "EVENT_VALUE": ["null", "float"],
                "TIMESTAMP": "long",
                "IMPRESSION": "string",
            },
        ),
        (
            "items",
            {
                "ITEM_ID": "string",
                "GENRES": ["null", "string"],
                "TITLE": "string",
                "CREATION_TIMESTAMP": "long",
            },
        ),
    ],
)
def test_the_schema_documents_are_those_of_the_launch_text_and_name_the_columns_in_order(
    table: str, expected: dict[str, str | list[str]]
) -> None:
    document = json.loads((FOLDER / f"{table}-schema.json").read_text(encoding="utf-8"))
    fields = {field["name"]: field["type"] for field in document.pop("fields")}
    assert document == {
        "type": "record",
        "name": table.capitalize(),
        "namespace": "com.amazonaws.personalize.schema",
        "version": "1.0",
    }
    assert fields == expected
    assert list(read(table)[0]) == list(expected)


@pytest.mark.parametrize("folder", ["sample_data", "schemas"])
@pytest.mark.parametrize("table", ["interactions", "items"])
def test_every_row_fits_the_own_and_the_built_in_schema_document(folder: str, table: str) -> None:
    name = f"{table}-schema.json" if folder == "sample_data" else f"{table}.json"
    document = read_document(FOLDER.parent / folder / name, table)
    frame = pl.read_csv(FOLDER / f"bandits-demo-{table}.csv", infer_schema=False)
    rows, refused = check_rows(frame, document)
    assert set(frame.columns) <= set(rows.columns)
    assert rows.height == frame.height
    assert refused.is_empty()


def test_only_genres_are_categorical() -> None:
    for table, categorical in (("interactions", []), ("items", ["GENRES"])):
        fields = json.loads((FOLDER / f"{table}-schema.json").read_text(encoding="utf-8"))["fields"]
        assert [field["name"] for field in fields if field.get("categorical")] == categorical


def test_the_newest_191_of_1931_films_are_cold(items: Rows, interactions: Rows) -> None:
    newest = max(int(row["TIMESTAMP"]) for row in interactions)
    cold = [item for item in items if is_cold(item)]
    assert (len(items), len(cold)) == (1931, 191)
    assert len({item["ITEM_ID"] for item in items}) == 1931
    assert {int(item["CREATION_TIMESTAMP"]) for item in cold} == {newest}
    shown = {label for row in interactions for label in row["IMPRESSION"].split("|")}
    assert shown.isdisjoint(item["ITEM_ID"] for item in cold)


def test_old_films_are_older_than_the_default_age_cutoff_and_labels_have_gaps(items: Rows) -> None:
    newest = max(int(item["CREATION_TIMESTAMP"]) for item in items)
    ages = [(newest - int(item["CREATION_TIMESTAMP"])) / 86_400 for item in items if not is_cold(item)]
    labels = {int(item["ITEM_ID"]) for item in items}
    assert min(ages) >= 45
    assert max(ages) > 25 * 365
    assert {1, 2, 3, 4, 5, 6, 7, 8, 9, 1270} <= labels
    assert min(labels) == 1
    assert not set(range(1, 1801)) <= labels
    assert not set(range(1801, max(labels))) <= labels


def test_the_first_row_is_that_of_the_launch_text(interactions: Rows) -> None:
    first = interactions[0]
    assert (first["USER_ID"], first["ITEM_ID"]) == ("1", "1270")
    assert first["IMPRESSION"] == "1270|1|2|3|4|5|6|7|8|9"


def test_every_row_shows_ten_released_films_the_chosen_one_first(items: Rows, interactions: Rows) -> None:
    released = {item["ITEM_ID"]: int(item["CREATION_TIMESTAMP"]) for item in items}
    for row in interactions:
        shown = row["IMPRESSION"].split("|")
        assert shown[0] == row["ITEM_ID"]
        assert len(set(shown)) == len(shown) == 10
        assert max(released[label] for label in shown) <= int(row["TIMESTAMP"])


def test_ratings_are_half_steps_over_about_two_years_by_users_with_histories(interactions: Rows) -> None:
    assert {row["EVENT_TYPE"] for row in interactions} == {"rating"}
    assert {float(row["EVENT_VALUE"]) for row in interactions} == {step / 2 for step in range(2, 11)}
    times = [int(row["TIMESTAMP"]) for row in interactions]
    assert 700 < (max(times) - min(times)) / 86_400 <= 730
    per_user = sorted(Counter(row["USER_ID"] for row in interactions).values())
    assert len(interactions) == 60_095
    assert len(per_user) == 1_500
    assert per_user[0] >= 10
    assert per_user[75] >= 20
    assert len({(row["USER_ID"], row["ITEM_ID"]) for row in interactions}) == len(interactions)
    keys = [(int(row["USER_ID"]), int(row["TIMESTAMP"])) for row in interactions]
    assert keys == sorted(keys)


def test_user_1_likes_science_fiction_and_thrillers(items: Rows, interactions: Rows) -> None:
    genres = {item["ITEM_ID"]: item["GENRES"].split("|") for item in items}
    rated = [genres[row["ITEM_ID"]] for row in interactions if row["USER_ID"] == "1"]
    counts = Counter(genre for film in rated for genre in film)
    assert len(rated) == 160
    assert [genre for genre, _ in counts.most_common(2)] == ["Sci-Fi", "Thriller"]
    assert sum(not {"Sci-Fi", "Thriller"}.isdisjoint(film) for film in rated) > 0.85 * len(rated)


def test_titles_differ_and_carry_the_year_of_release_and_genres_are_one_to_three(items: Rows) -> None:
    assert len({item["TITLE"] for item in items}) == len(items)
    assert all(re.fullmatch(r"[A-Z][A-Za-z' -]+ \((19|20)\d\d\)", item["TITLE"]) for item in items)
    assert {len(item["GENRES"].split("|")) for item in items} == {1, 2, 3}


def test_what_came_before_predicts_the_next_film_better_than_popularity(interactions: Rows) -> None:
    """Rank the last film of each user, by counts of films and by counts of which film followed which."""
    histories: dict[str, list[str]] = defaultdict(list)
    for row in interactions:
        histories[row["USER_ID"]].append(row["ITEM_ID"])
    popular = Counter(item for history in histories.values() for item in history[:-1])
    follows: dict[str, Counter[str]] = defaultdict(Counter)
    for history in histories.values():
        for before, after in pairwise(history[:-1]):
            follows[before][after] += 1

    def top_ten(counts: Counter[str], seen: set[str]) -> list[str]:
        return [item for item, _ in counts.most_common(10 + len(seen)) if item not in seen][:10]

    by_popularity = sum(h[-1] in top_ten(popular, set(h[:-1])) for h in histories.values())
    by_last_film = sum(h[-1] in top_ten(follows[h[-2]], set(h[:-1])) for h in histories.values())
    assert by_last_film > 3 * by_popularity
