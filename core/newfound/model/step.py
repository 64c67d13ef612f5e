"""One update: loss, gradient, AdamW; compiled once, whatever the batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from newfound.model.losses import smoothing_loss, softmax_loss
from newfound.model.network import Params, encode
from newfound.model.tower import item_vectors

if TYPE_CHECKING:
    from jax import Array

    from newfound.model.config import TrainingConfig
    from newfound.model.sampling import Update


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
    params: Params, update: Update, state: Array, config: TrainingConfig, dropout: Array, key: Array
) -> tuple[Array, tuple[Array, Array]]:
    """What an update lowers, and with it mean cross-entropy and the lanes' last states.

    `params["ids"]` holds the touched items. `dropout` stands in for that of `config`: it may follow from speed.
    """
    kept = jax.random.bernoulli(jax.random.fold_in(key, 2), 1 - config.id_dropout, update.items.rows.shape)
    id_kept = kept.astype(state.dtype) if params["content"] else None
    E, bias = item_vectors(params["ids"], params["content"], update.items, id_kept)  # (R, d), (R,)
    o, state = encode(params["net"], E, update.steps, state, dropout, key)  # (T, L, d)
    targets = update.targets.reshape(-1)  # (T * L,)
    full, weights = not config.negatives, update.weights.reshape(-1)
    rows = (
        o.reshape(-1, o.shape[-1]),
        E if full else E[update.negatives],  # (K, d)
        bias if full else bias[update.negatives] - update.log_counts,
        E[targets],
        bias[targets],
    )
    loss = softmax_loss(*rows, update.negatives, targets, weights)
    return loss + config.smoothing * smoothing_loss(*rows, weights), (loss, state)


@cache
def make_step(config: TrainingConfig, dense: bool) -> StepFunction:
    """Compile (state, update, lanes' states, rate, dropout, key, number) -> (state, lanes' states, loss).

    `dense`: the update touches the whole catalogue. Otherwise the touched items' rows, and their moments,
    are gathered, updated and put back, so that a step costs the same in a catalogue of any size. The moments of a
    row rest while nothing touches it, and the correction of their bias counts all updates ("lazy" Adam).
    """
    optimizer = make_optimizer(config)

    @partial(jax.jit, donate_argnums=0)
    def step(
        state: State, update: Update, h0: Array, rate: Array, dropout: Array, key: Array, number: Array
    ) -> tuple[State, Array, Array]:
        rows = update.items.rows
        local = state if dense else _map_ids(lambda table: jnp.take(table, rows, axis=0, mode="clip"), state)
        gradient_of = jax.value_and_grad(batch_loss, has_aux=True)
        (_, (loss, h)), gradient = gradient_of(
            local.params, update, h0, config, dropout, jax.random.fold_in(key, number)
        )
        changes, moments = optimizer.update(gradient, local.optimizer, local.params)
        params = jax.tree.map(lambda p, change: p - rate * change, local.params, changes)
        local = State(params, moments)
        if dense:
            return local, h, loss
        state = _map_ids(lambda new, table: table.at[rows].set(new, mode="drop"), local, state)
        return state, h, loss

    return step


def _map_ids(f: Callable[..., Array], state: State, *others: State) -> State:
    """Apply `f` to the item tables of the parameters and of both moments, and keep the rest of `state`."""

    def ids(params: Params, *rest: Params) -> Params:
        return params | {"ids": jax.tree.map(f, params["ids"], *(r["ids"] for r in rest))}

    def moments(adam: Any, *rest: Any) -> Any:  # noqa: ANN401  # optax's own tuple
        return adam._replace(mu=ids(adam.mu, *(a.mu for a in rest)), nu=ids(adam.nu, *(a.nu for a in rest)))

    clip, adam, decay = state.optimizer
    adam = moments(adam, *(other.optimizer[1] for other in others))
    return State(ids(state.params, *(other.params for other in others)), (clip, adam, decay))
