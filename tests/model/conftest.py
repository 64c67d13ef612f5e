from __future__ import annotations

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True)
def _no_silent_broadcasting() -> Iterator[None]:
    with jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture
def no_silent_conversion() -> Iterator[None]:
    """For all but the optimizer: optax itself mixes integers and floats."""
    with jax.numpy_dtype_promotion("strict"):
        yield
