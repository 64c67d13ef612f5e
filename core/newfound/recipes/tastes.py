"""The tastes of a bundle: where items lie in the directions in which people differ."""

from __future__ import annotations

import numpy as np

from newfound.dataset.audience import audience
from newfound.dataset.company import company_coordinates
from newfound.dataset.features import FeatureFields, TokenTable, telling
from newfound.dataset.histories import Histories
from newfound.dataset.profile import likeliest_tastes, offer, taste_evidence, taste_variance
from newfound.dataset.runs import ranges
from newfound.dataset.taste import item_coordinates, some_users, token_coordinates
from newfound.explore.prior import learned_variance
from newfound.serving.arrays import Array
from newfound.serving.bundle import learned_tastes
from newfound.serving.network import Floats


def taste_arrays(
    tokens: TokenTable, fields: FeatureFields, seen: Histories, seed: int
) -> tuple[dict[str, Array], Floats]:
    """Directions of taste: those that metadata tells, then those of the company that items keep.

    With them how well items suit all people, and how far they lie from what their metadata tells (m,), in the
    directions that posteriors live on.
    """
    past = seen.items, seen.offsets
    directions = token_coordinates(tokens, telling(fields), *past, seed)
    told = item_coordinates(tokens, directions, seen.n_items)
    coordinates = np.column_stack([told, company_coordinates(*past, told, seed)])
    users = some_users(seen.offsets, seed)
    lengths = seen.offsets[users + 1] - seen.offsets[users]
    chosen = seen.items[ranges(seen.offsets[users], seen.offsets[users + 1])]
    sums, n = taste_evidence(coordinates, chosen, lengths)
    variance = taste_variance(sums, n)
    counts = np.bincount(seen.items, minlength=seen.n_items)
    among = offer(coordinates, counts)
    people, doubt = likeliest_tastes(sums, n, variance, among)
    company = np.arange(len(variance)) >= directions.shape[1]
    owner = np.repeat(np.arange(len(users)), lengths)
    learned = learned_variance(people, owner, chosen, np.where(company, 0, coordinates))
    arrays = {
        "taste": coordinates,
        "taste_tokens": directions,
        "taste_variance": variance,
        "taste_nodes": among.coordinates,
        "taste_log_share": among.log_share,
        "audience": audience(coordinates, counts, people, doubt, lengths),
    }
    return arrays, learned[learned_tastes(variance)]
