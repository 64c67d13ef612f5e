"""A FULL that begins from the last one's weights: by id, deterministic, and blind to what it is judged on."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tests.worlds import LATEST, lines

from newfound.dataset.histories import EventSelection, Histories
from newfound.evaluation.splits import WithheldSplit
from newfound.project import Project
from newfound.recipes.assemble import FullInputs
from newfound.recipes.gather import Snapshots, gather_full
from newfound.recipes.warm_start import NEVER, last_visible, unseen_by, warm_weights
from newfound.serving.bundle import Bundle

BASE = Path("solutions/default/versions")


def record(project: Project, version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.root / BASE / version / "version.json").read_bytes())
    return found


def base(project: Project, version: str) -> dict[str, bytes]:
    folder = project.root / BASE / version / "serving/base"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def more_events(n: int = 300) -> list[bytes]:
    chance = random.Random(0)
    return lines(
        *(
            {
                "userId": f"u{chance.randrange(230)}",
                "itemId": f"i{chance.randrange(125)}",
                "sentAt": LATEST + k,
            }
            for k in range(n)
        )
    )


def test_the_second_full_begins_from_the_first_and_gives_the_same_bytes_again(project: Project) -> None:
    project.put_events(more_events())
    second = project.train()
    assert (second["warmStart"], record(project, "v2")["beginFrom"]) == ("default@v1", "default@v1")
    epochs = [len(record(project, version)["training"]["epochs"]) for version in ("v1", "v2")]
    assert epochs[1] <= 6 < epochs[0]
    made = base(project, "v2")
    project.delete_solution("default@v2")
    assert project.train()["warmStart"] == "default@v1"
    assert base(project, "v3") == made


def test_it_can_be_switched_off_and_needs_the_same_seed(project: Project) -> None:
    assert project.train(from_scratch=True, max_minutes=0.05)["warmStart"] is None
    assert record(project, "v2")["beginFrom"] is None
    assert project.train(seed=1, max_minutes=0.05)["warmStart"] is None


def test_a_damaged_parent_is_left_alone(project: Project) -> None:
    path = project.root / BASE / "v1/serving/base/E.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    assert project.train(max_minutes=0.05)["warmStart"] is None


def histories(times: list[list[int]], users: list[str]) -> Histories:
    flat = np.array([t for own in times for t in own], np.int64)
    n = len(flat)
    offsets = np.append(0, np.cumsum([len(own) for own in times]))
    zeros, ones = np.zeros(n, np.int32), np.ones(n, np.bool_)
    return Histories(users, ["i"], offsets, zeros, flat, zeros.astype(np.int16), ones, ~ones, ("click",))


def inputs_of(root: Path) -> FullInputs:
    layout = Project.open(root).layout
    return gather_full(layout, Snapshots.take(layout), EventSelection(), explores=True, seed=0)


def test_nobody_is_judged_on_what_an_earlier_network_saw(bundle: Bundle) -> None:
    users = bundle.base_users.ids_of(np.array([0, 1]))
    until = [int(t) for t in bundle.base["trained_until"][:2]]
    known = histories(
        [[until[0] - 5, until[0], until[0] + 1], [until[1] - 9, until[1]], [3, 4]], [*users, "new"]
    )
    ends = np.array([1, 4, 6])  # hides two events of the first, one of the others
    split = unseen_by(bundle, known, WithheldSplit(ends, np.array([0, 1]), np.array([2])))
    assert split.ends.tolist() == [2, 5, 6]
    assert split.test_users.tolist() == [0]  # of the second, everything was seen
    assert split.validation_users.tolist() == [2]
    # Of the stranger too, if the network knew him as an anonymous session.
    merged = {users[1]: "new"}
    assert not len(
        unseen_by(bundle, known, WithheldSplit(ends, np.array([0]), np.array([2])), merged).validation_users
    )


def test_the_last_visible_event_is_told_by_its_time() -> None:
    known = histories([[3, 7, 9], [], [5]], ["a", "b", "c"])
    assert last_visible(known, np.array([2, 3, 3])).tolist() == [7, NEVER, NEVER]


def test_what_training_may_see_is_written_down(project: Project, bundle: Bundle) -> None:
    until = np.asarray(bundle.base["trained_until"])
    offsets, times = bundle.base["history_offsets"], bundle.base["history_times"]
    newest = times[offsets[1:] - 1]
    assert (until <= newest).all()
    hidden = (until < newest).sum()
    assert (
        0.1 * len(until) < hidden <= 0.3 * len(until)
    )  # a tenth for the metrics, up to a fifth for validation


def test_weights_follow_their_ids(trained: Path, bundle: Bundle) -> None:
    known = histories([], [])
    known = replace(known, item_ids=["another", "i5", "i7"], type_names=("click", "never seen", "watch"))
    inputs = replace(inputs_of(trained), histories=known)
    weights = warm_weights(bundle, inputs)
    codes = bundle.item_codes(["i5", "i7"])
    assert np.isnan(weights["E"][0]).all()
    assert np.array_equal(weights["E"][1:], bundle.base["E"][codes])
    assert np.array_equal(weights["item_bias"][1:], bundle.base["item_bias"][codes])
    assert np.isnan(weights["T"][1]).all()
    assert np.array_equal(weights["T"][[0, 2]], bundle.base["T"])
    assert np.array_equal(weights["W"], bundle.base["W"])
