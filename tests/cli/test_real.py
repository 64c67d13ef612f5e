"""Every command on a real project: its output fits the published JSON Schema."""

from __future__ import annotations

import io
import random
import shlex
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from newfound_cli.dispatch import run

OUTPUTS = Path(__file__).parents[2] / "schemas" / "output"
LAST = 1_700_000_000
UNSEEN = """'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'"""

# In order: each line works on what the lines before it left. Name of the JSON Schema -> command lines.
TOUR: list[tuple[str, str]] = [
    ("init", "init"),
    ("status", "status"),
    ("schema-list", "schema list"),
    ("schema-show", "schema show interactions"),
    ("schema-infer", "schema infer {data}/items.csv --type items"),
    ("dataset-import", "dataset import interactions {data}/interactions.csv"),
    ("dataset-import", "dataset import items {data}/items.csv"),
    ("dataset-list", "dataset list"),
    ("dataset-describe", "dataset describe interactions"),
    ("dataset-analyze", "dataset analyze"),
    ("solution-create", "solution create default --hyperparameter hidden_dimension=32"),
    ("solution-train", "solution train --max-minutes 0.3 --tune 2"),
    ("solution-list", "solution list"),
    ("solution-describe", "solution describe"),
    ("solution-describe", "solution describe default@v1"),
    ("solution-versions", "solution versions"),
    ("solution-metrics", "solution metrics"),
    ("campaign-create", "campaign create --exploration-weight 1"),
    ("campaign-list", "campaign list"),
    ("filter-create", f"filter create unseen {UNSEEN}"),
    ("filter-check", f"filter check {UNSEEN}"),
    ("filter-list", "filter list"),
    ("filter-describe", "filter describe unseen"),
    ("recommend", "recommend --user u1 -k 5"),
    ("recommend", "recommend --user u1 -k 5 --explain --no-log --filter unseen --at 2023-11-15T00:00:00Z"),
    ("recommend", "recommend --user stranger --rank-items i1,i2,nothing"),
    ("recommend", "recommend --user stranger --rank-items i1,nothing --explain"),
    ("recommend-batch", "recommend --input {data}/users.jsonl --output {data}/out.jsonl -k 5"),
    ("events-put", "events put --user u1 --item i3 --event-id e1 --timestamp 1696630400"),
    ("events-put", "events put --user u1 --item i3 --event-id e1 --timestamp 1696630400"),
    ("items-put", "items put {data}/new.jsonl"),
    ("users-put", "users put {data}/people.jsonl"),
    ("status", "status"),
    ("evaluate", "evaluate --log {data}/shown.csv"),
    ("evaluate", "evaluate --log {data}/shown.csv --target-log {data}/shown.csv --estimator dr"),
    ("solution-train", "solution train --mode update"),
    ("campaign-update", "campaign update"),
    ("campaign-describe", "campaign describe"),
    ("campaign-report", "campaign report"),
    ("solution-describe-item", "solution describe default@v2 --item i3"),
    ("dataset-export", "dataset export interactions --output {data}/all.csv"),
    ("status", "status"),
    ("verify", "verify"),
    ("verify", "verify --deep"),
    ("compact", "compact"),
    ("filter-delete", "filter delete unseen"),
    ("campaign-delete", "campaign delete default"),
    ("solution-delete", "solution delete default"),
]


def write_data(folder: Path) -> None:
    """Sixty users who each choose twenty of forty items, the even ones even items; two items are new."""
    chance = random.Random(7)
    rows = ["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP"]
    for user in range(60):
        for k, item in enumerate(chance.sample(range(user % 2, 40, 2), 20)):
            rows.append(f"u{user},i{item},click,{LAST - 86_400 * 40 + user + 3600 * k}")
    folder.joinpath("interactions.csv").write_text("\n".join([*rows, ""]))
    items = [f"i{k},{'Even' if k % 2 == 0 else 'Odd'},{LAST - 86_400 * 100}" for k in range(40)]
    new = [f"n{k},Even,{LAST}" for k in range(2)]
    text = "\n".join(["ITEM_ID,GENRES,CREATION_TIMESTAMP", *items, *new, ""])
    folder.joinpath("items.csv").write_text(text)
    folder.joinpath("users.jsonl").write_text('{"userId": "u1"}\nnonsense\n{"userId": "u2"}\n')
    folder.joinpath("new.jsonl").write_text('{"itemId": "n9", "properties": {"genres": "Odd"}}\n')
    shown = [f"i{chance.randrange(4)},0.25,{k % 2},{k % 3 / 4}" for k in range(900)]
    folder.joinpath("shown.csv").write_text(
        "\n".join(["ITEM,PROPENSITY,REWARD,TARGET_PROPENSITY", *shown, ""])
    )
    folder.joinpath("people.jsonl").write_text('{"userId": "u1", "properties": {}}\n')


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, int, Any, str]]:
    """Run the tour once: (schema, line, exit code, document, standard error) of each step."""
    data, project = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("parent") / "shop"
    write_data(data)
    found = []
    for schema, line in TOUR:
        words = shlex.split(line.replace("{data}", str(data)))
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            code = run(["--json", "-q", "-C", str(project), *words])
        found.append((schema, line, code, orjson.loads(out.getvalue() or "null"), err.getvalue()))
    lines = [orjson.loads(line) for line in (data / "out.jsonl").read_bytes().splitlines()]
    return found + [("recommend-batch-line", "a line of out.jsonl", 0, line, "") for line in lines]


@pytest.mark.parametrize("step", range(len(TOUR) + 3))
def test_real_output_fits_its_schema(answers: list[tuple[str, str, int, Any, str]], step: int) -> None:
    schema, line, code, document, err = answers[step]
    assert (line, code, err) == (line, 0, "")
    Draft202012Validator(orjson.loads((OUTPUTS / f"{schema}.json").read_bytes())).validate(document)


def test_the_tour_gives_what_the_contract_promises(answers: list[tuple[str, str, int, Any, str]]) -> None:
    by_line = {line: document for _, line, _, document, _ in answers}
    imported = by_line["dataset import interactions {data}/interactions.csv"]
    assert (imported["rowsImported"], imported["users"], imported["items"]) == (1200, 60, 40)
    assert by_line["recommend --user u1 -k 5"]["recommendationId"].startswith("RID-")
    assert len(by_line["recommend --user u1 -k 5"]["itemList"]) == 5
    assert by_line["events put --user u1 --item i3 --event-id e1 --timestamp 1696630400"] == {
        "accepted": 0,
        "duplicates": 1,
        "rejected": [],
    }
    assert by_line["recommend --user stranger --rank-items i1,i2,nothing"]["itemList"][-1]["score"] is None
    assert [trial["trial"] for trial in by_line["solution train --max-minutes 0.3 --tune 2"]["trials"]] == [
        1,
        2,
    ]
    assert by_line["solution metrics"]["inTime"]["baselines"].keys() > {"recent_popularity"}
    updated = by_line["solution train --mode update"]
    assert (updated["parent"], updated["newEvents"]) == ("default@v1", 1)
    assert by_line["campaign update"]["solutionVersion"] == "default@v2"
