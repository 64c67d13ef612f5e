"""One update: loss, gradient, AdamW; compiled once, whatever the batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import optax

from newfound.model.losses import softmax_loss
from newfound.model.network import Params, encode
from newfound.model.tower import Tower, item_vectors

if TYPE_CHECKING:
    from jax import Array

    from newfound.model.batches import Batch
    from newfound.model.config import TrainingConfig
    from newfound.model.sampling import Touched


class State(NamedTuple):
    """What training carries from update to update, apart from the lanes' states."""

    params: Params
    optimizer: optax.OptState


StepFunction = Callable[..., tuple[State, "Array", "Array"]]


def make_optimizer(config: TrainingConfig) -> optax.GradientTransformation:
    """Chain clipping, Adam and decoupled weight decay; the learning rate is applied by the step."""
    return optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.scale_by_adam(),
        optax.add_decayed_weights(config.weight_decay),
    )


def batch_loss(
    params: Params,
    batch: Batch,
    touched: Touched,
    tower: Tower,
    h0: Array,
    config: TrainingConfig,
    key: Array,
) -> tuple[Array, Array]:
    """Mean cross-entropy of a batch, and the lanes' last states. Item tables hold the touched rows only."""
    kept = jax.random.bernoulli(jax.random.fold_in(key, 2), 1 - config.id_dropout, touched.rows.shape)
    id_kept = kept.astype(h0.dtype) if tower.tokens.shape[1] else None
    E, bias = item_vectors(params["ids"], params["content"], tower, id_kept)  # (R, d), (R,)
    o, h = encode(params["net"], E, batch.steps, h0, config.dropout, key)  # (T, L, d)
    targets = batch.targets.reshape(-1)  # (T * L,)
    full = not config.negatives
    loss = softmax_loss(
        o.reshape(-1, o.shape[-1]),
        E if full else E[touched.negatives],  # (K, d)
        bias if full else bias[touched.negatives] - touched.log_counts,
        E[targets],
        bias[targets],
        touched.negatives,
        targets,
        batch.weights.reshape(-1),
    )
    return loss, h[-1]


@cache
def make_step(config: TrainingConfig, dense: bool) -> StepFunction:
    """Compile (state, batch, touched, tower, h0, rate, key, number) -> (state, lanes' states, loss).

    `dense`: the update touches the whole catalogue. Otherwise item rows, and their moments, are gathered,
    updated and put back, so that a step costs the same in a catalogue of any size.
    """
    optimizer = make_optimizer(config)

    @partial(jax.jit, donate_argnums=0)
    def step(
        state: State,
        batch: Batch,
        touched: Touched,
        tower: Tower,
        h0: Array,
        rate: Array,
        key: Array,
        number: Array,
    ) -> tuple[State, Array, Array]:
        local = state if dense else _take(state, touched.rows)
        if not dense:
            tower = Tower(*(jnp.take(a, touched.rows, axis=0, mode="clip") for a in tower))
        key = jax.random.fold_in(key, number)
        loss_of = jax.value_and_grad(batch_loss, has_aux=True)
        (loss, h), gradient = loss_of(local.params, batch, touched, tower, h0, config, key)
        updates, optimizer_state = optimizer.update(gradient, local.optimizer, local.params)
        params = jax.tree.map(lambda p, u: p - rate * u, local.params, updates)
        local = State(params, optimizer_state)
        return local if dense else _put(state, local, touched.rows), h, loss

    return step


def _map_items(f: Callable[..., Array], state: State, *others: State) -> State:
    """Apply `f` to the item tables of the parameters and of both moments."""

    def tree(params: Params, *rest: Params) -> Params:
        return {**params, "ids": jax.tree.map(f, params["ids"], *(r["ids"] for r in rest))}

    clip, adam, decay = state.optimizer
    adams = [other.optimizer[1] for other in others]
    adam = adam._replace(mu=tree(adam.mu, *(a.mu for a in adams)), nu=tree(adam.nu, *(a.nu for a in adams)))
    return State(tree(state.params, *(o.params for o in others)), (clip, adam, decay))


def _take(state: State, rows: Array) -> State:
    return _map_items(lambda table: jnp.take(table, rows, axis=0, mode="clip"), state)


def _put(state: State, local: State, rows: Array) -> State:
    def put(new: Array, table: Array) -> Array:
        return table.at[rows].set(new, mode="drop", unique_indices=True)

    return _map_items(put, local, state)
