from __future__ import annotations

from typing import Any

import pytest

from newfound.evaluation.findings import MEASURE, findings

Part = dict[str, Any]


def part(gain: float, interval: tuple[float, float], users: int = 500, **extra: Any) -> Part:
    """A report whose popularity has NDCG@10 of .1, with this difference to it."""
    return {
        "metrics": {MEASURE: 0.1 + gain},
        "intervals": {MEASURE: [0.1 + interval[0], 0.1 + interval[1]]},
        "baselines": {"popularity": {MEASURE: 0.1}},
        "gains": {"popularity": {MEASURE: {"value": gain, "interval": list(interval)}}},
        "chance": 0.01,
        "users": users,
        **extra,
    }


def report(**changes: Any) -> Part:
    whole = part(0.05, (0.02, 0.08))
    slices = dict.fromkeys(("cold", "warm", "newUsers", "longHistories"))
    known = {"slices": slices, "leaveOneOut": whole, "inTime": whole, "sampledFrom": 500, "metadata": True}
    return {**whole, **known, **changes}


def said(found: Part) -> list[tuple[str, str]]:
    return [(finding["verdict"], finding["text"]) for finding in findings(found)]


def test_a_model_ahead_of_its_baselines_is_called_better_by_how_much() -> None:
    assert said(report()) == [
        ("good", "better than popularity: NDCG@10 +50% [+20%, +80%]"),
        ("good", "leave-one-out: better than popularity: NDCG@10 +50% [+20%, +80%]"),
        ("good", "on what came after a cut in time: better than popularity: NDCG@10 +50% [+20%, +80%]"),
    ]


@pytest.mark.parametrize(
    ("gain", "interval", "verdict", "words"),
    [
        (
            0.01,
            (-0.01, 0.03),
            "unclear",
            "no clear difference from popularity: NDCG@10 +10% [-10%, +30%]; look at",
        ),
        (-0.05, (-0.07, -0.03), "bad", "worse than popularity: NDCG@10 -50% [-70%, -30%]; look at"),
    ],
)
def test_what_is_not_better_comes_with_what_to_try(
    gain: float, interval: tuple[float, float], verdict: str, words: str
) -> None:
    found, text = said(report(**part(gain, interval)))[0]
    assert found == verdict
    assert text.startswith(words)


@pytest.mark.parametrize(
    ("low", "metadata", "expected"),
    [
        (0.02, True, ("good", "on cold items better than chance: NDCG@10 0.1000 where chance has 0.0100")),
        (0.01, False, ("bad", "there is no metadata of items; try `newfound dataset import items FILE`")),
        (0.0, True, ("bad", "what the items' metadata says is not what people choose by")),
    ],
)
def test_cold_items_are_held_against_chance(low: float, metadata: bool, expected: tuple[str, str]) -> None:
    cold = part(0.0, (low - 0.1, 0.1))
    found = said(report(slices=report()["slices"] | {"cold": cold}, metadata=metadata))[1]
    assert found[0] == expected[0]
    assert expected[1] in found[1]


def test_a_slice_of_few_users_says_nothing() -> None:
    few = part(0.05, (0.04, 0.06), users=29)
    found = said(report(slices=report()["slices"] | {"newUsers": few}))
    assert ("unclear", "for new users: only 29 test users, too few to tell") in found


def test_what_was_not_measured_and_small_samples_are_said() -> None:
    texts = [text for _, text in said(report(inTime=None, users=80))]
    assert any(text.startswith("not measured on a split in time") for text in texts)
    assert any(text.startswith("measured on 80 of the 500 users") for text in texts)
    assert any(text.startswith("only 80 test users") for text in texts)


def test_what_to_try_names_the_solution() -> None:
    rules = part(-0.05, (-0.07, -0.03))
    rules = {key: {"sequential_rules": rules[key]["popularity"]} for key in ("gains", "baselines")}
    found = findings(report(**rules, inTime=None), "buyers")
    texts = [finding["text"] for finding in found if "newfound" in finding["text"]]
    assert any("`newfound solution train buyers --tune 8`" in text for text in texts)
    assert any("`newfound solution train buyers --in-time`" in text for text in texts)


def test_a_recipe_that_learns_nothing_is_told_of_one_that_does() -> None:
    equal = part(0.0, (-0.01, 0.01))
    long = {"slices": report()["slices"] | {"longHistories": equal}}
    texts = [
        finding["text"]
        for finding in findings(report(**equal, **long, inTime=None), "top", "popularity-count")
    ]
    assert "user-personalization learns what each user likes" in texts[0]
    assert not any("newfound" in text or "split in time" in text for text in texts)


def test_the_cost_of_exploring_is_told() -> None:
    found = said(report(atWeightZero={"metrics": {MEASURE: 0.2}}, explorationWeight=0.3))
    assert found[-1][0] == "unclear"
    assert found[-1][1].startswith("exploration at weight 0.3 changes NDCG@10 by -25.0%")
