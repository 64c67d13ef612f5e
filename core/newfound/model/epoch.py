"""One epoch of updates, and the schedule that they follow."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from newfound.dataset.gaps import N_GAPS
from newfound.dataset.runs import ranges
from newfound.model.batches import count_targets, epoch_batches, training_users
from newfound.model.config import TrainingConfig
from newfound.model.data import TrainingData
from newfound.model.network import ITEM_SCALE, Params, init, state_size
from newfound.model.sampling import Sampler
from newfound.model.scratch import kept_scratch
from newfound.model.step import State, StepFunction, make_optimizer, make_step
from newfound.model.tower import Items, build_catalogue
from newfound.model.validation import as_good, fold, validation_ndcg
from newfound.progress import Progress, ProgressCallback

if TYPE_CHECKING:
    from jax import Array

STEPS_PER_REPORT = 16  # how many updates may wait in the device's queue
JUDGED_FROM = 0.7  # of a time budget
POPULARITY_SHARE = 0.5  # of the log of its events, that an item's bias begins with


class Run(NamedTuple):
    """Everything that training carries from epoch to epoch: a checkpoint holds just this."""

    state: State
    best: Params  # of the last epoch as good as the best by validation, the last one without validation
    history: NDArray[np.float64]  # (epochs, 3) loss, NDCG@10 and seconds; NaN where not (yet) known
    epoch: NDArray[np.int64]  # () epochs done


@dataclass(frozen=True, slots=True)
class Trainer:
    """What stays the same from epoch to epoch."""

    data: TrainingData
    config: TrainingConfig
    users: NDArray[np.int64]
    sampler: Sampler
    items: Items  # all of them
    step: StepFunction
    n_steps: int  # an epoch
    n_targets: int  # an epoch

    def seen_gaps(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which gap buckets training reads, before an event and up to its target: masks (64,)."""
        before, after = np.zeros(N_GAPS, bool), np.zeros(N_GAPS, bool)
        for batch in epoch_batches(self.data, self.users, 1024, 1024, np.random.default_rng(0)):
            used = batch.weights > 0
            before[batch.steps.gaps[used]] = True
            after[batch.steps.next_gaps[used]] = True
        return before, after

    def learning_rate(self, fraction: float) -> np.float32:
        """Warm up linearly, then fall by a cosine to 0 at `fraction` 1 of training."""
        peak, warmup = self.config.learning_rate, self.config.warmup
        if fraction < warmup:
            return np.float32(peak * fraction / warmup)
        return np.float32(peak / 2 * (1 + math.cos(math.pi * (fraction - warmup) / (1 - warmup))))


@dataclass(frozen=True, slots=True)
class Schedule:
    """How far training has come, in steps and, with a budget, in time: whichever is further."""

    n_steps: int  # of all epochs
    started: float  # by time.perf_counter
    budget_seconds: float = math.inf

    def fraction(self, step: int) -> float:
        """Return the share of training done before this step; from 1 on it is over."""
        return max(step / self.n_steps, self.spent() / self.budget_seconds)

    def judges(self, step: int, anything: bool) -> bool:
        """Whether validation is worth its time after an epoch that ends with this step.

        Where time ends the plan, early epochs, of high rates, are not judged, nor the last one unless `anything` was
        judged before that it could be compared with.
        """
        share = self.spent() / self.budget_seconds
        late = share >= JUDGED_FROM and (anything or share < 1)
        return late or share <= step / self.n_steps

    def spent(self) -> float:
        """Return the seconds since training started."""
        return time.perf_counter() - self.started


