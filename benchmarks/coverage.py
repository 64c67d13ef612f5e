"""Whether the intervals around new items are honest: how many hold the truth of a simulated world.

A site at the default weight serves for some hours with an UPDATE an hour. Then the relevance of each young item to some
visitors is held against their true log-odds of a click, on average over the visitors, and as all differ by a constant
that ranking does not see, from the median of all young items. An interval of 90 % should hold 90 % of these errors.

    python benchmarks/coverage.py [--seeds 3] [--hours 36]
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from newfound.explore.policy import Slate, YoungItems
from newfound.serving.network import Floats
from newfound.serving.recommender import Recommender, Request
from newfound.simulation.loop import run
from newfound.simulation.memory import Memory
from newfound.simulation.players import Model
from newfound.simulation.policies import weighted
from newfound.simulation.presets import synthetic_world
from newfound.simulation.traffic import HOUR, Audience, draw_traffic
from newfound.simulation.world import World, fading

WORLDS = ("churn", "news", "shop", "static")
WEIGHT, K, VISITORS = 0.3, 10, 150
SEEN = 5
"""An item shown more often than this has been tried."""
Z_90 = 1.645


def errors(world: World, player: Model, now: int) -> tuple[Floats, Floats, np.ndarray]:
    """Of each young item: its error, its standard deviation sigma, and whether it has been tried."""
    policy, bundle = weighted(WEIGHT), player.bundle
    asked: list[tuple[Floats, YoungItems, Floats]] = []

    def choose(*arguments: Any) -> list[Slate]:  # noqa: ANN401  # those of a Chooser, passed on
        relevance, young, sigma = arguments[:3]
        asked.append((relevance.copy(), young, sigma.copy()))
        return policy.choose(*arguments)

    visitors = np.random.default_rng(0).choice(len(world.user_ids), VISITORS, replace=False, p=world.activity)
    recommender = Recommender(bundle, policy.settings, bundle.meta.latest, choose)
    recommender.answer([Request(world.user_ids[user], K, f"{user}", now) for user in visitors], {})
    young, sigma = asked[0][1].codes, asked[0][2][0]
    relevance = np.concatenate([one[0] for one in asked])[:, young]
    place = {item: code for code, item in enumerate(world.item_ids)}
    codes = np.array([place[bundle.item_id(code)] for code in young.tolist()])
    faded = world.appeal + fading(world.created, now, world.half_life_days)
    error = (world.taste[visitors][:, codes] + faded[codes] - relevance).mean(axis=0)
    return error - np.median(error), sigma, np.asarray(bundle.overlay["shown"])[young] > SEEN


def play(name: str, seed: int, hours: int, users: int, per_hour: float) -> dict[str, float | int]:
    """Let a site serve, and measure how many intervals hold the truth then."""
    world = synthetic_world(name, hours / 24, users, seed)
    audience = Audience(world, seed)
    first = Memory(world, np.arange(world.n_old)).train(seed)
    player = Model(world, first, weighted(WEIGHT), K, seed)
    run(audience, player, draw_traffic(world, hours, per_hour, seed), 0, lambda: None)
    error, sigma, tried = errors(world, player, world.start + hours * HOUR)
    held = np.abs(error) < Z_90 * sigma
    return {
        "young": len(error),
        "tried": int(tried.sum()),
        "holdTruth": round(float(held.mean()), 3),
        "holdTruthTried": round(float(held[tried].mean()), 3),
        "spreadOfErrors": round(float(error.std()), 3),
        "meanSigma": round(float(sigma.mean()), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=700)
    parser.add_argument("--hours", type=int, default=36)
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--requests-per-hour", type=float, default=150.0)
    options = parser.parse_args()
    site = options.hours, options.users, options.requests_per_hour
    for world in WORLDS:
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            print(json.dumps({"world": world, "seed": seed, **play(world, seed, *site)}), flush=True)


if __name__ == "__main__":
    main()
