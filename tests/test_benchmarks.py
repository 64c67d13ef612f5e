"""What benchmarks stand on: campaigns that go on where they stood, and an evaluation that meets a known truth."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from newfound.project import Project
from newfound.simulation.presets import synthetic_world

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def seeds(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import seeds

    return seeds


@pytest.fixture
def truth(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import truth

    return truth


def test_a_seed_is_played_once_for_the_same_settings(seeds: ModuleType, tmp_path: Path) -> None:
    settings = {"benchmark": "sums", "days": 1}
    assert seeds.play_seeds(float, [1, 2], settings, tmp_path, 1) == [1.0, 2.0]
    assert seeds.play_seeds(str, [1, 2, 3], settings, tmp_path, 1) == [1.0, 2.0, "3"]
    assert seeds.play_seeds(str, [1], settings | {"days": 2}, tmp_path, 1) == ["1"]


def test_a_half_written_seed_is_played_again(seeds: ModuleType, tmp_path: Path) -> None:
    settings = {"benchmark": "sums"}
    seeds.play_seeds(float, [], settings, tmp_path, 1)
    [folder] = tmp_path.iterdir()
    (folder / "seed-1.part").write_text("{")
    assert seeds.play_seeds(float, [1], settings, tmp_path, 1) == [1.0]


def test_a_simulated_site_log_tells_what_simulation_knows(truth: ModuleType, tmp_path: Path) -> None:
    world = synthetic_world("churn", 1.0, 120, 7)
    project = truth.make_site(world, tmp_path, {"hidden_dimension": "32"})
    found = truth.play_log(project, world, 10, range(4), truth.weights_earn(project, world, 10))
    assert list(found) == ["weight 0.4", "weight 0.3", "next version"]
    for name, target in found.items():
        for estimator in ("snips", "ips", "dr"):
            low, high = target[estimator]["interval"]
            # Three standard errors, as the trained model differs a little between machines.
            assert abs(target[estimator]["value"] - target["truth"]) < 0.75 * (high - low), (name, estimator)


def test_chances_fall_down_a_list(truth: ModuleType) -> None:
    world = synthetic_world("churn", 1.0, 100, 7)
    lists = np.zeros((100, 3), np.int64)
    chances = truth.click_chances(world, lists)
    assert np.allclose(chances[:, 1] / chances[:, 0], 2**-0.7)
    assert np.allclose(chances[:, 0], world.chance(np.arange(100), lists[:, 0], world.start))


def test_one_seed_has_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import exploration

    assert exploration.interval([None, 0.5]) == {"value": 0.5, "low": None, "high": None}
    assert exploration.interval([None]) is None
    found = exploration.interval([0.0, 1.0])
    assert found["value"] == 0.5 and found["high"] == pytest.approx(0.5 + 12.706 * 0.5)
    assert exploration.show_table({"p": {"x": found, "y": None, "z": {"value": 1.0, "low": None}}}).endswith(
        "| p | 0.500 (-5.853 to 6.853) | - | 1.000 |"
    )


@pytest.mark.parametrize(("name", "value"), [("Epsilon", 0.3), ("Softmax", 2.0), ("SquareCB", 5.0)])
def test_an_explorer_knows_how_likely_its_choices_are(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import peer_explorers

    explore = getattr(peer_explorers, name)(value)
    chance = np.random.default_rng(0)
    costs = np.array([0.3, -0.5, 0.1, 0.9])
    stated: dict[tuple[int, ...], float] = {}
    seen: dict[tuple[int, ...], int] = {}
    n = 20_000
    for _ in range(n):
        places, propensity = explore(costs, 2, chance)
        pair = tuple(places.tolist())
        assert len(set(pair)) == 2
        stated[pair] = float(propensity.prod())
        seen[pair] = seen.get(pair, 0) + 1
    assert all(abs(seen[pair] / n - stated[pair]) < 0.015 for pair in seen)
    assert max(seen, key=lambda pair: seen[pair])[0] == 1


def test_the_made_version_of_a_large_catalogue_can_be_updated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import million

    million.publish(tmp_path, items=300, users=200)
    project = Project.open(tmp_path)
    project.put_events([b'{"userId": "user-3", "itemId": "item-7", "eventType": "click"}'])
    updated = project.train("default", mode="update")
    assert updated["newEvents"] == 1
    assert len(project.recommend("user-3", num_results=5)["itemList"]) == 5
