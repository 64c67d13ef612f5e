"""A site so small that a run takes no time."""

from __future__ import annotations

import numpy as np
import pytest

from newfound import columns as c
from newfound.schema.builtin import builtin
from newfound.simulation.world import DAY, World

START = 1_700_000_000
LIKED = 3.0


@pytest.fixture
def world() -> World:
    """4 users, 6 old items and 2 new ones; user u likes the items whose code is u modulo 4."""
    created = START + np.array([-9, -8, -7, -6, -5, -4, 0, 0.5]) * DAY
    codes = np.arange(8)
    return World(
        name="small",
        user_ids=[f"u{k}" for k in range(4)],
        item_ids=[f"i{k}" for k in range(8)],
        taste=np.where(np.arange(4)[:, None] == codes % 4, LIKED, -LIKED).astype(np.float32),
        appeal=np.zeros(8, np.float32),
        created=created.astype(np.int64),
        half_life_days=2.0,
        level=-1.0,
        activity=np.full(4, 0.25),
        start=START,
        records=[{c.ITEM_ID: f"i{k}", c.CREATION_TIMESTAMP: int(t)} for k, t in enumerate(created)],
        document=builtin("items"),
        history=(np.array([0, 1]), np.array([0, 1]), np.array([START - 7_200, START - 60])),
    )
