"""FULL's updates on 100 million interactions of 5 million users with a million items, beside those on data like ml-1m.

Both are drawn from a seed, and the large one's arrays are mapped from disk. Both train with the same settings: once
those that FULL chooses for the large data, once those for the small. Measured is the loop as FULL runs it, from the
reading of histories to the update of item rows; what an epoch does once, at its start and end, is left out.

    python benchmarks/scale.py [--rows N] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from newfound.model import epoch
from newfound.model.config import TrainingConfig, choose_config
from newfound.model.data import TrainingData
from newfound.progress import silent

LARGE_ITEMS, LARGE_USERS = 1_000_000, 5_000_000
SMALL_ROWS, SMALL_ITEMS, SMALL_USERS = 1_000_000, 3_706, 6_040
USERS_PER_BLOCK = 100_000
FEW, MANY = 20, 120  # updates; the difference is measured
LIMIT = 1.3
PEAK_LIMIT_MEGABYTES = 12_000


def generate(folder: Path, rows: int, n_items: int, n_users: int) -> TrainingData:
    """Draw histories of equal length, few items with most of the events, into mapped arrays."""
    length = rows // n_users
    random = np.random.default_rng(11)
    folder.mkdir()

    def mapped(name: str, dtype: type) -> np.ndarray:
        return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, (n_users * length,))

    items, times, types = mapped("items", np.int32), mapped("times", np.int64), mapped("types", np.int16)
    for low in range(0, n_users, USERS_PER_BLOCK):
        shape = (min(USERS_PER_BLOCK, n_users - low), length)
        place = slice(low * length, (low + shape[0]) * length)
        items[place] = (n_items * random.random(shape) ** 3).ravel()
        times[place] = np.sort(random.integers(1_600_000_000, 1_700_000_000, shape), axis=1).ravel()
    offsets = length * np.arange(n_users + 1)
    nobody = np.zeros(0, np.int32)
    return TrainingData(
        offsets, offsets[1:], items, times, types, n_items, 1, None, nobody, nobody, nobody.astype(np.int64)
    )


class Loop:
    """Training of one data set, a number of updates at a time."""

    def __init__(self, data: TrainingData, config: TrainingConfig) -> None:
        self._trainer = epoch.prepare(data, config)
        self._run = epoch.start(self._trainer)
        self._seconds(2)  # compiles

    def _seconds(self, updates: int) -> float:
        schedule = epoch.Schedule(updates, time.perf_counter())
        run = epoch.train_epoch(self._trainer, self._run._replace(epoch=np.array(0)), schedule, silent)
        self._run = run
        return float(run.history[0, 2])

    def seconds_an_update(self) -> float:
        """Measure what one more update takes."""
        few = self._seconds(FEW)
        return (self._seconds(MANY) - few) / (MANY - FEW)


def measure(
    large: TrainingData, small: TrainingData, config: TrainingConfig, rounds: int
) -> dict[str, object]:
    """Alternate both loops."""
    loops = Loop(large, config), Loop(small, config)
    pairs = [[loop.seconds_an_update() for loop in loops] for _ in range(rounds)]
    ours, theirs = (median(column) for column in zip(*pairs, strict=True))
    tokens, d = config.lanes * config.bptt, config.hidden_dimension
    return {
        "figure": f"an update of FULL, {tokens:,} tokens, d = {d}: {len(large.items) / 1e6:,.0f} million interactions,"
        f" {large.n_items / 1e6:.0f} million items, {tokens / ours / 1000:.0f}k tokens a second",
        "yardstick": f"the same, {len(small.items) / 1e6:,.0f} million interactions, {small.n_items:,} items",
        "limit": LIMIT,
        "ratio": round(ours / theirs, 2),
        "seconds": round(ours, 4),
        "yardstickSeconds": round(theirs, 4),
        "peakMegabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "peakLimitMegabytes": PEAK_LIMIT_MEGABYTES,
        "rounds": rounds,
        "limitedBy": "rows of item vectors and of their moments are gathered from a million and put back",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        large = generate(Path(work) / "large", options.rows, LARGE_ITEMS, LARGE_USERS)
        small = generate(Path(work) / "small", SMALL_ROWS, SMALL_ITEMS, SMALL_USERS)
        configs = (choose_config(len(data.items), data.n_items) for data in (large, small))
        print(json.dumps({"figures": [measure(large, small, config, options.rounds) for config in configs]}))


if __name__ == "__main__":
    main()
