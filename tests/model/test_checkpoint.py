from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from newfound.errors import DamagedError, UsageError
from newfound.model.train import FitResult, fit
from newfound.progress import Progress

from .builders import TINY, random_histories, training_data

CONFIG = replace(TINY, epochs=3)
DATA = training_data(random_histories(60, 20), 20, hidden=[1] * 60, validate=True)


class KilledError(Exception):
    """Stands for the power going out."""


def contents(result: FitResult) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in result.arrays.items()}


@pytest.fixture(scope="module")
def uninterrupted() -> FitResult:
    return fit(DATA, CONFIG)


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_resuming_after_a_kill_gives_the_bytes_of_no_kill(
    tmp_path: Path, uninterrupted: FitResult, epoch: int
) -> None:
    def kill(report: Progress) -> None:
        if report.note.startswith(f"epoch {epoch}/"):
            raise KilledError

    with pytest.raises(KilledError):
        fit(DATA, CONFIG, tmp_path, progress=kill)
    resumed = fit(DATA, CONFIG, tmp_path, resume=True)
    assert contents(resumed) == contents(uninterrupted)
    assert [r.loss for r in resumed.history] == [r.loss for r in uninterrupted.history]


def test_resuming_a_finished_training_trains_nothing(tmp_path: Path, uninterrupted: FitResult) -> None:
    fit(DATA, CONFIG, tmp_path)
    reports: list[Progress] = []
    again = fit(DATA, CONFIG, tmp_path, resume=True, progress=reports.append)
    assert contents(again) == contents(uninterrupted)
    assert not reports


def test_only_the_newest_checkpoint_is_kept_and_debris_of_a_killed_save_is_no_checkpoint(
    tmp_path: Path, uninterrupted: FitResult
) -> None:
    (tmp_path / "epoch-0009").mkdir(parents=True)
    fit(DATA, CONFIG, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["epoch-0003.json"]
    assert contents(fit(DATA, CONFIG, tmp_path, resume=True)) == contents(uninterrupted)


def test_a_checkpoint_of_other_data_or_settings_is_refused(tmp_path: Path) -> None:
    fit(DATA, replace(CONFIG, epochs=1), tmp_path)
    with pytest.raises(UsageError, match="other data or settings"):
        fit(DATA, CONFIG, tmp_path, resume=True)


def test_a_changed_byte_in_a_checkpoint_is_found_before_it_is_read(tmp_path: Path) -> None:
    fit(DATA, CONFIG, tmp_path)
    largest = max((p for p in tmp_path.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    with pytest.raises(DamagedError, match="not what was written"):
        fit(DATA, CONFIG, tmp_path, resume=True)
