"""Training settings: defaults by size of the data, and the ranges of what users may set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from newfound.errors import UsageError

NARROW = 64
USUAL_SPEED = 50_000
"""Events a second, of a network of width 128 on two processors: what a plan goes by before anything is measured."""
LEAST_SHARE_OF_EPOCHS = 0.05
RATE_POWER, DROPOUT_POWER = 0.3, 0.5
"""With the share of the planned epochs that there is time for the best peak rate falls and the best dropout rises."""


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything that decides the trained arrays, besides the data."""

    hidden_dimension: int = 128
    bptt: int = 32  # steps that gradients travel back, and the length of a batch
    lanes: int = 64  # histories read side by side
    epochs: int = 8
    dropout: float = 0.2
    negatives: int = 0  # sampled items that a target competes with; 0: all items
    learning_rate: float = 4e-3  # the peak
    warmup: float = 0.05  # share of training before the peak
    weight_decay: float = 1e-3
    clip_norm: float = 1.0
    id_dropout: float = 0.2
    smoothing: float = 0.05  # share of a target's probability that is asked for all candidates alike
    min_item_events: int = 5  # below, an item with metadata is known by it alone
    patience: int = 5  # epochs worse than the best before stopping early
    min_user_history_length_percentile: float = 0.0
    max_user_history_length_percentile: float = 0.99
    recency_mask: bool = True  # popularity weighs recent events more (read by the recipe)
    seed: int = 0


def choose_config(
    n_interactions: int,
    n_items: int,
    overrides: Mapping[str, str | float] | None = None,
    seed: int = 0,
    max_seconds: float | None = None,
) -> TrainingConfig:
    """Choose settings for data of this size; `overrides` are Personalize's hyperparameters by name.

    A network that `max_seconds` leave little time for is narrow: it sees the data twice as often.
    Raises UsageError for an unknown name or a value out of range. Source: model specification §2.
    """
    chosen: dict[str, int | float | bool] = {}
    for name, value in (overrides or {}).items():
        chosen[name] = _parse(name, value)
    if chosen.get("min_user_history_length_percentile", 0.0) >= chosen.get(
        "max_user_history_length_percentile", 0.99
    ):
        raise UsageError(
            "min_user_history_length_percentile is not below max_user_history_length_percentile",
            hint="no user would train; lower the first or raise the second",
        )
    tokens, hidden_dimension, epochs, dropout = _size_defaults(n_interactions)
    bptt = int(chosen.get("bptt", 32))
    hurried = max_seconds is not None and max_seconds * USUAL_SPEED < n_interactions
    defaults: dict[str, int | float | bool] = {
        "hidden_dimension": hidden_dimension if n_items >= 2000 and not hurried else NARROW,
        "lanes": max(1, tokens // bptt),
        "epochs": epochs,
        "dropout": dropout,
        "negatives": 0 if n_items <= 2000 else 1024,
        "seed": seed,
    }
    return TrainingConfig(**(defaults | chosen))  # type: ignore[arg-type]  # values of a dict of several types


def _size_defaults(n_interactions: int) -> tuple[int, int, int, float]:
    """Tokens an update, width, epochs and dropout by the number of interactions."""
    if n_interactions <= 200_000:
        return min(1024, max(32, n_interactions // 32)), 64, 20, 0.4
    if n_interactions <= 2_000_000:
        return 2048, 128, 10, 0.18
    return 8192, 64, 5, 0.1


def in_epochs(config: TrainingConfig, epochs: float) -> TrainingConfig:
    """Settings for a training that time ends after so many epochs: larger updates, and less against overfitting."""
    share = min(max(epochs / config.epochs, LEAST_SHARE_OF_EPOCHS), 1.0)
    return replace(
        config,
        learning_rate=config.learning_rate * share**-RATE_POWER,
        dropout=config.dropout * share**DROPOUT_POWER,
    )


_RANGES: dict[str, tuple[float, float]] = {
    "hidden_dimension": (32, 256),
    "bptt": (2, 32),
    "min_user_history_length_percentile": (0.0, 1.0),
    "max_user_history_length_percentile": (0.0, 1.0),
}


def _parse(name: str, value: str | float) -> int | float | bool:
    if name == "recency_mask":
        text = str(value).lower()
        if text not in {"true", "false"}:
            raise UsageError(f"hyperparameter recency_mask is {value!r}", hint="use true or false")
        return text == "true"
    if name not in _RANGES:
        known = ", ".join(sorted([*_RANGES, "recency_mask"]))
        raise UsageError(f"unknown hyperparameter {name!r}", hint=f"known ones: {known}")
    low, high = _RANGES[name]
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    whole = name in {"hidden_dimension", "bptt"}
    if not low <= number <= high or (whole and number != int(number)):
        kind = "a whole number" if whole else "a number"
        raise UsageError(f"hyperparameter {name} is {value!r}", hint=f"use {kind} from {low:g} to {high:g}")
    return int(number) if whole else number
