"""Make a project with a published version of 1 million items and 5 million users, without training it.

    python benchmarks/million.py DIRECTORY

A tenth of the items is young, and half of these have been shown. Every user has 10 events. The arrays have the
names, types and shapes of FULL's and go through the functions that publish FULL's; what they hold is drawn from a
seed, so the recommendations mean nothing and cost what real ones would.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from newfound.dataset import popularity
from newfound.dataset.affinity import MAX_DIRECTIONS, MAX_ITEMS
from newfound.dataset.age import N_AGES, N_RISES
from newfound.dataset.histories import EventSelection
from newfound.dataset.profile import MOST_NODES
from newfound.dataset.taste import N_DIRECTIONS
from newfound.explore.calibration import Calibration
from newfound.project import Project
from newfound.recipes.assemble import HALF_LIVES, PRIOR_EVENTS, empty_overlay
from newfound.recipes.blending import N_FIRST
from newfound.recipes.refitting import no_examples
from newfound.serving.arrays import Array
from newfound.serving.bundle import save_base, save_overlay
from newfound.serving.bundle_meta import Blend, BundleMeta, Maps
from newfound.serving.ids import IdIndex
from newfound.serving.network import Network
from newfound.store.versions import publish_version, start_version

DAY = 86_400
LATEST = 1_700_000_000
SIZE = 64
BLEND = Blend(0.5, 1.0, (0.05,) * len(HALF_LIVES), (0.1,) * N_AGES, affinity=0.3, taste=0.5)
FEATURES = 17
EVENTS_PER_USER = 10
RULES_PER_ITEM = 100
YEARS_OF_HISTORY = 2
TYPE_NAMES = ("click", "view")


class Made(Mapping[str, Array]):
    """Arrays by name, each made when it is asked for and then forgotten, so that one at a time is in memory."""

    def __init__(self, makers: Mapping[str, Callable[[], Array]]) -> None:
        self.makers = makers

    def __getitem__(self, name: str) -> Array:
        return self.makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self.makers)

    def __len__(self) -> int:
        return len(self.makers)


class World:
    """The events of `users` users on `items` items; each purpose draws from a stream of its own."""

    def __init__(self, items: int, users: int, seed: int) -> None:
        self.items, self.users, self.seed = items, users, seed

    def source(self, purpose: int) -> np.random.Generator:
        """Open the stream of a purpose."""
        return np.random.default_rng([self.seed, purpose])

    def normal(self, purpose: int, *shape: int, scale: float = 1.0) -> Array:
        """Draw normal float32 values of a shape."""
        values = self.source(purpose).standard_normal(shape, dtype=np.float32)
        values *= np.float32(scale)
        return values

    @cached_property
    def young(self) -> Array:
        """A tenth of the items: int32 codes, sorted."""
        return np.sort(self.source(0).choice(self.items, self.items // 10, replace=False)).astype(np.int32)

    @cached_property
    def shown_items(self) -> Array:
        """The young items that have been shown: int32 codes, sorted."""
        return self.young[::2]

    @cached_property
    def created(self) -> Array:
        """Creation times, (items,)."""
        source = self.source(1)
        created = LATEST - source.integers(60 * DAY, 700 * DAY, self.items)
        created[self.young] = LATEST - source.integers(0, 29 * DAY, len(self.young))
        return created

    @cached_property
    def history_items(self) -> Array:
        """Popular items take most events, young ones few: codes int32 (users * EVENTS_PER_USER,)."""
        warm = np.setdiff1d(np.arange(self.items, dtype=np.int32), self.young)
        by_popularity = self.source(2).permutation(warm)
        place = self.source(3).random(self.users * EVENTS_PER_USER, dtype=np.float32)
        place **= 3
        place *= len(warm)
        return by_popularity[np.minimum(place.astype(np.int32), len(warm) - 1)]

    @cached_property
    def history_times(self) -> Array:
        """Unix seconds (users * EVENTS_PER_USER,), rising for each user."""
        span = YEARS_OF_HISTORY * 365 * DAY
        times = self.source(4).integers(0, span, (self.users, EVENTS_PER_USER), dtype=np.int32)
        times.sort(axis=1)
        return (LATEST - span + times.astype(np.int64)).reshape(-1)

    @cached_property
    def history_types(self) -> Array:
        """Codes of event types, int16 (users * EVENTS_PER_USER,)."""
        return self.source(5).integers(0, len(TYPE_NAMES), self.users * EVENTS_PER_USER, dtype=np.int16)

    @cached_property
    def events(self) -> Array:
        """How many events each item has, int64 (items,)."""
        return np.bincount(self.history_items, minlength=self.items)

    def last(self, history: Array) -> Array:
        """Pick each user's newest event out of one of the arrays above, (users,)."""
        return history[EVENTS_PER_USER - 1 :: EVENTS_PER_USER]

    def rules_items(self) -> Array:
        """Followers of each item in item order, spread over the catalogue: int32 (items * RULES_PER_ITEM,)."""
        step = self.items // RULES_PER_ITEM
        offset = self.source(6).integers(0, step, (self.items, RULES_PER_ITEM), dtype=np.int32)
        offset += np.arange(0, step * RULES_PER_ITEM, step, dtype=np.int32)
        return offset.reshape(-1)


