"""The tables of the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from newfound_cli.demo_world import Answers, World, feedback, places
from newfound_cli.tables import Table

EXTREMES = 4
TITLE_WIDTH = 41  # two columns of films fit into 100


def title(world: World, item: str) -> str:
    """Write an item with its label; new ones get a star."""
    name = world.titles[item]
    shown = name if len(name) <= TITLE_WIDTH else name[: TITLE_WIDTH - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return f"{'*' if item in world.new else ' '} {item:>4} {shown}"


def side_by_side(world: World, lists: Mapping[str, Sequence[str]], header: Sequence[str]) -> Table:
    """Show lists of equal length beside one another, with the number of new items below."""
    rows = [[title(world, item) for item in rank] for rank in zip(*lists.values(), strict=True)]
    rows.append([f"       {len(world.new & set(items))} of {len(items)} are new" for items in lists.values()])
    return Table(header, rows)


def movement(world: World, before: Answers, after: Answers) -> Table:
    """Show the new items whose number of places rose and fell most."""
    old, new = places(world, before), places(world, after)
    order = sorted(old.keys() | new.keys(), key=lambda item: (old[item] - new[item], item))
    rows = [
        [title(world, item), "good" if world.is_good(item) else "poor", str(old[item]), str(new[item])]
        for item in [*order[:EXTREMES], *order[-EXTREMES:]]
    ]
    return Table(["rose most, fell most", "film is", "before", "after"], rows, frozenset({2, 3}))


def effect(world: World, before: Answers, after: Answers) -> dict[str, list[int]]:
    """Count what an audience sees and does, before and after."""
    counts = [places(world, pages) for pages in (before, after)]
    good = [sum(count for item, count in each.items() if world.is_good(item)) for each in counts]
    return {
        "placesOfGoodNewFilms": good,
        "placesOfPoorNewFilms": [each.total() - part for each, part in zip(counts, good, strict=True)],
        "pagesWithClick": [
            sum("itemId" in act for act in feedback(world, pages)) for pages in (before, after)
        ],
    }
