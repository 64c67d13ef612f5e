"""The story of an item: what was believed of it at first, who saw it, how it did, and what follows.

Quality is clicks per look, a look being an impression times the probability that its position is looked at. With c
clicks in L looks, and u the usual quality of all that was shown since FULL, it is believed to be
Gamma(1 + c, 1 / u + L): without impressions the usual one, and wide. The verdict tells whether 90 % of that lies above
u, or below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.campaigns import read_campaign, serving_version
from newfound.errors import NotFoundError
from newfound.explore.policy import young_items
from newfound.explore.settings import SECONDS_PER_DAY, ExplorationSettings
from newfound.serving.bundle import AGELESS, Bundle, open_bundle
from newfound.serving.network import Floats
from newfound.serving.relevance import relevance, static_relevance, tastes, uncertainty
from newfound.store.layout import Layout
from newfound.store.versions import find_version, training_command

PROMOTED, LEARNING, DROPPED, ESTABLISHED = "promoted", "still learning", "dropped", "established"
DEVIATIONS = 1.645


@dataclass(frozen=True, slots=True)
class Story:
    """relevance: for the mean user; learned: how much of it impressions taught; uncertainty: standard deviation of it.

    quality and its 90 % interval: None before anything was shown. verdict: ESTABLISHED for an item past the cut-off.
    """

    item: str
    age_days: float
    events: int
    shown: int
    clicked: int
    relevance: float
    learned: float
    uncertainty: float
    quality: float | None
    interval: tuple[float, float] | None
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """Describe with the keys of the command line."""
        return {
            "itemId": self.item,
            "ageDays": self.age_days,
            "events": self.events,
            "impressions": self.shown,
            "clicks": self.clicked,
            "relevance": self.relevance,
            "learned": self.learned,
            "uncertainty": self.uncertainty,
            "quality": self.quality,
            "interval": self.interval,
            "verdict": self.verdict,
        }


def usual_quality(bundle: Bundle) -> float | None:
    """Clicks per look in all lists since FULL; None before the first click."""
    clicks = int(np.count_nonzero(bundle.overlay["trial_clicked"]))
    return clicks / float(_looks(bundle).sum()) if clicks else None


def tell(bundle: Bundle, codes: NDArray[np.integer], settings: ExplorationSettings) -> list[Story]:
    """Tell the stories of items, given by their codes."""
    young = np.isin(codes, _explored(bundle, settings))
    values, learned, sigma = _for_the_mean_user(bundle, codes)
    created = np.asarray(bundle.overlay["created"], np.int64)
    usual = usual_quality(bundle)
    clicks, looks = _record(bundle, codes)
    stories = []
    for k, code in enumerate(codes.tolist()):
        quality, interval, verdict = None, None, LEARNING
        if usual is not None:
            quality, interval = _quality(float(clicks[k]), float(looks[k]), usual)
            verdict = PROMOTED if interval[0] > usual else DROPPED if interval[1] < usual else LEARNING
        age = 0.0 if created[code] == AGELESS else max(bundle.meta.latest - int(created[code]), 0)
        stories.append(
            Story(
                item=bundle.item_id(code),
                age_days=age / SECONDS_PER_DAY,
                events=int(bundle.overlay["events"][code]),
                shown=int(bundle.overlay["shown"][code]),
                clicked=int(bundle.overlay["clicked"][code]),
                relevance=float(values[k]),
                learned=float(learned[k]),
                uncertainty=float(sigma[k]),
                quality=quality,
                interval=interval,
                verdict=verdict if young[k] else ESTABLISHED,
            )
        )
    return stories


def _explored(bundle: Bundle, settings: ExplorationSettings) -> NDArray[np.int32]:
    """Codes of the items that are young enough to be explored, sorted; none where the recipe does not explore."""
    if not bundle.meta.explores:
        return np.zeros(0, np.int32)
    created = np.asarray(bundle.overlay["created"], np.int64)
    return young_items(created, bundle.unknown, bundle.lasting, bundle.meta.latest, settings).codes


def _for_the_mean_user(bundle: Bundle, codes: NDArray[np.integer]) -> tuple[Floats, Floats, Floats]:
    """Relevance, the learned part of it, and its standard deviation: (n,) each."""
    center = np.asarray(bundle.base["center"], np.float32)[None]
    nobody = (np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(1, np.int64))
    static = static_relevance(bundle, bundle.meta.popularity_reference)
    taste = tastes(bundle, *nobody)
    features = bundle.user_features(taste)
    values = relevance(bundle, center, taste, nobody, static)[0]
    learned = np.zeros(bundle.n_items, np.float32)
    learned[bundle.posteriors.item] = bundle.posteriors.mean @ features[0]
    wanted, at = np.unique(codes, return_inverse=True)
    sigma = uncertainty(bundle, wanted.astype(np.int32))[at]
    return values[codes], learned[codes], sigma


def _looks(bundle: Bundle) -> NDArray[np.float64]:
    """How likely each trial was looked at, (t,)."""
    return bundle.meta.calibration.examination(np.asarray(bundle.overlay["trial_position"]))


def _record(bundle: Bundle, codes: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clicks and looks of items (n,)."""
    trials = np.asarray(bundle.overlay["trial_item"])
    clicks = np.bincount(trials, np.asarray(bundle.overlay["trial_clicked"]), bundle.n_items)
    return clicks[codes], np.bincount(trials, _looks(bundle), bundle.n_items)[codes]


