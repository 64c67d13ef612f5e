"""Generate the demo data set: invented films, and what invented people chose from the slates they were shown.

    python sample_data/generate.py [DIRECTORY]

Every run writes the same bytes. `README.md` beside this file tells what the data holds and how it came about.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SEED = 1931
DAY = 86_400
LAST = 1_597_266_000  # 2020-08-12T21:00:00Z: the newest interaction
FIRST = LAST - 730 * DAY
N_OLD, N_COLD, N_USERS, SLATE = 1_740, 191, 1_500, 10

FRONT_PAGE = [1270, 1, 2, 3, 4, 5, 6, 7, 8, 9]  # the slate of user 1's first visit; 1270 was chosen
GENRE_SHARES = {
    "Action": 10, "Adventure": 7, "Animation": 4, "Comedy": 13, "Crime": 7, "Documentary": 3, "Drama": 16,
    "Family": 4, "Fantasy": 5, "Horror": 6, "Mystery": 4, "Romance": 7, "Sci-Fi": 8, "Thriller": 9, "War": 3,
    "Western": 2,
}  # fmt: skip
GENRES = list(GENRE_SHARES)
SHARES = np.array(list(GENRE_SHARES.values())) / sum(GENRE_SHARES.values())
USER_1_TASTE = {"Sci-Fi": 0.55, "Thriller": 0.35, "Mystery": 0.1}


@dataclass(frozen=True, slots=True)
class Films:
    """The catalogue, one entry per film, old ones first; quality, fame and circle are never written."""

    label: list[int]
    title: list[str]
    genres: NDArray[np.bool_]  # (n, 16)
    created: list[int]  # Unix seconds
    quality: list[float]
    fame: NDArray[np.float64]  # (n,) chance of being put on a slate
    circle: NDArray[np.int64]  # (n,) films of one maker: who liked one tends to go on to the next


@dataclass(frozen=True, slots=True)
class Row:
    """One interaction: of the films shown, the first was chosen."""

    user: int
    time: int
    rating: float
    shown: list[int]


def make_films(random: np.random.RandomState) -> Films:
    """Invent the catalogue: 1,740 films of the last thirty years, and 191 that have just arrived."""
    n = N_OLD + N_COLD
    other = random.permutation(np.setdiff1d(np.arange(1, 1801), FRONT_PAGE))[: N_OLD - len(FRONT_PAGE)]
    fresh = random.permutation(np.arange(1801, 2101))[:N_COLD]
    label = [int(x) for x in [*np.sort([*other, *FRONT_PAGE]), *np.sort(fresh)]]
    front = [label.index(x) for x in FRONT_PAGE]

    main = random.choice(len(GENRES), size=n, p=SHARES)
    main[front[0]] = GENRES.index("Sci-Fi")
    genres = np.zeros((n, len(GENRES)), dtype=bool)
    genres[np.arange(n), main] = True
    for chance in (0.6, 0.3):  # a second genre, sometimes a third
        more = random.random_sample(n) < chance
        genres[more, random.choice(len(GENRES), size=n, p=SHARES)[more]] = True
    genres[front[0]] = [name in ("Sci-Fi", "Thriller") for name in GENRES]

    # One in eight old films came out while ratings were being collected; none in the last 45 days.
    age = np.where(
        random.random_sample(n) < 0.125,
        random.uniform(45, 730, n),
        random.uniform(0, 1, n) ** 2 * 28 * 365 + 731,
    )
    age[front] += 731
    age[N_OLD:] = 0
    quality = random.standard_normal(n)
    fame = np.exp(0.8 * random.standard_normal(n) + 0.5 * quality)
    fame[front[1:]] = np.sort(fame)[-9:]  # the front page shows what everybody knows
    fame[N_OLD:] = 0.0
    created = [int(x) for x in LAST - (age * DAY).astype(np.int64)]
    circle = main * 1_000 + random.randint(0, 1 + np.bincount(main)[main] // 8)
    return Films(label, make_titles(random, main, created), genres, created, quality.tolist(), fame, circle)


def make_titles(random: np.random.RandomState, main: NDArray[np.int64], created: list[int]) -> list[str]:
    """Invent a different title for each film from the words of its genre; the year is that of release."""
    words = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
    titles: dict[str, None] = {}

    def pick(choices: list[str]) -> str:
        return choices[random.randint(len(choices))]

    for genre in main:
        adjectives, nouns = words["genres"][GENRES[genre]]
        known = len(titles)
        while len(titles) == known:
            adjective, noun = pick(adjectives), pick(nouns)
            place, person = pick(words["places"]), pick(words["people"])
            form = pick(["the", "the", "the", "at", "of", "and", "for"])
            name = {
                "the": f"The {adjective} {noun}",
                "at": f"The {noun} at {place}",
                "of": f"The {adjective} {noun} of {place}",
                "and": f"{person} and the {noun}",
                "for": f"The {adjective} {noun} of {person}",
            }[form]
            titles[name] = None
    years = (datetime.fromtimestamp(time, UTC).year for time in created)
    return [f"{name} ({year})" for name, year in zip(titles, years, strict=True)]


def make_times(random: np.random.RandomState, first: bool) -> list[int]:
    """Invent when one user rates, in order: evenings, a few films in a sitting, over weeks to two years."""
    n = 160 if first else 20 + min(int(random.exponential(20.0)), 180)
    joined = FIRST if first else FIRST + int(random.random_sample() ** 0.8 * 690 * DAY)
    active = 730 * DAY if first else int(random.uniform(20, 500) * DAY)
    days = random.uniform(joined, min(joined + active, LAST), 1 + n // 5) // DAY * DAY
    starts = days + random.triangular(9 * 3600, 20 * 3600, 23 * 3600, len(days))
    times = starts[random.randint(0, len(days), n)] + random.uniform(0, 5_400, n)
    return sorted(int(time) for time in times if FIRST < time < LAST)


class Viewer:
    """One user: a taste that drifts, a mood that lasts for a few films, and the films already rated."""

    def __init__(self, random: np.random.RandomState, films: Films, first: bool) -> None:
        self.random, self.films, self.drifts = random, films, not first
        liked = random.choice(len(GENRES), size=3, replace=False, p=SHARES)
        self.taste = np.full(len(GENRES), 0.01)
        self.taste[liked] += [0.55, 0.3, 0.15]
        if first:
            self.taste = np.array([USER_1_TASTE.get(name, 0.0) for name in GENRES])
        self.taste /= self.taste.sum()
        self.mood = int(liked[0])
        self.rated: set[int] = set()
        self.last = -1

    def turn(self) -> None:
        """Let the mood change, and rarely the taste itself."""
        if self.drifts and self.random.random_sample() < 0.03:
            old, new = self.some_genre(), self.random.randint(len(GENRES))
            self.taste[[old, new]] = self.taste[[new, old]]
        if self.random.random_sample() < 0.2:
            self.mood = self.some_genre()

    def some_genre(self) -> int:
        """Draw a genre by taste."""
        return int(self.random.choice(len(GENRES), p=self.taste))

    def appeal(self, film: int) -> float:
        """Say how much the user wants a film now."""
        genres = self.films.genres[film]
        taste = float(self.taste[genres].sum()) / math.sqrt(genres.sum())
        follows = self.last >= 0 and bool(self.films.circle[film] == self.films.circle[self.last])
        return 5 * taste + 1.2 * bool(genres[self.mood]) + 2.0 * follows + 0.6 * self.films.quality[film]

    def choose(self, slate: list[int]) -> list[int]:
        """Choose from a slate, by appeal and luck; returns it with the choice first."""
        luck = self.random.gumbel(size=len(slate))
        best = max(range(len(slate)), key=lambda k: self.appeal(slate[k]) + luck[k])
        return [slate[best], *slate[:best], *slate[best + 1 :]]

    def rate(self, film: int) -> float:
        """Watch a film and rate it in half steps from 1 to 5."""
        whim = 0.5 * float(self.random.standard_normal())
        felt = 2.6 + 0.25 * self.appeal(film) + 0.5 * self.films.quality[film] + whim
        self.rated.add(film)
        self.last = film
        return min(5.0, max(1.0, round(2 * felt) / 2))


class Shelf:
    """The site that shows ten films: famous ones, some of the mood's genre, some like the last one."""

    def __init__(self, random: np.random.RandomState, films: Films) -> None:
        self.random, self.films = random, films
        self.all = films.fame.cumsum()
        self.by_genre = (films.genres * films.fame[:, None]).cumsum(axis=0)
        self.circles = {c: np.flatnonzero(films.circle[:N_OLD] == c) for c in np.unique(films.circle)}

    def draws(self, viewer: Viewer) -> Iterator[int]:
        """Yield films for ever, some twice, some not out yet."""
        while True:
            genre = self.by_genre[:, viewer.mood]
            spots = self.random.random_sample(5)
            yield from (int(x) for x in np.searchsorted(self.all, spots[:2] * self.all[-1], side="right"))
            yield from (int(x) for x in np.searchsorted(genre, spots[2:] * genre[-1], side="right"))
            if viewer.last >= 0:
                circle = self.circles[self.films.circle[viewer.last]]
                yield from (int(circle[k]) for k in self.random.randint(0, len(circle), 2))

    def slate(self, viewer: Viewer, time: int) -> list[int]:
        """Fill ten places with films that are out and that the user has not rated."""
        slate: list[int] = []
        for film in self.draws(viewer):
            if film not in viewer.rated and film not in slate and self.films.created[film] <= time:
                slate.append(film)
            if len(slate) == SLATE:
                return slate
        raise AssertionError("draws never end")


