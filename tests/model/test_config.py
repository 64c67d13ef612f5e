from __future__ import annotations

import pytest

from newfound.errors import UsageError
from newfound.model.config import choose_config, in_epochs


def test_larger_data_gets_wider_batches_and_less_dropout() -> None:
    small, medium, large = (choose_config(n, 10_000) for n in (100_000, 1_000_000, 3_000_000))
    assert small.lanes < medium.lanes < large.lanes
    assert small.dropout > medium.dropout > large.dropout
    assert medium.hidden_dimension == 128
    assert medium.lanes * medium.bptt == 2048


def test_a_thousand_interactions_still_make_many_updates() -> None:
    config = choose_config(1000, 100)
    assert 1000 / (config.lanes * config.bptt) >= 10
    assert config.negatives == 0


def test_large_catalogues_sample_negatives() -> None:
    assert choose_config(1_000_000, 50_000).negatives > 0


def test_little_time_for_much_data_makes_a_narrow_network() -> None:
    enough, little = (choose_config(1_000_000, 10_000, {}, 0, seconds) for seconds in (30, 15))
    assert (enough.hidden_dimension, little.hidden_dimension) == (128, 64)
    assert choose_config(1_000_000, 10_000, {"hidden_dimension": 256}, 0, 15).hidden_dimension == 256


def test_the_less_time_the_higher_the_rate_and_the_lower_the_dropout() -> None:
    planned = choose_config(1_000_000, 10_000)
    assert in_epochs(planned, planned.epochs) == in_epochs(planned, 1e9) == planned
    some, few, none = (in_epochs(planned, epochs) for epochs in (3, 1, 0))
    assert planned.learning_rate < some.learning_rate < few.learning_rate < none.learning_rate < 0.012
    assert planned.dropout > some.dropout > few.dropout > none.dropout > 0


def test_overrides_arrive_as_text_or_numbers() -> None:
    overrides = {"hidden_dimension": "48", "bptt": 16.0, "recency_mask": "False"}
    config = choose_config(1_000_000, 10_000, overrides, seed=5)
    assert (config.hidden_dimension, config.bptt, config.recency_mask, config.seed) == (48, 16, False, 5)
    assert config.lanes == 128


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_dimension", "31"),
        ("hidden_dimension", "257"),
        ("hidden_dimension", "64.5"),
        ("hidden_dimension", "wide"),
        ("bptt", 1),
        ("bptt", "nan"),
        ("recency_mask", "maybe"),
        ("max_user_history_length_percentile", 1.5),
        ("learning_rate", 0.1),
    ],
)
def test_values_out_of_range_and_unknown_names_are_usage_errors(name: str, value: str | float) -> None:
    with pytest.raises(UsageError, match=name) as caught:
        choose_config(1_000_000, 10_000, {name: value})
    assert caught.value.hint


def test_percentiles_that_leave_nobody_are_refused() -> None:
    with pytest.raises(UsageError, match="not below"):
        choose_config(1000, 100, {"min_user_history_length_percentile": "0.99"})
