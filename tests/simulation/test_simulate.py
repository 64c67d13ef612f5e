from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from tests.worlds import make_world, write_world

from newfound import project
from newfound.errors import TooLittleDataError, UsageError
from newfound.explore.policy import YoungItems, serve_block
from newfound.explore.settings import ExplorationSettings
from newfound.progress import Progress, silent
from newfound.simulation.memory import Memory
from newfound.simulation.players import MostClicked
from newfound.simulation.policies import OTHERS, weighted
from newfound.simulation.presets import synthetic_world
from newfound.simulation.project_world import half_life_days, project_world
from newfound.simulation.report import page, percent
from newfound.simulation.simulate import Plan, simulate
from newfound.simulation.traffic import Audience

SCHEMA = Path(__file__).parents[2] / "schemas" / "output" / "simulate.json"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Six hours with every policy, one FULL on the way, and the page."""
    output = tmp_path_factory.mktemp("simulate") / "page.html"
    reports: list[Progress] = []
    found = project.simulate(
        world="churn", days=0.25, users=100, requests_per_hour=15, weights=[0.3], full_every=0.125,
        output=output, progress=reports.append,
    )  # fmt: skip
    return {"found": found, "page": output.read_text(), "reports": reports}


def test_every_policy_meets_the_same_visitors_and_the_oracle_is_best(played: dict[str, Any]) -> None:
    rows = {row["policy"]: row for row in played["found"]["policies"]}
    assert list(rows) == [
        "oracle", "greedy", "weight 0.3", "ignore-new", "popularity", "epsilon-greedy", "thompson", "ucb",
    ]  # fmt: skip
    assert len({row["requests"] for row in rows.values()}) == 1
    assert all(row["clicks"] <= rows["oracle"]["clicks"] for row in rows.values())
    assert rows["ignore-new"]["newShare"] == rows["ignore-new"]["exploredShare"] == 0
    assert rows["greedy"]["exploredShare"] == 0 < rows["epsilon-greedy"]["exploredShare"]


def test_the_result_fits_its_schema_and_is_plain_json(played: dict[str, Any]) -> None:
    Draft202012Validator(json.loads(SCHEMA.read_bytes())).validate(json.loads(json.dumps(played["found"])))


def test_progress_counts_every_hour_of_every_policy(played: dict[str, Any]) -> None:
    last = played["reports"][-1]
    assert last.done == last.total == 8 * 6


def test_the_page_loads_and_runs_nothing(played: dict[str, Any]) -> None:
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in played["page"]
    assert not re.search(r"<script|<img|<link|href|src=|@import|url\(", played["page"])
    assert played["page"].count("<svg") == 3 and "weight 0.3" in played["page"]


def test_text_on_the_page_is_escaped() -> None:
    report = {
        "world": "<b>&", "bestWeight": 0.3, "days": 1.0, "requestsPerHour": 1.0, "numResults": 1, "users": 1,
        "items": 1, "newItems": 1, "seeds": [0], "policies": [],
    }  # fmt: skip
    ones = {"clicks": np.ones(3), "requests": np.ones(3), "explored": np.zeros(3)}
    text = page(report, {"greedy": ones, "<i>": ones})
    assert "<b>" not in text and "<i>" not in text and "&lt;b&gt;&amp;" in text and "&lt;i&gt;" in text


def test_shares_and_lifts_are_written_for_people() -> None:
    assert percent(None) == "-" and percent(0.5) == "50.0 %"
    assert percent({"value": 0.1, "low": -0.02, "high": 0.2}) == "+10.0 % (-2.0 to +20.0)"


def test_a_guest_meets_the_same_visitors() -> None:
    met: list[int] = []

    def guest(audience: Audience, k: int, seed: int) -> MostClicked:
        met.extend([k, seed])
        return MostClicked(audience, k)

    plan = Plan(
        days=1 / 24, requests_per_hour=60, k=5, seeds=(3,), full_every_days=0, weights=(), others=("popularity",)
    )  # fmt: skip
    found = simulate(
        plan, lambda seed: synthetic_world("churn", 1, 100, seed), None, silent, {"guest": guest}
    )
    rows = {row["policy"]: row for row in found["policies"]}
    assert list(rows) == ["oracle", "greedy", "popularity", "guest"] and met == [5, 3]
    assert rows["guest"] | {"policy": "popularity"} == rows["popularity"]


def test_a_simulated_site_may_judge_a_full_on_its_own_log() -> None:
    world = synthetic_world("churn", 1, 100, 3)
    memory = Memory(world, np.arange(world.n_old))
    metrics = memory.judge(0, explores=False)
    assert metrics["explorationWeight"] == 0 and metrics["metrics"]["coverage"] > 0


@pytest.mark.parametrize(
    "options", [{"world": "moon"}, {"days": 0}, {"users": 5}, {"policies": ["luck"]}, {"weights": [2.0]}]
)
def test_what_cannot_be_simulated_is_refused(options: dict[str, Any]) -> None:
    begun: list[Any] = []
    with pytest.raises(UsageError):
        project.simulate(**{"world": "churn", "progress": begun.append, **options})
    assert not begun


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_simulated_policy_shows_what_serving_shows(weight: float) -> None:
    chance = np.random.default_rng(0)
    relevance = chance.normal(0, 1, (20, 60)).astype(np.float32)
    relevance[:, :50][chance.random((20, 50)) < 0.2] = -np.inf
    young = YoungItems(np.arange(30, 60, dtype=np.int32), np.full(30, 0.9, np.float32))
    sigma = chance.uniform(0.1, 1, (20, 30)).astype(np.float32)
    seeds = [str(row) for row in range(20)]
    settings = ExplorationSettings(weight)
    ours = weighted(weight).choose(relevance, young, sigma, settings, 10, seeds)
    served = serve_block(relevance, young, sigma, settings, 10, seeds)
    assert all((a.items == b.items).all() for a, b in zip(ours, served, strict=True))
    assert all((a.explored == b.explored).all() for a, b in zip(ours, served, strict=True))


@pytest.mark.parametrize("name", OTHERS)
def test_no_rival_shows_what_must_not_be_shown_or_an_item_twice(name: str) -> None:
    relevance = np.random.default_rng(1).normal(0, 1, (50, 30)).astype(np.float32)
    relevance[:, 3] = -np.inf
    young = YoungItems(np.arange(20, dtype=np.int32), np.ones(20, np.float32))
    rival = OTHERS[name]
    for slate in rival.choose(
        relevance, young, np.ones((50, 20), np.float32), rival.settings, 10, ["s"] * 50
    ):
        assert len(set(slate.items.tolist())) == 10 and 3 not in slate.items


def test_a_world_is_fitted_on_a_project_with_its_newest_items_held_back(tmp_path: Path) -> None:
    place = tmp_path / "p"
    project.Project.init(place)
    own = project.Project(place)
    for dataset, path in write_world(make_world(), tmp_path):
        own.import_dataset(dataset, [path])
    world = project_world(own.layout, 2.0, 0)
    _, items, times = world.history
    assert items.max() < world.n_old < len(world.item_ids)
    assert (times < world.start).all() and (np.diff(world.created) >= 0).all()
    taste = make_world().taste
    genre = make_world().genre
    same = np.array([[taste[u] == genre[i] for i in world.item_ids] for u in world.user_ids])
    assert world.taste[same].mean() > 1 > 0 > world.taste[~same].mean()


def test_too_little_data_to_fit_a_world_is_said(tmp_path: Path) -> None:
    project.Project.init(tmp_path / "p")
    with pytest.raises(TooLittleDataError):
        project.Project(tmp_path / "p").simulate()


def test_the_half_life_is_read_from_how_clicks_thin_out() -> None:
    chance = np.random.default_rng(0)
    day = 86_400
    born = chance.uniform(0, 80, 400) * day
    ages = chance.exponential(2 / np.log(2), (400, 50)) * day
    times = (born[:, None] + ages).astype(np.int64)
    items = np.repeat(np.arange(400), 50)
    known = times.ravel() < 80 * day
    found = half_life_days(items[known], times.ravel()[known], 80 * day)
    assert found == pytest.approx(2, rel=0.25)
    steady = (born[:, None] + chance.uniform(0, 1, (400, 50)) * (80 * day - born[:, None])).astype(np.int64)
    assert half_life_days(items, steady.ravel(), 80 * day) > 20