def make_interactions(random: np.random.RandomState, films: Films) -> list[Row]:
    """Let everybody visit, choose and rate, user by user."""
    shelf = Shelf(random, films)
    rows: list[Row] = []
    for user in range(1, N_USERS + 1):
        viewer = Viewer(random, films, first=user == 1)
        for time in make_times(random, first=user == 1):
            viewer.turn()
            shown = viewer.choose(shelf.slate(viewer, time))
            if not rows:
                shown = [films.label.index(label) for label in FRONT_PAGE]
            rows.append(Row(user, time, viewer.rate(shown[0]), shown))
    newest = max(range(len(rows)), key=lambda k: rows[k].time)
    rows[newest] = replace(rows[newest], time=LAST)
    return rows


def write(path: Path, header: str, lines: Iterable[str]) -> None:
    """Write one CSV file."""
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8", newline="\n")


def generate(directory: Path) -> None:
    """Write both files into a directory."""
    # numpy has frozen RandomState: the same stream under every version, which default_rng does not promise.
    random = np.random.RandomState(SEED)
    films = make_films(random)
    rows = make_interactions(random, films)
    label = films.label
    write(
        directory / "bandits-demo-interactions.csv",
        "USER_ID,ITEM_ID,EVENT_TYPE,EVENT_VALUE,TIMESTAMP,IMPRESSION",
        (
            f"{row.user},{label[row.shown[0]]},rating,{row.rating:.1f},{row.time},"
            + "|".join(str(label[film]) for film in row.shown)
            for row in rows
        ),
    )
    names = ["|".join(np.array(GENRES)[flags]) for flags in films.genres]
    write(
        directory / "bandits-demo-items.csv",
        "ITEM_ID,GENRES,TITLE,CREATION_TIMESTAMP",
        (",".join(map(str, film)) for film in zip(label, names, films.title, films.created, strict=True)),
    )


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
