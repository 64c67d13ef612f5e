from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.slot_worlds import N_SLOTS, Truth, make_truth

from newfound.errors import InputRefusedError, QualityGateError, RowError, SchemaError, UsageError
from newfound.project import evaluate_log


def logged(truth: Truth, n: int, seed: int) -> pl.DataFrame:
    """A log of the truth with every column that a file may have."""
    rng = np.random.default_rng(seed)
    item = np.stack([rng.choice(truth.log.shape[1], n, p=p) for p in truth.log], axis=1).ravel()
    slot = np.tile(np.arange(N_SLOTS), n)
    return pl.DataFrame(
        {
            "RESPONSE": np.repeat([f"r{k}" for k in range(n)], N_SLOTS),
            "ITEM_ID": [f"i{code}" for code in item],
            "POSITION": slot + 1,
            "PROPENSITY": truth.log[slot, item],
            "TARGET_PROPENSITY": truth.target[slot, item],
            "REWARD": (rng.random(len(slot)) < truth.reward[slot, item]).astype(int),
        }
    )


@pytest.fixture
def truth() -> Truth:
    return make_truth()


def swapped(truth: Truth) -> Truth:
    return Truth(truth.target, truth.log, truth.reward)


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_a_log_is_read_from_any_kind_of_file(truth: Truth, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"log.{kind}"
    frame = logged(truth, 3_000, 0)
    writers = {"csv": frame.write_csv, "parquet": frame.write_parquet, "jsonl": frame.write_ndjson}
    writers[kind](path)
    found = evaluate_log(path)
    low, high = found["interval"]
    assert low < truth.value < high
    assert found["responses"] == 3_000
    assert [row["position"] for row in found["slots"]] == [1, 2, 3]
    assert found["estimators"]["dr"] is None


def test_the_target_may_be_the_log_of_another_policy(truth: Truth, tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    logged(truth, 3_000, 0).drop("TARGET_PROPENSITY").write_csv(first)
    logged(swapped(truth), 3_000, 1).select("ITEM_ID", "POSITION").write_csv(second)
    found = evaluate_log(first, target_log=second)
    for estimator in ("snips", "ips", "dr"):
        low, high = found["estimators"][estimator]["interval"]
        assert low < truth.value < high


def test_intervals_include_the_chance_in_the_targets_own_log(truth: Truth, tmp_path: Path) -> None:
    first = tmp_path / "first.csv"
    logged(truth, 2_000, 0).write_csv(first)
    widths = []
    for n in (40, 3_000):
        logged(swapped(truth), n, 1).write_csv(tmp_path / f"{n}.csv")
        low, high = evaluate_log(first, target_log=tmp_path / f"{n}.csv")["interval"]
        widths.append(high - low)
    assert widths[0] > 1.2 * widths[1]


def test_places_are_compared_within_their_context(truth: Truth, tmp_path: Path) -> None:
    """The same items, twice as good in one context; the target is asked only there as often as the log was."""
    better = Truth(truth.log, truth.target, truth.reward * 2)
    parts = [
        logged(world, 2_000, seed).with_columns(CONTEXT=pl.lit(name))
        for seed, (name, world) in enumerate((("dull", truth), ("keen", better)))
    ]
    pl.concat(parts).drop("RESPONSE").write_csv(tmp_path / "log.csv")
    found = evaluate_log(tmp_path / "log.csv")
    assert found["value"] == pytest.approx(1.5 * truth.value, rel=0.1)
    assert {row["context"] for row in found["slots"]} == {"dull", "keen"}


def test_spelling_of_columns_does_not_matter_and_they_can_be_renamed(truth: Truth, tmp_path: Path) -> None:
    frame = logged(truth, 1_000, 0)
    frame.write_csv(tmp_path / "a.csv")
    names = {"ITEM_ID": "item", "TARGET_PROPENSITY": "targetPropensity", "RESPONSE": "recommendationId"}
    frame.rename(names | {"REWARD": "clicks"}).write_csv(tmp_path / "b.csv")
    assert evaluate_log(tmp_path / "a.csv") == evaluate_log(tmp_path / "b.csv", mapping={"clicks": "REWARD"})


def test_a_log_without_propensities_is_refused(truth: Truth, tmp_path: Path) -> None:
    logged(truth, 10, 0).drop("PROPENSITY").write_csv(tmp_path / "log.csv")
    with pytest.raises(QualityGateError, match="no propensities"):
        evaluate_log(tmp_path / "log.csv")


def test_a_log_without_a_target_is_no_question(truth: Truth, tmp_path: Path) -> None:
    logged(truth, 10, 0).drop("TARGET_PROPENSITY").write_csv(tmp_path / "log.csv")
    with pytest.raises(UsageError, match="TARGET_PROPENSITY"):
        evaluate_log(tmp_path / "log.csv")


def test_a_target_with_places_of_its_own_is_refused(truth: Truth, tmp_path: Path) -> None:
    frame = logged(truth, 200, 0)
    frame.write_csv(tmp_path / "log.csv")
    frame.with_columns(pl.col("POSITION") + 1).write_csv(tmp_path / "target.csv")
    with pytest.raises(QualityGateError, match="position 4"):
        evaluate_log(tmp_path / "log.csv", target_log=tmp_path / "target.csv")


@pytest.mark.parametrize(
    ("row", "column"),
    [("a,1,0,1", "PROPENSITY"), ("a,1,1.5,1", "PROPENSITY"), ("a,1,x,1", "PROPENSITY"), ("a,1,,1", "PROPENSITY"),
     ("a,0,0.5,1", "POSITION"), ("a,1,0.5,nan", "REWARD"), (",1,0.5,1", "ITEM_ID")],
)  # fmt: skip
def test_a_bad_row_is_named(tmp_path: Path, row: str, column: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"ITEM_ID,POSITION,PROPENSITY,REWARD\na,1,0.5,1\n{row}\n")
    with pytest.raises(RowError) as caught:
        evaluate_log(path)
    assert [(found["row"], found["column"]) for found in caught.value.rows] == [(3, column)]


def test_only_what_is_needed_is_read_of_the_targets_log(truth: Truth, tmp_path: Path) -> None:
    frame = logged(truth, 300, 0)
    frame.rename({"REWARD": "CLICK"}).write_csv(tmp_path / "log.csv")
    frame.select("ITEM_ID", "POSITION", PROPENSITY=pl.lit("unknown")).write_csv(tmp_path / "target.csv")
    found = evaluate_log(
        tmp_path / "log.csv", target_log=tmp_path / "target.csv", mapping={"CLICK": "REWARD"}
    )
    assert found["value"] == pytest.approx(found["logged"]["value"], rel=0.1)


def test_two_columns_of_one_meaning_are_refused(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("ITEM,ITEM_ID,PROPENSITY,REWARD\na,b,1,1\n")
    with pytest.raises(SchemaError, match="mean the same"):
        evaluate_log(tmp_path / "log.csv")


@pytest.mark.parametrize("text", ["ITEM_ID,PROPENSITY\na,1\n", "ITEM_ID,PROPENSITY,REWARD\n", ""])
def test_a_file_without_rewards_or_rows_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(InputRefusedError):
        evaluate_log(tmp_path / "log.csv")