def base_arrays(world: World) -> Made:
    n, d, normal = world.items, SIZE, world.normal
    item_ids = IdIndex.build([f"item-{k}" for k in range(n)]).arrays("items")
    no_tokens = IdIndex.build([]).arrays("tokens")
    makers: dict[str, Callable[[], Array]] = {
        **{name: lambda array=array: array for name, array in (item_ids | no_tokens).items()},
        "W": lambda: normal(10, d, 3 * d, scale=0.1),
        "U": lambda: normal(11, d, 3 * d, scale=0.1),
        "b": lambda: np.zeros(3 * d, np.float32),
        "W_o": lambda: normal(12, d, d, scale=0.1),
        "A": lambda: normal(13, d, d, scale=0.1),
        "F": lambda: normal(14, 64, d, scale=0.1),
        "G": lambda: normal(15, 64, d, scale=0.1),
        "T": lambda: normal(16, len(TYPE_NAMES), d, scale=0.1),
        "E": lambda: normal(17, n, d, scale=0.3),
        "item_bias": lambda: normal(18, n, scale=0.3),
        "taste": lambda: normal(24, n, N_DIRECTIONS),
        "taste_tokens": lambda: np.zeros((0, N_DIRECTIONS), np.float32),
        "taste_variance": lambda: np.full(N_DIRECTIONS, 0.1, np.float32),
        "taste_nodes": lambda: normal(28, MOST_NODES, N_DIRECTIONS),
        "taste_log_share": lambda: np.full(MOST_NODES, -np.log(MOST_NODES), np.float32),
        "audience": lambda: np.zeros(n, np.float32),
        "M": lambda: normal(23, 1, d, d, scale=0.1),
        "fade": lambda: np.full(1, 0.98, np.float32),
        "Q": lambda: normal(26, d, 32, scale=0.1),
        "V": lambda: normal(27, d, d, scale=0.1),
        "lags": lambda: np.zeros(EVENTS_PER_USER, np.float32),
        # The last value is the weight of the memory, which is above 0.
        "state_h": lambda: np.abs(normal(19, world.users, 2 * d + 1, scale=0.3)),
        "state_item": lambda: world.last(world.history_items),
        "state_before": lambda: np.full(world.users, 40, np.uint8),
        "state_type": lambda: world.last(world.history_types),
        "state_time": lambda: world.last(world.history_times),
        "state_recent": lambda: world.history_items.reshape(world.users, EVENTS_PER_USER)[:, :-1],
        "history_offsets": lambda: np.arange(world.users + 1) * EVENTS_PER_USER,
        "history_items": lambda: world.history_items,
        "history_times": lambda: world.history_times,
        "history_types": lambda: world.history_types,
        "history_trained": lambda: np.ones(world.users * EVENTS_PER_USER, np.bool_),
        "rules_offsets": lambda: np.arange(n + 1) * RULES_PER_ITEM,
        "rules_items": world.rules_items,
        "rules_values": lambda: world.source(20).random(n * RULES_PER_ITEM, dtype=np.float32),
        "affinity_items": lambda: np.sort(np.argsort(-world.events)[:MAX_ITEMS]).astype(np.int32),
        "affinity_scale": lambda: np.full(min(n, MAX_ITEMS), 0.5, np.float32),
        "affinity_vectors": lambda: normal(24, min(n, MAX_ITEMS), MAX_DIRECTIONS, scale=0.1),
        "center": lambda: normal(22, d, scale=0.1),
        "prior_variance": lambda: np.full(FEATURES, 0.05, np.float32),
        "usual_vector": lambda: np.zeros(d, np.float32),
        "usual_bias": lambda: np.zeros(1, np.float32),
        "content_vectors": lambda: np.zeros((1, d), np.float32),
        "content_bias": lambda: np.zeros(1, np.float32),
        "content_appeal": lambda: np.zeros(1, np.float32),
        "shown_at_full": lambda: np.zeros(n, np.int64),
        "clicker_scale": lambda: np.ones(1, np.float32),
    }
    return Made(makers)