def prepare(data: TrainingData, config: TrainingConfig) -> Trainer:
    """Choose users, count visible events and set up the compiled update."""
    users = training_users(
        data, config.min_user_history_length_percentile, config.max_user_history_length_percentile
    )
    counts = visible_counts(data)
    catalogue = build_catalogue(
        data.features, counts, config.min_item_events, np.random.default_rng(config.seed)
    )
    sampler = Sampler(catalogue, counts, config.negatives, config.lanes * config.bptt)
    n_targets = count_targets(data, users)
    return Trainer(
        data,
        config,
        users,
        sampler,
        catalogue.everything(),
        make_step(config, sampler.dense),
        -(-n_targets // (config.lanes * config.bptt)),
        n_targets,
    )


def start(trainer: Trainer) -> Run:
    """Draw the initial parameters from the seed."""
    data, config = trainer.data, trainer.config
    n_tokens = data.features.n_tokens if data.features else 0
    rng = np.random.default_rng(config.seed)
    params = init(rng, config.hidden_dimension, data.n_items, data.n_types, n_tokens)
    params["ids"] = counted_ids(params, trainer.items, data)
    history = np.full((config.epochs, 3), np.nan)
    # Moments start at 0: made in numpy, for JAX would compile a function for each shape.
    moments = jax.eval_shape(make_optimizer(config).init, params)
    moments = jax.tree.map(lambda leaf: jnp.array(np.zeros(leaf.shape, leaf.dtype)), moments)
    return Run(State(params, moments), copied(params), history, np.array(0))


def copied(params: Params) -> Params:
    """Copy parameters, which an update uses up; in numpy, as JAX would compile a copy for each shape."""
    return jax.tree.map(lambda leaf: jnp.array(np.asarray(leaf)), params)


def counted_ids(params: Params, items: Items, data: TrainingData) -> dict[str, Array]:
    """Item tables (n_items, d) and (n_items,) that begin with what counts tell: directions and popularity.

    The drawn rows stay where no direction is known.
    """
    logs = np.log(np.maximum(visible_counts(data), 1))
    vectors = np.array(params["ids"]["vectors"])
    if data.directions is not None:
        told = fold({**params, "ids": jax.tree.map(jnp.zeros_like, params["ids"])}, items)[0]
        own = data.directions[:, : vectors.shape[1]]
        known = np.isfinite(own).all(axis=1) & (items.known > 0)
        # By the root mean square, not the deviation: all items may have one direction, and the same place in it.
        size = np.sqrt(np.square(own[known]).sum() / max(np.count_nonzero(known) * own.shape[1], 1))
        vectors[known, : own.shape[1]] = own[known] * (ITEM_SCALE / max(float(size), 1e-9))
        vectors[known] -= np.asarray(told)[known]
    bias = POPULARITY_SHARE * (logs - logs.mean())
    return {"vectors": jnp.array(vectors), "bias": jnp.array(bias.astype(np.float32))}


def visible_counts(data: TrainingData) -> NDArray[np.int64]:
    """Count the visible events of every item, (n_items,)."""
    hidden = data.items[ranges(data.ends, data.offsets[1:])]
    return np.bincount(data.items, minlength=data.n_items) - np.bincount(hidden, minlength=data.n_items)


def rehearse(trainer: Trainer, n_updates: int) -> float:
    """Make updates that are thrown away, the first of which compile; seconds that most take."""
    config, times = trainer.config, []
    state, key, rng = start(trainer).state, jax.random.key(0), np.random.default_rng(0)
    h = jnp.zeros((config.lanes, state_size(config.hidden_dimension)))
    batches = epoch_batches(trainer.data, trainer.users, config.lanes, config.bptt, rng)
    for number, batch in enumerate(islice(batches, n_updates)):
        began = time.perf_counter()
        update = trainer.sampler.touch(batch, rng)
        dropout = np.float32(config.dropout)
        state, h, loss = trainer.step(state, update, h, np.float32(0), dropout, key, np.int32(number))
        loss.block_until_ready()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


@kept_scratch()
def train_epoch(trainer: Trainer, run: Run, schedule: Schedule, progress: ProgressCallback) -> Run:
    """Update over all targets once, then validate. The parameters of `run` are used up."""
    data, config = trainer.data, trainer.config
    began, epoch, state = time.perf_counter(), int(run.epoch), run.state
    key, rng = jax.random.key(config.seed + 1), np.random.default_rng((config.seed, epoch))
    h, dropout = jnp.zeros((config.lanes, state_size(config.hidden_dimension))), np.float32(config.dropout)
    losses: list[Array] = []
    filled = 0.0  # batches, counted by their used slots
    for batch in epoch_batches(data, trainer.users, config.lanes, config.bptt, rng):
        number = epoch * trainer.n_steps + len(losses)
        fraction = schedule.fraction(number)
        if fraction >= 1:
            break
        filled += float(batch.weights.sum())
        update = trainer.sampler.touch(batch, rng)
        rate = trainer.learning_rate(fraction)
        state, h, loss = trainer.step(state, update, h, rate, dropout, key, np.int32(number))
        losses.append(loss)
        if len(losses) % STEPS_PER_REPORT == 0:
            loss.block_until_ready()  # so few updates wait in the device's queue, and times are true
            speed = filled * config.lanes * config.bptt / (time.perf_counter() - began)
            left = schedule.spent() * (1 - fraction) / max(fraction, 1e-9)
            note = (
                f"epoch {epoch + 1}/{config.epochs} {_quality(float(loss), run)}{speed / 1000:.0f}k tokens/s "
            )
            progress(Progress("train", number + 1, schedule.n_steps, f"{note}{left:.0f} s left"))
    mean_loss, seconds = float(sum(map(float, losses))) / max(filled, 1e-9), time.perf_counter() - began
    before = float(np.fmax.reduce(run.history[:epoch, 1], initial=-1.0))  # NaN aside
    judged = schedule.judges((epoch + 1) * trainer.n_steps, anything=before >= 0)
    ndcg = validation_ndcg(state.params, trainer.items, data) if judged else None
    best = run.best
    if ndcg is None or before < 0 or ndcg >= as_good(before, data):
        best = copied(state.params)
    history = run.history.copy()
    history[epoch] = mean_loss, np.nan if ndcg is None else ndcg, seconds
    return Run(state, best, history, np.array(epoch + 1))


def _quality(loss: float, run: Run) -> str:
    """Describe the loss now and the validation of the epoch before."""
    ndcg = run.history[int(run.epoch) - 1, 1] if run.epoch else np.nan
    return f"loss {loss:.2f} " + ("" if np.isnan(ndcg) else f"NDCG@10 {ndcg:.3f} ".replace("0.", ".", 1))
