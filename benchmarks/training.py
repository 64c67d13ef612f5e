"""Epochs of FULL training on ml-1m beside as many floating-point operations in plain 2048 x 2048 products.

An epoch is the whole loop: batches, negatives, updates and validation, compiled before. Counted are the products of
the network and of the softmax, forward and twice backward; gathers, activations, dropout and AdamW are overhead.

    python benchmarks/training.py [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from newfound.evaluation.splits import user_keys, withhold
from newfound.model import epoch
from newfound.model.attention import KEYS, WINDOW
from newfound.model.config import TrainingConfig, choose_config
from newfound.model.data import TrainingData
from newfound.model.network import FADE
from newfound.progress import silent

SIZE = 2048
LEAST_SHARE = 0.45
"""Of the rate of the yardstick: its inverse is the ratio not to exceed."""


def load(folder: Path) -> TrainingData:
    """Encode the interactions as FULL does, without metadata."""
    rows = pl.read_parquet(folder / "interactions.parquet").sort("USER_ID", "TIMESTAMP", maintain_order=True)
    users, items = (rows[name].rank("dense").to_numpy() - 1 for name in ("USER_ID", "ITEM_ID"))
    offsets = np.append(0, np.cumsum(np.bincount(users)))
    split = withhold(offsets, user_keys(map(str, range(len(offsets) - 1)), 0))
    items, times = items.astype(np.int32), rows["TIMESTAMP"].to_numpy()
    at = split.ends[split.validation_users]
    return TrainingData(
        offsets, split.ends, items, times, np.zeros(len(items), np.int16), int(items.max()) + 1, 1, None,
        split.validation_users.astype(np.int32), items[at], times[at],
    )  # fmt: skip


def operations(config: TrainingConfig, n_items: int) -> int:
    """Floating-point operations of the products for one token."""
    d = config.hidden_dimension
    weights = 2 * 3 * d * d + (3 + len(FADE)) * d * d + d * min(d, KEYS)
    mixing = (WINDOW + config.bptt) * (min(d, KEYS) + d)  # what is masked is worked out too
    return 3 * 2 * (weights + mixing + d * (config.negatives or n_items))


def product_seconds() -> float:
    """Time one product of the yardstick, the best of five."""
    a = jnp.asarray(np.random.default_rng(0).random((SIZE, SIZE), np.float32))
    multiply = jax.jit(lambda x: x @ x)
    multiply(a).block_until_ready()
    times = []
    for _ in range(5):
        started = time.perf_counter()
        multiply(a).block_until_ready()
        times.append(time.perf_counter() - started)
    return min(times)


def measure(data: TrainingData, rounds: int) -> dict[str, object]:
    """Alternate epochs and products."""
    config = choose_config(len(data.items), data.n_items)
    trainer = epoch.prepare(data, config)
    schedule = epoch.Schedule(trainer.n_steps * config.epochs, time.perf_counter())
    run = epoch.train_epoch(trainer, epoch.start(trainer), schedule, silent)
    work = operations(config, data.n_items) * trainer.n_targets / (2 * SIZE**3)
    pairs = []
    for _ in range(rounds):
        yardstick = product_seconds() * work
        run = epoch.train_epoch(trainer, run, schedule, silent)
        pairs.append((float(run.history[int(run.epoch) - 1, 2]), yardstick))
    ours, theirs = (median(column) for column in zip(*pairs, strict=True))
    return {
        "figure": f"an epoch of FULL, ml-1m, {trainer.n_targets / ours / 1000:.0f}k tokens a second",
        "yardstick": "as many operations in 2048 x 2048 products",
        "limit": round(1 / LEAST_SHARE, 2),
        "ratio": round(ours / theirs, 2),
        "seconds": round(ours, 3),
        "yardstickSeconds": round(theirs, 3),
        "peakMegabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "peakLimitMegabytes": None,
        "rounds": rounds,
        "limitedBy": "the recurrence's small products in a row; activations, dropout and AdamW are no products",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    root = os.environ.get("NEWFOUND_DATA")
    if root is None:
        sys.exit("NEWFOUND_DATA is unset: point it at the folder of data sets")
    data = load(Path(root) / "ml-1m-full-approx-time")
    print(json.dumps({"figures": [measure(data, options.rounds)]}))


if __name__ == "__main__":
    main()
