"""newfound in a closed loop beside Vowpal Wabbit and MABWiser: the same visitors, coins, lists and hourly feedback.

Makes an environment of its own in the --work folder. Prints one JSON document a world with the figures of
`exploration.py`, and a table of it to the error stream; a seed's result is kept, so an interrupted campaign goes on.

    python benchmarks/exploration_peers.py churn news --seeds 10 --first-seed 300 --days 2
    python benchmarks/exploration_peers.py churn --search --seeds 1 --first-seed 900

With --search it plays the settings of peers that were tried, without newfound, on seeds that are not reported.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from environment import enter
from exploration import DAYS, GUESTS, OURS, add_site, over_seeds, play_seed, show_table, site
from peer_explorers import Epsilon, Softmax, SquareCB
from peer_player import Learner, Peer
from seeds import Report, play_seeds

from newfound.simulation.players import Player
from newfound.simulation.simulate import Guest
from newfound.simulation.traffic import Audience

PACKAGES = ("vowpalwabbit>=9.11,<10", "mabwiser>=2.7,<3")
KINDS = ("vw epsilon", "vw softmax", "vw squarecb", "vw bag", "LinUCB", "LinTS", "LinUCB arms", "LinTS arms")
CHOSEN: dict[str, tuple[float, ...]] = {
    "vw epsilon": (0.1, 0.05),
    "vw softmax": (0.1, 100),
    "vw squarecb": (0.1, 10_000),
    "vw bag": (0.1, 4),
    "LinUCB": (3.0,),
    "LinTS": (3.0,),
    "LinUCB arms": (0.03,),
    "LinTS arms": (0.03,),
}
"""Settings of each peer: learning rate and the explorer's own for Vowpal Wabbit, alpha for MABWiser."""
TRIED: dict[str, list[tuple[float, ...]]] = {
    "vw epsilon": [(0.02, 0.1), (0.1, 0.1), (0.5, 0.1), (0.1, 0.05)],
    "vw softmax": [(0.1, 30), (0.1, 100), (0.1, 300)],
    "vw squarecb": [(0.1, 1_000), (0.1, 10_000), (0.1, 100_000)],
    "vw bag": [(0.1, 4)],
    "LinUCB": [(0.3,), (1.0,), (3.0,), (10.0,)],
    "LinTS": [(0.3,), (1.0,), (3.0,), (10.0,)],
    "LinUCB arms": [(0.01,), (0.03,), (0.1,), (0.3,)],
    "LinTS arms": [(0.01,), (0.03,), (0.1,), (0.3,)],
}


def make_learner(kind: str, values: tuple[float, ...], seed: int) -> Learner:
    """Make a peer of a kind with its settings."""
    from mabwiser.mab import LearningPolicy
    from peer_mabwiser import Arms, Pairs
    from peer_vw import Vowpal

    if kind.startswith("vw"):
        rate, own = values
        explorers: dict[str, Callable[[float], Any]] = {
            "vw epsilon": Epsilon,
            "vw softmax": Softmax,
            "vw squarecb": SquareCB,
        }
        if kind == "vw bag":
            return Vowpal(Epsilon(0), rate, seed, bag=int(own))
        return Vowpal(explorers[kind](own), rate, seed)
    (alpha,) = values
    policy = LearningPolicy.LinTS(alpha) if "TS" in kind else LearningPolicy.LinUCB(alpha)
    return Arms(policy, seed) if kind.endswith("arms") else Pairs(policy, seed)


def guest(kind: str, values: tuple[float, ...]) -> Guest:
    """Let a peer play."""

    def make(audience: Audience, k: int, seed: int) -> Player:
        return Peer(make_learner(kind, values, seed), audience, k, seed)

    return make


def play_peers(settings: Mapping[str, Any], seed: int) -> Report:
    """Play newfound and peers on one seed: what a process of its own is asked for."""
    guests = {name: guest(kind, tuple(values)) for name, (kind, values) in settings["peers"].items()}
    return play_seed(settings, GUESTS | guests, seed)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("world", nargs="+", choices=list(DAYS))
    parser.add_argument("--days", type=float, default=2.0)
    parser.add_argument("--peer", action="append", choices=KINDS, help="default: all")
    parser.add_argument("--search", action="store_true", help="try settings of the peers")
    add_site(parser)
    options = parser.parse_args()
    enter(options.work / "exploration-peers", PACKAGES)
    kinds = options.peer or KINDS
    if options.search:
        peers = {
            f"{kind} {' '.join(f'{value:g}' for value in values)}": (kind, values)
            for kind in kinds
            for values in TRIED[kind]
        }
    else:
        peers = {kind: (kind, CHOSEN[kind]) for kind in kinds}
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    for world in options.world:
        started = time.monotonic()
        settings = site(options, "exploration-peers", world, options.days) | {
            "weights": [] if options.search else [0.3],
            "policies": ["popularity"],
            "peers": peers,
        }
        reports = play_seeds(partial(play_peers, settings), seeds, settings, options.work, options.jobs)
        found = over_seeds(reports)
        print(show_table(found["policies"]), file=sys.stderr, flush=True)
        for name, ahead in found["ahead"].items():
            print(f"{OURS} against {name}: {ahead}", file=sys.stderr)
        report = {**settings, "seeds": list(seeds), "seconds": round(time.monotonic() - started), **found}
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