def _quality(clicks: float, looks: float, usual: float) -> tuple[float, tuple[float, float]]:
    """Mean and 90 % interval of Gamma(1 + clicks, 1 / usual + looks), by Wilson and Hilferty's cube."""
    shape, rate = 1 + clicks, 1 / usual + looks
    low, high = (
        shape * (1 - 1 / (9 * shape) + z / (3 * shape**0.5)) ** 3 / rate for z in (-DEVIATIONS, DEVIATIONS)
    )
    return shape / rate, (low, high)


def report(bundle: Bundle, settings: ExplorationSettings, limit: int) -> dict[str, Any]:
    """Count the young items of a version by verdict and tell the stories of those that were shown most."""
    stories = tell(bundle, _explored(bundle, settings), settings)
    stories.sort(key=lambda story: (-story.shown, -story.clicked, story.item))
    verdicts = [story.verdict for story in stories]
    return {
        "youngItems": len(stories),
        "shownItems": sum(story.shown > 0 for story in stories),
        "promoted": verdicts.count(PROMOTED),
        "stillLearning": verdicts.count(LEARNING),
        "dropped": verdicts.count(DROPPED),
        "usualQuality": usual_quality(bundle),
        "items": [story.to_dict() for story in stories[:limit]],
    }


def campaign_report(layout: Layout, name: str, limit: int) -> dict[str, Any]:
    """Say how the young items are doing on the version that a campaign serves; raise NotFoundError."""
    campaign = read_campaign(layout, name)
    version = serving_version(layout, campaign)
    described = {
        "campaign": name,
        "solutionVersion": version.name,
        "explorationWeight": campaign.exploration_weight,
        "explorationItemAgeCutoff": campaign.item_age_cutoff_days,
    }
    return described | report(open_bundle(version.serving), campaign.settings, limit)


def item_story(layout: Layout, reference: str, item: str) -> dict[str, Any]:
    """Say what a version knows of an item; raise NotFoundError."""
    version = find_version(layout, reference)
    bundle = open_bundle(version.serving)
    code = bundle.item_code(item)
    if code < 0:
        raise NotFoundError(
            f"{version.name} knows no item {item!r}",
            f"put the item or an event of it, then run `{training_command(version.solution, '--mode', 'update')}`",
        )
    [story] = tell(bundle, np.array([code]), ExplorationSettings())
    found = {"solutionVersion": version.name, "usualQuality": usual_quality(bundle)}
    return found | story.to_dict()


def reason(story: Story, explored: bool) -> str:
    """Say in a line why an item stands in a list."""
    if story.verdict == ESTABLISHED:
        return "Relevance"
    kind = "Exploration" if explored else "Relevance: new"
    why = "lifted by its uncertainty" if explored else "on the list without exploration too"
    times = "once" if story.shown == 1 else f"{story.shown:,} times"
    seen = f"shown {times} and clicked {story.clicked:,}, {story.verdict}"
    return f"{kind}: {story.age_days:.1f} days old, {seen}, {why}"
