"""The small description of a bundle: the weights of its blend, and facts that are no arrays."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from newfound.dataset.age import N_AGES, UNTESTED_DAYS
from newfound.dataset.features import FeatureFields, feature_fields_from_dict
from newfound.dataset.histories import EventSelection
from newfound.explore.calibration import Calibration

NO_AGE = (0.0,) * N_AGES
"""A flat curve."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Weights of the served score: network logit, log rule score, log decayed popularity at each half-life,

    the components of age (`dataset/age.py`), how lately the user had the item (`dataset/rules.py`, `recent`), how well
    it goes with all that the user had (`dataset/affinity.py`), taste as metadata tells it (`dataset/taste.py`) and as
    the company that items keep does (`dataset/company.py`), and how well it suits all people (`dataset/audience.py`).
    """

    network: float
    rules: float
    popularity: tuple[float, ...]
    age: tuple[float, ...] = NO_AGE
    again: float = 0.0
    affinity: float = 0.0
    taste: float = 0.0
    company: float = 0.0
    audience: float = 0.0


@dataclass(frozen=True, slots=True)
class Newcomers:
    """What items that nobody chose yet get beyond the blend: a level, and more weight of network logit, of taste as

    metadata tells it, and of the appeal that metadata promises. Found by asking for known items as if nobody had chosen
    them (`recipes/newcomers.py`).
    """

    level: float = 0.0
    network: float = 0.0
    taste: float = 0.0
    appeal: float = 0.0


@dataclass(frozen=True, slots=True)
class Maps:
    """What items without counts of their own get: in place of a component, intercept and slope on the logit."""

    rules: tuple[float, float]
    affinity: tuple[float, float]
    newcomers: Newcomers = Newcomers()


@dataclass(frozen=True, slots=True)
class BundleMeta:
    """Small facts of a bundle. Times are Unix seconds; offsets are the first not yet taken in.

    hide_seen: people here do not come back to an item, so what a user had competes no more when weights are fitted.
    untested_days: how long being new is worth something. newcomer_scale: how many times as much as FULL expected the
    appeal of newcomers varies, by what lists taught.
    """

    explores: bool
    latest: int
    popularity_reference: int
    event_offset: int
    item_record_offset: int
    type_names: tuple[str, ...]
    selection: EventSelection
    half_lives: tuple[float, ...]
    blend: Blend
    blend_at_full: Blend
    hide_seen: bool
    maps: Maps
    calibration: Calibration
    prior_events: float
    popularity_prior: tuple[float, ...]
    features: FeatureFields
    untested_days: float = UNTESTED_DAYS
    newcomer_scale: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Turn into plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_dict(raw: dict[str, Any]) -> BundleMeta:
        """Read back what `to_dict` made."""
        return BundleMeta(
            **raw
            | {
                "type_names": tuple(raw["type_names"]),
                "selection": EventSelection(**raw["selection"]),
                "half_lives": tuple(raw["half_lives"]),
                "blend": _blend(raw["blend"]),
                "blend_at_full": _blend(raw["blend_at_full"]),
                "maps": _maps(raw["maps"]),
                "calibration": Calibration(**raw["calibration"]),
                "popularity_prior": tuple(raw["popularity_prior"]),
                "features": feature_fields_from_dict(raw["features"]),
            }
        )


def _blend(raw: dict[str, Any]) -> Blend:
    return Blend(**raw | {name: tuple(raw[name]) for name in ("popularity", "age")})


def _maps(raw: dict[str, Any]) -> Maps:
    return Maps(tuple(raw["rules"]), tuple(raw["affinity"]), Newcomers(**raw["newcomers"]))
