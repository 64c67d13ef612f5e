"""A double of the project that answers like the real one, and a way to run a command in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from newfound_cli import context
from newfound_cli.dispatch import run

NDCG = "normalized_discounted_cumulative_gain_at_10"
VERSION = {
    "solutionVersion": "default@v2",
    "status": "ACTIVE",
    "trainingMode": "UPDATE",
    "parent": "default@v1",
    "items": 1931,
    "newItems": 191,
    "users": 1500,
    "interactions": 60095,
    "newEvents": 400,
    "impressions": 4000,
    "seconds": 2.5,
    "metrics": None,
}
PART: dict[str, Any] = {
    "metrics": {"precision_at_5": 0.1, NDCG: 0.2},
    "intervals": {"precision_at_5": [0.09, 0.11], NDCG: [0.1, 0.3]},
    "baselines": {"popularity": {"precision_at_5": 0.05, NDCG: 0.1}},
    "gains": {"popularity": {NDCG: {"value": 0.1, "interval": [0.05, 0.15]}}},
    "chance": 0.01,
    "users": 400,
    "items": 900,
}
SLICES = {"cold": None, "warm": PART, "newUsers": None, "longHistories": PART}
SOLUTION = {
    "name": "default",
    "recipe": "user-personalization",
    "eventType": None,
    "eventValueThreshold": None,
    "hyperparameters": {},
    "creationDateTime": 1700000000.5,
    "latestSolutionVersion": "default@v2",
}
CAMPAIGN = {
    "name": "default",
    "solutionVersion": "default@v2",
    "servingVersion": "default@v2",
    "explorationWeight": 0.3,
    "explorationItemAgeCutoff": 30.0,
    "followLatest": False,
}
FILTER = {
    "name": "unseen",
    "filterExpression": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")',
    "parameters": [],
}
DATASET = {"dataset": "interactions", "rows": 60095, "users": 1500, "firstTimestamp": 1597266000}
DOCUMENT = {
    "type": "record",
    "name": "Items",
    "namespace": "com.amazonaws.personalize.schema",
    "fields": [{"name": "ITEM_ID", "type": "string"}, {"name": "TITLE", "type": ["null", "string"]}],
    "version": "1.0",
}
ITEM = {
    "itemId": "5",
    "score": 0.01234,
    "propensity": 0.81,
    "explored": True,
    "title": "Teapot",
    "young": True,
}

LIFT = {"value": 0.1, "low": 0.05, "high": 0.15}
SIMULATED = {
    "world": "churn",
    "halfLifeDays": 4.0,
    "users": 2000,
    "items": 1740,
    "newItems": 391,
    "days": 10.0,
    "requestsPerHour": 300.0,
    "numResults": 10,
    "fullEveryDays": 5.0,
    "seeds": [0],
    "bestWeight": 0.3,
    "policies": [
        {
            "policy": "weight 0.3",
            "explorationWeight": 0.3,
            "requests": 72000,
            "clicks": 9000,
            "clickRate": 0.0125,
            "shareOfOracle": 0.8,
            "regretPerThousandRequests": 31.0,
            "newShare": 0.5,
            "exploredShare": 0.1,
            "exploredOnWorseHalf": 0.4,
            "coverage": 0.6,
            "foundIn24Hours": 0.9,
            "foundIn72Hours": None,
            "t50Hours": 12.0,
            "liftOverGreedy": LIFT,
            "liftOverIgnoringNew": None,
            "firstEightHours": LIFT,
            "firstDay": LIFT,
            "lastHalf": LIFT,
            "breakEvenHour": 9,
        }
    ],
    "seconds": 300.0,
    "output": "report.html",
}

ESTIMATE = {"value": 0.1, "interval": [0.08, 0.12], "effectiveSampleSize": 812.5}
EVALUATION = {
    "estimator": "snips",
    **ESTIMATE,
    "estimators": {"snips": {**ESTIMATE, "refusal": None}, "ips": {**ESTIMATE, "refusal": None}, "dr": None},
    "logged": {"value": 0.09, "interval": [0.07, 0.11]},
    "difference": {"value": 0.01, "interval": [-0.01, 0.03]},
    "overlap": {"meanWeight": 0.98, "meanWeightInterval": [0.9, 1.1], "maxWeight": 12.0, "clippedShare": 0.0},
    "slots": [{"position": 1, "value": 0.1, "logged": 0.09, "shown": 1000, "effectiveSampleSize": 812.5}],
    "responses": 1000,
}

STORY = {
    "itemId": "5",
    "ageDays": 1.5,
    "events": 4,
    "impressions": 40,
    "clicks": 3,
    "relevance": -1.5,
    "learned": 0.2,
    "uncertainty": 0.7,
    "quality": 0.13,
    "interval": [0.05, 0.3],
    "verdict": "still learning",
}
REPORT = {
    "campaign": "default",
    "solutionVersion": "default@v2",
    "explorationWeight": 0.3,
    "explorationItemAgeCutoff": 30.0,
    "youngItems": 191,
    "shownItems": 80,
    "promoted": 3,
    "stillLearning": 180,
    "dropped": 8,
    "usualQuality": 0.12,
    "items": [STORY],
}

# Method of the project -> what it returns.
ANSWERS: dict[str, Any] = {
    "init": {"project": "shop", "name": "shop", "created": True, "formatVersion": 1},
    "status": {
        "project": "shop",
        "name": "shop",
        "datasets": [DATASET],
        "solutions": [
            {**SOLUTION, "solutionVersion": "default@v2", "trainingMode": "UPDATE", "newEvents": 7}
        ],
        "campaigns": [CAMPAIGN],
        "stale": ["7 events since default@v2; run `newfound solution train --mode update`"],
        "next": "newfound solution train --mode update",
    },
    "import_dataset": {
        "dataset": "interactions",
        "rowsRead": 60100,
        "rowsImported": 60095,
        "rowsRejected": 0,
        "duplicates": 5,
        "users": 1500,
        "items": 1740,
        "firstTimestamp": 1534686638,
        "lastTimestamp": 1597266000,
        "seconds": 0.5,
    },
    "datasets": [DATASET],
    "describe_dataset": {**DATASET, "schema": DOCUMENT},
    "analyze": {
        "insights": [{"level": "warning", "message": "12 % of items have no interactions"}],
        "columns": [{"dataset": "items", "column": "GENRES", "complete": 1.0, "distinct": 16}],
    },
    "export": {"dataset": "interactions", "output": "all.csv", "rows": 3},
    "put_events": {"accepted": 2, "duplicates": 1, "rejected": []},
    "put_items": {"accepted": 2, "rejected": []},
    "put_users": {"accepted": 2, "rejected": []},
    "schemas": [{"dataset": "items", "source": "built-in", "fields": 4}],
    "schema": DOCUMENT,
    "check_schema": {"dataset": "items", "valid": True, "fields": 2},
    "infer_schema": {"document": DOCUMENT, "notes": ["TITLE is a plain string"]},
    "create_solution": SOLUTION,
    "train": VERSION,
    "solutions": [{"name": "default", "recipe": "user-personalization", "solutionVersion": "default@v2"}],
    "solution": VERSION,
    "versions": [VERSION],
    "metrics": {
        "solutionVersion": "default@v1",
        "measuredOn": "default@v1",
        **PART,
        "baseline": PART["baselines"]["popularity"],
        "explorationWeight": 0.3,
        "slices": SLICES,
        "cold": None,
        "leaveOneOut": {**PART, "slices": SLICES},
        "inTime": None,
        "sampledFrom": 500,
        "findings": [{"verdict": "good", "text": "better than popularity: NDCG@10 +100% [+50%, +150%]"}],
        "definitions": {"precision": "relevant items in the top K / K"},
    },
    "delete_solution": {"name": "default", "deleted": True},
    "create_campaign": CAMPAIGN,
    "update_campaign": CAMPAIGN,
    "campaigns": [CAMPAIGN],
    "campaign": CAMPAIGN,
    "campaign_report": REPORT,
    "delete_campaign": {"name": "default", "deleted": True},
    "recommend": {
        "recommendationId": "RID-0123456789abcdef0123456789abcdef",
        "campaign": "default",
        "solutionVersion": "default@v2",
        "userId": "1",
        "itemList": [ITEM, {"itemId": "7", "score": 0.01, "propensity": 1.0, "explored": False}],
    },
    "recommend_batch": {
        "input": "u.jsonl",
        "output": "o.jsonl",
        "lines": 3,
        "errors": 0,
        "campaign": "default",
        "solutionVersion": "default@v2",
        "seconds": 0.1,
    },
    "evaluate": EVALUATION,
    "evaluate_log": EVALUATION,
    "create_filter": FILTER,
    "filters": [FILTER],
    "filter": FILTER,
    "check_filter": {"valid": True, "parameters": [], "fields": ["Interactions.EVENT_TYPE"]},
    "delete_filter": {"name": "unseen", "deleted": True},
    "simulate": SIMULATED,
    "verify": {"files": 12, "debris": 0},
    "compact": {"filesMerged": 3, "filesRemoved": 3, "bytesFreed": 4096},
}


@dataclass
class Double:
    """Stands for newfound.project, for its class Project and for instances; an answer may be an error."""

    answers: dict[str, Any] = field(default_factory=lambda: dict(ANSWERS))
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    opened: Path | None = None
    lock_timeout: float = 0.0

    @property
    def Project(self) -> Double:  # noqa: N802 - the class
        return self

    def open(self, directory: Path | None) -> Double:
        self.opened = directory
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def answer(*arguments: Any, **options: Any) -> Any:
            if arguments and name.startswith("put_"):
                arguments = ([bytes(line) for line in arguments[0]], *arguments[1:])
            self.calls.append((name, arguments, options))
            found = self.answers[name]
            if isinstance(found, BaseException):
                raise found
            return found(*arguments, **options) if callable(found) else found

        return answer


@dataclass(frozen=True)
class Outcome:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)


Cli = Callable[..., Outcome]


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Double:
    double = Double()
    monkeypatch.setattr(context, "facade", lambda: double)
    return double


@pytest.fixture
def cli(project: Double, capsys: pytest.CaptureFixture[str]) -> Cli:
    def call(*arguments: str) -> Outcome:
        code = run(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


# Command line -> (method of the project that it calls once, name of the JSON Schema of its output).
COMMANDS: dict[str, tuple[str, str]] = {
    "init shop": ("init", "init"),
    "status": ("status", "status"),
    "dataset import interactions i.csv": ("import_dataset", "dataset-import"),
    "dataset list": ("datasets", "dataset-list"),
    "dataset describe items": ("describe_dataset", "dataset-describe"),
    "dataset analyze": ("analyze", "dataset-analyze"),
    "dataset export interactions --output all.csv": ("export", "dataset-export"),
    "schema list": ("schemas", "schema-list"),
    "schema show items": ("schema", "schema-show"),
    "schema check items.json": ("check_schema", "schema-check"),
    "schema infer items.csv --type items": ("infer_schema", "schema-infer"),
    "events put --user 1 --item 5": ("put_events", "events-put"),
    "items put /dev/null": ("put_items", "items-put"),
    "users put /dev/null": ("put_users", "users-put"),
    "solution create default": ("create_solution", "solution-create"),
    "solution train": ("train", "solution-train"),
    "solution list": ("solutions", "solution-list"),
    "solution describe default@v2": ("solution", "solution-describe"),
    "solution versions": ("versions", "solution-versions"),
    "solution metrics": ("metrics", "solution-metrics"),
    "solution delete default": ("delete_solution", "solution-delete"),
    "campaign create": ("create_campaign", "campaign-create"),
    "campaign update": ("update_campaign", "campaign-update"),
    "campaign list": ("campaigns", "campaign-list"),
    "campaign describe": ("campaign", "campaign-describe"),
    "campaign report": ("campaign_report", "campaign-report"),
    "campaign delete default": ("delete_campaign", "campaign-delete"),
    "recommend --user 1": ("recommend", "recommend"),
    "recommend --input u.jsonl --output o.jsonl": ("recommend_batch", "recommend-batch"),
    "evaluate --exploration-weight 0.1": ("evaluate", "evaluate"),
    "evaluate --log shown.csv": ("evaluate_log", "evaluate"),
    "filter create unseen x": ("create_filter", "filter-create"),
    "filter list": ("filters", "filter-list"),
    "filter describe unseen": ("filter", "filter-describe"),
    "filter check x": ("check_filter", "filter-check"),
    "filter delete unseen": ("delete_filter", "filter-delete"),
    "simulate --world churn --output report.html": ("simulate", "simulate"),
    "verify": ("verify", "verify"),
    "compact": ("compact", "compact"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every test that takes `line` each command line in turn."""
    if "line" in metafunc.fixturenames:
        metafunc.parametrize("line", COMMANDS)


@pytest.fixture
def method(line: str) -> str:
    """The method of the project that `line` calls."""
    return COMMANDS[line][0]


@pytest.fixture
def schema(line: str) -> str:
    """The name of the JSON Schema of what `line` prints."""
    return COMMANDS[line][1]


@pytest.fixture
def lines() -> list[str]:
    """Every command line of `COMMANDS`."""
    return list(COMMANDS)
