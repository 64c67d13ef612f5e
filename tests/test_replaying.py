from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from newfound.explore.policy import choose, serve
from newfound.explore.settings import ExplorationSettings
from newfound.project import Project
from newfound.replaying import read_log, recompute
from newfound.serving.bundle import Bundle
from newfound.serving.recommender import Recommender, Request
from tests.worlds import HOUR, LATEST, lines

SEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
BY_TYPE = "EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ($TYPES)"


def put(project: Project, *events: dict[str, Any]) -> None:
    project.put_events(lines(*events))


def test_every_kind_of_response_can_be_given_again_from_the_log(project: Project, tmp_path: Path) -> None:
    """Also when events have come since: before the time of the request, for its user, and an UPDATE with them."""
    ask = {"campaign": "explore", "num_results": 12}
    put(project, {"userId": "u0", "itemId": "i1", "sentAt": LATEST + HOUR})
    project.recommend("u0", **ask)
    project.recommend("u0", **ask, seed=7)
    project.recommend("u0", **ask, at=str(LATEST - 9 * HOUR))
    project.recommend("u0", **ask, filter=SEEN, at=str(LATEST + 2 * HOUR))
    project.recommend("u1", **ask, filter=BY_TYPE, filter_values={"TYPES": '"watch"'})
    project.recommend("u1", campaign="explore", rank_items=["i1", "nowhere", "n2", "n3"])
    project.recommend("stranger", **ask)
    put(project, {"userId": "u0", "itemId": "n3", "sentAt": LATEST + HOUR + 1})
    put(project, {"userId": "stranger", "itemId": "n3", "sentAt": LATEST})
    project.recommend("u0", **ask)
    project.train(mode="update")
    project.update_campaign("explore")
    project.recommend("u0", **ask)
    asked = tmp_path / "asked.jsonl"
    asked.write_bytes(b"".join(lines(*({"userId": f"u{k}"} for k in range(40)), {"userId": "u3"})))
    project.recommend_batch(asked, tmp_path / "out.jsonl", **ask, filter=SEEN)
    put(project, {"userId": "u3", "itemId": "n3", "sentAt": LATEST + HOUR})
    project.update_campaign("explore", exploration_weight=0.2, exploration_item_age_cutoff=3)
    project.recommend("u0", **ask)
    log = read_log(project.layout, "explore")
    assert len(log) == 9 + 41 + 1
    assert {logged.version for logged in log} == {"default@v1", "default@v2"}
    assert all(recompute(project.layout, log))
    assert read_log(project.layout, "default") == []


def test_a_response_that_was_changed_in_the_log_is_noticed(project: Project) -> None:
    project.recommend("u0", campaign="explore")
    [logged] = read_log(project.layout, "explore")
    other = type(logged)(
        *(getattr(logged, name) for name in logged.__slots__[:-1]),
        propensities=(0.5, *logged.propensities[1:]),
    )
    assert recompute(project.layout, [logged, other]) == [True, False]


@pytest.mark.parametrize("weight", [0.1, 0.3, 1.0])
def test_propensities_are_how_often_the_policy_does_it_again(bundle: Bundle, weight: float) -> None:
    """Every served slot against the frequency of its item there over many lists with fresh noise."""
    recommender = Recommender(bundle, ExplorationSettings(weight), now=0)
    n, k = 3_000, 10
    for user in ("u0", "stranger"):
        [scored] = recommender.score([Request(user, k, "", LATEST)], {})
        asked = (scored.showable, recommender.young, scored.sigma, recommender.settings, k)
        again = np.stack([choose(*asked, f"again {draw}") for draw in range(n)])
        errors, limits = [], []
        for draw in range(40):
            slate = serve(*asked, f"served {draw}")
            frequency = (again == slate.items).mean(axis=0)
            errors.append(slate.propensities - frequency)
            # 128 redrawn lists, the served one with them, against 3,000 others.
            limits.append(5 * np.sqrt(frequency * (1 - frequency) * (1 / 128 + 1 / n)) + 2 / 128)
            assert (slate.propensities > 0).all()
        assert (np.abs(errors) < limits).all()
        assert abs(np.mean(errors)) < 0.01


def test_weight_0_is_certain(bundle: Bundle) -> None:
    recommender = Recommender(bundle, ExplorationSettings(0), now=0)
    [scored] = recommender.score([Request("u0", 10, "", LATEST)], {})
    asked = (scored.showable, recommender.young, scored.sigma, recommender.settings, 10)
    assert (serve(*asked, "a").propensities == 1).all()
    assert serve(*asked, "a").items.tolist() == choose(*asked, "b").tolist()


def test_what_is_chosen_is_what_is_served(bundle: Bundle) -> None:
    for weight in (0.0, 0.3, 1.0):
        recommender = Recommender(bundle, ExplorationSettings(weight), now=0)
        [scored] = recommender.score([Request("u5", 10, "", LATEST)], {})
        asked = (scored.showable, recommender.young, scored.sigma, recommender.settings, 10)
        for draw in range(20):
            assert serve(*asked, f"{draw}").items.tolist() == choose(*asked, f"{draw}").tolist()
