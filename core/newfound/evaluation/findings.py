"""What offline metrics say, in words: each finding with its verdict and, where something is amiss, what to try."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from newfound.solutions import DEFAULT_RECIPE, find_recipe
from newfound.store.versions import training_command

MEASURE: Final = "normalized_discounted_cumulative_gain_at_10"
FEW_USERS: Final = 30
"""Below, an interval is too wide to say anything of a slice."""
WORDS: Final = {
    "popularity": "popularity",
    "recent_popularity": "the popularity of the last week",
    "sequential_rules": "counts of which item follows which",
}
SLICES: Final = {
    "cold": "on cold items",
    "newUsers": "for new users",
    "longHistories": "for users with long histories",
}
REMEDIES: Final = {
    "popularity": "look at `newfound dataset analyze`: too few events a user, or one event type that says nothing?",
    "recent_popularity": "tastes move fast here: run `{train} --mode update` every hour",
    "sequential_rules": "try `{train} --tune 8`, or import more interactions",
    "newUsers": "until somebody has a few events, little more than popularity is known",
    "longHistories": "try `{train} --tune 8`",
    "inTime": "`{train} --in-time` makes a second model from the oldest nine tenths and judges it",
}
SAME_FOR_ALL: Final = (
    "this recipe is the same for everybody; user-personalization learns what each user likes"
)
Report = Mapping[str, Any]
Remedies = Mapping[str, str]


def findings(report: Report, solution: str = "default", recipe: str = DEFAULT_RECIPE) -> list[dict[str, str]]:
    """Judge a report of FULL: {"verdict": "good" | "bad" | "unclear", "text"} each, the most important first.

    What to try is spelled for the solution; a recipe that learns nothing has only another recipe to try.
    """
    train = training_command(solution)
    learned = {name: remedy.format(train=train) for name, remedy in REMEDIES.items()}
    remedies = learned if find_recipe(recipe).learns else {"popularity": SAME_FOR_ALL}
    found = [
        *_against_baselines(report, "", remedies),
        *_slices(report, remedies),
        *_protocols(report, remedies),
        *_cost_of_exploring(report),
        *_sample(report),
    ]
    return [{"verdict": verdict, "text": text} for verdict, text in found]


def _against_baselines(report: Report, where: str, remedies: Remedies) -> Iterator[tuple[str, str]]:
    for name, gains in report["gains"].items():
        gain, base = gains[MEASURE], report["baselines"][name][MEASURE]
        verdict, amount = _compare(gain, base, WORDS[name])
        yield _advised(verdict, f"{where}{amount}", remedies.get(name, ""))


def _advised(verdict: str, text: str, remedy: str) -> tuple[str, str]:
    """Add what to try to what is not good."""
    return verdict, text if verdict == "good" or not remedy else f"{text}; {remedy}"


def _compare(gain: Report, base: float, rival: str) -> tuple[str, str]:
    low, high = gain["interval"]
    if low <= 0 <= high:
        return "unclear", f"no clear difference from {rival}: {_amount(gain, base)}"
    verdict, word = ("good", "better") if low > 0 else ("bad", "worse")
    return verdict, f"{word} than {rival}: {_amount(gain, base)}"


def _amount(gain: Report, base: float) -> str:
    """Spell a difference of NDCG@10, as a share of the baseline where there is one."""
    values = [gain["value"], *gain["interval"]]
    value, low, high = (f"{x / base:+.0%}" if base > 0 else f"{x:+.4f}" for x in values)
    return f"NDCG@10 {value} [{low}, {high}]"


def _slices(report: Report, remedies: Remedies) -> Iterator[tuple[str, str]]:
    for name, where in SLICES.items():
        part = report["slices"][name]
        if part is None:
            continue
        users = part["users"]
        if users < FEW_USERS:
            yield "unclear", f"{where}: only {users} test user{'s'[: users != 1]}, too few to tell"
        elif name == "cold":
            yield _cold(part, report.get("metadata", False))
        else:
            gain, base = (part[key]["popularity"][MEASURE] for key in ("gains", "baselines"))
            verdict, amount = _compare(gain, base, WORDS["popularity"])
            yield _advised(verdict, f"{where} {amount}", remedies.get(name, ""))


def _cold(part: Report, has_metadata: bool) -> tuple[str, str]:
    low, chance = part["intervals"][MEASURE][0], part["chance"]
    value = f"NDCG@10 {part['metrics'][MEASURE]:.4f} where chance has {chance:.4f}"
    if low > chance:
        return "good", f"on cold items better than chance: {value}"
    if has_metadata:
        why = (
            "what the items' metadata says is not what people choose by; try titles, finer categories or tags"
        )
    else:
        why = "there is no metadata of items; try `newfound dataset import items FILE` with categories"
    return "bad", f"on cold items no better than chance: {value}; {why}"


def _protocols(report: Report, remedies: Remedies) -> Iterator[tuple[str, str]]:
    yield from _against_baselines(report["leaveOneOut"], "leave-one-out: ", remedies)
    if (later := report.get("inTime")) is not None:
        yield from _against_baselines(later, "on what came after a cut in time: ", remedies)
    elif "inTime" in remedies:
        missing = "not measured on a split in time, the hardest test"
        yield _advised("unclear", missing, remedies["inTime"])


def _cost_of_exploring(report: Report) -> Iterator[tuple[str, str]]:
    if "atWeightZero" not in report:
        return
    exploit = report["atWeightZero"]["metrics"][MEASURE]
    if exploit > 0:
        cost = report["metrics"][MEASURE] / exploit - 1
        yield (
            "good" if cost > -0.05 else "unclear",
            f"exploration at weight {report['explorationWeight']:g} changes NDCG@10 by {cost:+.1%} on past events,"
            " which cannot show what new items earn",
        )


def _sample(report: Report) -> Iterator[tuple[str, str]]:
    users, whole = report["users"], report["sampledFrom"]
    if users < whole:
        yield (
            "good",
            f"measured on {users:,} of the {whole:,} users of a full tenth: a seeded sample, without those of whom"
            " the weights that training began from have seen everything",
        )
    if users < 100:
        yield "unclear", f"only {users} test users: differences must be large to be seen"
