from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.worlds import World, answers

from newfound.dataset.histories import EventSelection, Histories, share_of_repeats
from newfound.dataset.runs import ranges
from newfound.errors import NotFoundError, TooLittleDataError
from newfound.evaluation.metrics import METRIC_NAMES
from newfound.progress import silent
from newfound.project import Project
from newfound.recipes.assemble import weigh
from newfound.recipes.full import learn, network_minutes, require_enough_data, until
from newfound.recipes.gather import Snapshots, gather_full


def histories(*users: list[int], n_items: int = 50) -> Histories:
    items = np.array([item for user in users for item in user], np.int32)
    n = len(items)
    return Histories(
        [f"u{k}" for k in range(len(users))],
        [f"i{k}" for k in range(n_items)],
        np.append(0, np.cumsum([len(user) for user in users])).astype(np.int64),
        items,
        np.arange(n, dtype=np.int64),
        np.zeros(n, np.int16),
        np.ones(n, np.bool_),
        np.zeros(n, np.bool_),
        ("click",),
    )


def test_a_thousand_interactions_are_enough_and_999_are_not() -> None:
    require_enough_data(histories(*[[1] * 40] * 25), None)
    with pytest.raises(TooLittleDataError, match=r"^999 interactions are too few to train: 1,000") as caught:
        require_enough_data(histories(*[[1] * 40] * 24, [1] * 39), None)
    assert caught.value.hint == "import or put 1 more"
    assert caught.value.exit_code == 3


def test_25_users_with_two_interactions_are_enough_and_24_are_not() -> None:
    require_enough_data(histories(*[[1] * 40] * 25, [1]), None)
    with pytest.raises(TooLittleDataError, match="24 users with at least 2 interactions each are too few"):
        require_enough_data(histories(*[[1] * 50] * 24, [1]), None)


def test_a_hundredth_of_the_users_must_come_back() -> None:
    once = [[1]] * 3_000
    require_enough_data(histories(*[[1, 2]] * 31, *once), None)
    with pytest.raises(TooLittleDataError, match=r"30 users .* 31 are needed"):
        require_enough_data(histories(*[[1, 2]] * 30, *once), None)


def test_the_error_names_the_event_type_that_left_too_little() -> None:
    with pytest.raises(TooLittleDataError, match="2 interactions after filtering by event type: watch"):
        require_enough_data(histories([1, 2]), "watch")


def test_the_error_names_the_threshold_that_left_too_little() -> None:
    with pytest.raises(
        TooLittleDataError, match="0 interactions after filtering by EVENT_VALUE of at least 3 are"
    ):
        require_enough_data(histories(), None, 3.0)
    with pytest.raises(TooLittleDataError, match="event type: watch and EVENT_VALUE of at least 4 are"):
        require_enough_data(histories([1, 2]), "watch", 4.0)


def test_histories_are_cut_at_their_ends() -> None:
    cut = until(histories([1, 2, 3], [4], [5, 6]), np.array([2, 3, 6]))
    assert cut.offsets.tolist() == [0, 2, 2, 4]
    assert cut.items.tolist() == [1, 2, 5, 6]
    assert cut.times.tolist() == [0, 1, 4, 5]


def test_repeats_are_events_on_what_the_user_had_before() -> None:
    assert share_of_repeats(histories([1, 2, 1], [1])) == 0.25
    assert share_of_repeats(histories([1, 2], [2, 1])) == 0


def test_what_the_metrics_ask_for_decides_nothing_that_is_judged(trained: Path) -> None:
    layout = Project.open(trained).layout
    inputs = gather_full(layout, Snapshots.take(layout), EventSelection(), explores=True, seed=0)
    learned, before = learn(inputs, {"hidden_dimension": "32"}, None, False, None, silent)
    known, split = inputs.histories, learned.split
    hidden = ranges(split.ends[split.test_users], known.offsets[split.test_users + 1])
    others = known.items.copy()
    others[hidden] = (others[hidden] + 1) % known.n_items
    changed = replace(inputs, histories=replace(known, items=others))
    again, after = learn(changed, {"hidden_dimension": "32"}, None, False, None, silent)
    assert len(hidden) > 0
    assert (again.blend, again.maps) == (learned.blend, learned.maps)
    judged, same = weigh(before, learned.blend, learned.maps), weigh(after, again.blend, again.maps)
    for name in set(judged.base) - {"history_items"}:
        np.testing.assert_array_equal(judged.base[name], same.base[name], name)


# -- what a finished FULL says of itself


@pytest.fixture(scope="module")
def report(trained: Path) -> dict[str, Any]:
    return Project.open(trained).metrics("default@v1")


def test_metrics_stand_beside_both_baselines_with_intervals(report: dict[str, Any]) -> None:
    assert list(report["metrics"]) == list(METRIC_NAMES)
    assert list(report["baseline"]) == list(METRIC_NAMES)
    assert set(report["baselines"]) == {"popularity", "sequential_rules"}
    for name, (low, high) in report["intervals"].items():
        assert low <= report["metrics"][name] <= high, name


def test_metrics_are_measured_at_the_default_exploration_and_at_none(report: dict[str, Any]) -> None:
    assert report["explorationWeight"] == 0.3
    assert set(report["atWeightZero"]["metrics"]) == set(METRIC_NAMES)


def test_lists_are_of_what_each_one_likes(project: Project, world: World) -> None:
    lists = answers(project, world.users, campaign="exploit", num_results=5)
    liked = [world.genre[item] == world.taste[user] for user in world.users for item in lists[user]]
    assert np.mean(liked) > 0.9  # one list for all could reach a quarter


def test_the_record_can_repeat_the_run(trained: Path) -> None:
    record = json.loads((trained / "solutions/default/versions/v1/version.json").read_bytes())
    assert record["trainingMode"] == "FULL"
    assert record["seed"] == 0
    assert record["tables"]["interactions"] == 1
    assert record["hyperparameters"] == {"hidden_dimension": "32"}
    assert {"newfound", "numpy", "jax", "optax"} <= set(record["libraries"])
    assert record["training"]["epochs"]
    assert record["training"]["configuration"]["hidden_dimension"] == 32


def test_users_with_two_events_each_train_and_withhold_nothing(tmp_path: Path) -> None:
    table = tmp_path / "interactions.csv"
    rows = [
        f"u{user},i{(user * 7 + k) % 30},{1_700_000_000 + user + k}" for user in range(600) for k in (0, 1)
    ]
    table.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *rows, ""]))
    Project.init(tmp_path / "project")
    project = Project.open(tmp_path / "project")
    project.import_dataset("interactions", [table])
    assert project.train(max_minutes=0.05)["metrics"] is None
    with pytest.raises(NotFoundError, match="has no metrics"):
        project.metrics()
    assert project.create_campaign()["solutionVersion"] == "default@v1"


def test_the_network_gets_what_the_rest_of_a_time_limit_leaves_and_half_of_it_at_least() -> None:
    assert network_minutes(None, 100, 50) is None
    assert network_minutes(3, spent=6, counted=5) == pytest.approx(3 - (6 + 4 + 15) / 60)
    assert network_minutes(3, spent=300, counted=200) == 1.5
