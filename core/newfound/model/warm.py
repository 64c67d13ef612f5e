"""Begin training from the weights of an earlier one, where these rank well enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from newfound.model.config import TrainingConfig
from newfound.model.data import TrainingData
from newfound.model.epoch import Run, Trainer, copied, prepare, start, visible_counts
from newfound.model.network import Params
from newfound.model.tower import Items
from newfound.model.validation import fold, validation_ndcg

SHARE_OF_EPOCHS = 0.3
SHARE_OF_RATE = 0.5

Weights = Mapping[str, NDArray[np.float32]]
"""Arrays as `export_arrays` names them, in the order of today's items and tokens, NaN where there is no weight."""


def judge_weights(data: TrainingData, config: TrainingConfig, weights: Weights) -> dict[str, Any]:
    """Say whether weights are worth beginning from: they fit, and rank validation users better than popularity does.

    Both NDCG@10 are of today's validation, before any update; None where the shapes differ or nobody validates.
    """
    trainer = prepare(data, config)
    fresh = start(trainer).best
    params = _overlaid(fresh, trainer.items, weights)
    ndcg = None if params is None else validation_ndcg(params, trainer.items, data)
    popularity = validation_ndcg(_popularity(fresh, data), trainer.items, data)
    used = ndcg is not None and popularity is not None and ndcg > popularity
    return {"used": used, "ndcg": ndcg, "popularity": popularity}


def shorter(config: TrainingConfig) -> TrainingConfig:
    """Plan fewer and smaller updates, for weights that are good already."""
    return replace(
        config,
        epochs=math.ceil(SHARE_OF_EPOCHS * config.epochs),
        learning_rate=SHARE_OF_RATE * config.learning_rate,
    )


def start_from(trainer: Trainer, weights: Weights) -> Run:
    """Begin from weights that `judge_weights` found to fit."""
    run = start(trainer)
    params = _overlaid(run.best, trainer.items, weights)
    if params is None:
        raise ValueError("the weights are of another shape")
    return run._replace(state=run.state._replace(params=params), best=copied(params))


def _popularity(fresh: Params, data: TrainingData) -> Params:
    """Parameters that rank by the number of visible events, the same for everybody."""
    counts = visible_counts(data).astype(np.float32)
    nothing = jax.tree.map(jnp.zeros_like, fresh)
    return {**nothing, "ids": {"vectors": nothing["ids"]["vectors"], "bias": jnp.asarray(counts)}}


def _overlaid(fresh: Params, items: Items, weights: Weights) -> Params | None:
    """Put weights over fresh parameters, which stay where these are NaN; None if a shape differs.

    What metadata says of an item is taken out of its vector again: the inverse of `export_arrays`.
    """
    if any(name not in weights or weights[name].shape != own.shape for name, own in fresh["net"].items()):
        return None
    if weights["E"].shape != fresh["ids"]["vectors"].shape:
        return None
    content = fresh["content"]
    if content and "token_vectors" in weights:
        content = _over(content, {"vectors": weights["token_vectors"], "bias": weights["token_bias"]})
    nothing = jax.tree.map(jnp.zeros_like, fresh["ids"])
    told, told_bias = fold({"net": {}, "ids": nothing, "content": content}, items)
    ids = {"vectors": weights["E"] - told, "bias": weights["item_bias"] - told_bias}
    return {"net": _over(fresh["net"], weights), "ids": _over(fresh["ids"], ids), "content": content}


def _over(fresh: dict[str, jax.Array], weights: Mapping[str, Any]) -> dict[str, jax.Array]:
    return {name: jnp.where(jnp.isnan(weights[name]), own, weights[name]) for name, own in fresh.items()}
