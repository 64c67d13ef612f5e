import pytest

from newfound.errors import UsageError
from newfound.explore.settings import ExplorationSettings


def test_gain_is_a_quarter_of_a_sigma_at_the_default_and_a_whole_one_at_weight_one() -> None:
    assert ExplorationSettings(0.0).gain == 0
    assert ExplorationSettings(0.15).gain == pytest.approx(0.125)
    assert ExplorationSettings(0.3).gain == pytest.approx(0.25)
    assert ExplorationSettings(1.0).gain == pytest.approx(1)


@pytest.mark.parametrize("weight", [-0.1, 1.01, float("nan"), float("inf")])
def test_a_weight_outside_the_unit_interval_is_refused(weight: float) -> None:
    with pytest.raises(UsageError, match="exploration weight"):
        ExplorationSettings(weight)


@pytest.mark.parametrize("days", [0, -1, float("nan"), float("inf")])
def test_a_cutoff_that_is_no_positive_number_of_days_is_refused(days: float) -> None:
    with pytest.raises(UsageError, match="cut-off"):
        ExplorationSettings(0.3, days)
