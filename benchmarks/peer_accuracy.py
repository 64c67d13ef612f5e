"""Train one library's recommenders on a split and say how good they are after how many seconds; see accuracy_peers.py.

    python benchmarks/peer_accuracy.py FOLDER PEER MAX_MINUTES

Runs in an environment of RecTools and implicit, without newfound. FOLDER holds train.csv (user, item, time, ordered)
and test.csv (user, item). Prints a JSON line for each measurement: peer, training seconds (measuring is not training),
HR and NDCG.
"""

from __future__ import annotations

import json
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

K = 10
EPOCHS = 1_000
"""Never reached: the time ends training."""
SASREC = {
    "n_blocks": 2,
    "n_heads": 4,
    "n_factors": 64,
    "session_max_len": 200,
    "loss": "softmax",
    "batch_size": 32,
    "lr": 2e-3,
}
ITERATIONS = (1, 3, 10, 30, 100, 300, 1_000)
"""implicit's models are trained anew for each of these, as long as the time lasts."""


def say(peer: str, seconds: float, ranks: np.ndarray) -> None:
    """Print a measurement; ranks (n,): place of the target, K if it is not among the K."""
    gains = np.where(ranks < K, 1 / np.log2(ranks + 2.0), 0.0)
    row = {"HR@10": float((ranks < K).mean()), "NDCG@10": float(gains.mean())}
    print(json.dumps({"peer": peer, "seconds": round(seconds, 2), **row}), flush=True)


def ranks_of(items: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Place of each target in its row (n, K); K where it is not there."""
    found = items == targets[:, None]
    return np.where(found.any(axis=1), found.argmax(axis=1), K)


def run_sasrec(train: pd.DataFrame, test: pd.DataFrame, max_seconds: float) -> None:
    """Train for some time and measure what stood after every epoch."""
    import torch
    from pytorch_lightning import Callback, Trainer
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    class Snapshots(Callback):
        """Keeps the weights after each epoch, and ends training when the time is over."""

        def __init__(self) -> None:
            self.kept: list[tuple[float, Any]] = []

        def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: ANN401
            """Start the clock."""
            self.started = time.perf_counter()

        def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: ANN401
            """Keep the weights."""
            seconds = time.perf_counter() - self.started
            self.kept.append((seconds, deepcopy(pl_module.state_dict())))
            trainer.should_stop = seconds + seconds / len(self.kept) > max_seconds

    def make_trainer(**_: Any) -> Trainer:  # noqa: ANN401
        return Trainer(
            max_epochs=EPOCHS,
            callbacks=[Snapshots()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            accelerator="cpu",
        )

    torch.manual_seed(0)
    frame = train.rename(columns={"user": Columns.User, "item": Columns.Item, "time": Columns.Datetime})
    frame[Columns.Datetime] = pd.to_datetime(frame[Columns.Datetime], unit="s")
    frame[Columns.Weight] = 1.0
    dataset = Dataset.construct(frame)
    model = SASRecModel(**SASREC, epochs=EPOCHS, get_trainer_func=make_trainer)
    model.fit(dataset)
    users = test["user"].to_numpy()
    row_of = {user: row for row, user in enumerate(users)}
    snapshots = next(one for one in model.fit_trainer.callbacks if isinstance(one, Snapshots))  # a copy
    for seconds, weights in snapshots.kept:
        model.lightning_model.load_state_dict(weights)
        found = model.recommend(users, dataset, k=K, filter_viewed=True)
        items = np.full((len(users), K), -1, object)
        items[found[Columns.User].map(row_of), found[Columns.Rank] - 1] = found[Columns.Item]
        say("RecTools SASRec", seconds, ranks_of(items, test["item"].to_numpy(object)))


def run_implicit(train: pd.DataFrame, test: pd.DataFrame, max_seconds: float) -> None:
    """Train ALS, BPR and item-item anew for more and more iterations."""
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
    from scipy.sparse import csr_matrix

    users, user = np.unique(train["user"], return_inverse=True)
    items, item = np.unique(train["item"], return_inverse=True)
    matrix = csr_matrix((np.ones(len(train), np.float32), (user, item)))
    matrix.data[:] = 1
    asked = np.searchsorted(users, test["user"])
    place = {name: code for code, name in enumerate(items)}
    targets = np.array([place.get(name, -2) for name in test["item"]])

    def measure(name: str, model: Any) -> float:  # noqa: ANN401
        started = time.perf_counter()
        model.fit(matrix, show_progress=False)
        seconds = time.perf_counter() - started
        found, _ = model.recommend(asked, matrix[asked], N=K, filter_already_liked_items=True)
        say(name, seconds, ranks_of(found, targets))
        return seconds

    measure("implicit item-item cosine", CosineRecommender(K=100))
    measure("implicit item-item BM25", BM25Recommender(K=100))
    iterated = {
        "implicit ALS": lambda n: AlternatingLeastSquares(factors=64, iterations=n, random_state=0),
        "implicit BPR": lambda n: BayesianPersonalizedRanking(factors=64, iterations=n, random_state=0),
    }
    for name, make in iterated.items():
        for n in ITERATIONS:
            if measure(name, make(n)) * 3 > max_seconds:
                break


def main() -> None:
    folder, peer, minutes = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    names = {"user": str, "item": str}
    train, test = (pd.read_csv(folder / f"{part}.csv", dtype=names) for part in ("train", "test"))
    {"sasrec": run_sasrec, "implicit": run_implicit}[peer](train, test, 60 * minutes)


if __name__ == "__main__":
    main()
