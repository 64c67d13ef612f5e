"""Exploration in a closed loop: newfound's weights beside other policies, in worlds that change fast, slowly or not.

Prints one JSON document a world: mean and 95 % interval over seeds of what `newfound simulate` reports.

    python benchmarks/exploration.py churn news shop static --seeds 10 --first-seed 100
"""

from __future__ import annotations

import argparse
import json

from newfound.project import simulate

DAYS = {"churn": 10.0, "news": 10.0, "shop": 10.0, "static": 14.0}
FIGURES = (
    "shareOfOracle",
    "foundIn24Hours",
    "foundIn72Hours",
    "t50Hours",
    "exploredOnWorseHalf",
    "clickRate",
)
LIFTS = ("liftOverGreedy", "liftOverIgnoringNew", "firstEightHours", "firstDay", "lastHalf")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("world", nargs="+", choices=list(DAYS))
    parser.add_argument(
        "--days", type=float, help="shorter or longer than 10 days, or 14 of the static world"
    )
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--requests-per-hour", type=float, default=300.0)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--policy", action="append", help="besides the weights; default: all")
    parser.add_argument("--full-every", type=float, default=5.0)
    options = parser.parse_args()
    for world in options.world:
        days = options.days or DAYS[world]
        found = simulate(
            world=world,
            days=days,
            users=options.users,
            requests_per_hour=options.requests_per_hour,
            seed=options.first_seed,
            seeds=options.seeds,
            policies=options.policy,
            weights=(0.1, 0.3, 1.0),
            full_every=options.full_every,
        )
        rows = {row["policy"]: {key: row[key] for key in (*FIGURES, *LIFTS)} for row in found["policies"]}
        report = {
            "world": world,
            "days": days,
            "users": options.users,
            "requestsPerHour": options.requests_per_hour,
            "seeds": found["seeds"],
            "seconds": round(found["seconds"]),
            "policies": rows,
        }
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