def overlay_arrays(world: World, network: Network) -> tuple[dict[str, Array], Array]:
    """The overlay of a FULL version, and mean log popularity at each half-life."""
    n, shown = world.items, world.shown_items
    counts = popularity.updated(
        popularity.empty(np.array(HALF_LIVES), n), world.history_items, world.history_times, n
    )
    usual = popularity.log_popularity(counts, counts.reference).mean(axis=1)
    trials = len(shown)
    impressions = np.zeros(n, np.int64)
    impressions[shown] = 1
    return {
        **empty_overlay(network, N_DIRECTIONS),
        **no_examples(N_FIRST + len(HALF_LIVES) + N_RISES),
        "created": world.created,
        "created_stated": np.ones(n, np.bool_),
        "described": np.zeros(n, np.bool_),
        "events": world.events,
        "events_at_full": world.events,
        "organic": world.events,
        "organic_at_full": world.events,
        "shown": impressions,
        "clicked": np.zeros(n, np.int64),
        "popularity": counts.values,
        "metadata_bias": np.zeros(n, np.float32),
        "prior_factor": (PRIOR_EVENTS / (PRIOR_EVENTS + world.events)).astype(np.float32),
        "trial_item": shown,
        "trial_user_features": world.normal(30, trials, FEATURES),
        "trial_log_score": world.normal(31, trials) - np.float32(12),
        "trial_position": np.ones(trials, np.int16),
        "trial_clicked": np.zeros(trials, np.bool_),
        "trial_key": np.arange(trials, dtype=np.uint64),
        "trial_looks": np.zeros(trials, np.float32),
        "posterior_item": shown,
        "posterior_mean": world.normal(32, trials, FEATURES, scale=0.05),
        "posterior_variance": np.full((trials, FEATURES), 0.04, np.float32),
    }, usual


def publish(directory: Path, items: int, users: int, seed: int = 0) -> None:
    """Make the project and its one version, `default@v1`, with a campaign."""
    Project.init(directory)
    project = Project.open(directory)
    project.create_solution("default")
    world = World(items, users, seed)
    record = {"trainingMode": "FULL", "recipe": "user-personalization", "parent": None, "seed": seed}
    version = start_version(project.layout, "default", record)
    base = base_arrays(world)
    overlay, usual = overlay_arrays(
        world, Network.from_arrays({name: base[name] for name in Network.__slots__})
    )
    user_ids = IdIndex.build([f"user-{k}" for k in range(users)]).arrays("users")
    save_base(version.serving, user_ids)
    del user_ids
    meta = BundleMeta(
        explores=True,
        latest=LATEST,
        popularity_reference=LATEST,
        event_offset=0,
        item_record_offset=0,
        type_names=TYPE_NAMES,
        selection=EventSelection(),
        half_lives=HALF_LIVES,
        blend=BLEND,
        blend_at_full=BLEND,
        hide_seen=False,
        maps=Maps((-7.0, 0.3), (0.0, 0.1)),
        calibration=Calibration(),
        prior_events=PRIOR_EVENTS,
        popularity_prior=tuple(usual.tolist()),
        features=(),
    )
    save_base(version.serving, base)
    save_overlay(version.serving, meta, overlay)
    facts = {
        "full": version.name,
        "fullEventOffset": 0,
        "eventOffset": 0,
        "items": items,
        "newItems": len(world.young),
        "users": users,
        "interactions": users * EVENTS_PER_USER,
        "newEvents": 0,
        "impressions": len(world.shown_items),
        "warnings": [],
        "metrics": None,
        "seconds": 0.0,
    }
    publish_version(project.layout, version, record | facts)
    project.create_campaign()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=5_000_000)
    options = parser.parse_args()
    publish(options.directory, options.items, options.users)


if __name__ == "__main__":
    main()
