"""The tables of the demo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from newfound_cli.demo_world import World
from newfound_cli.tables import Table

EXTREMES = 4
TITLE_WIDTH = 41  # two columns of films fit into 100


def title(world: World, item: str) -> str:
    """Write an item with its label; new ones get a star."""
    name = world.titles[item]
    shown = name if len(name) <= TITLE_WIDTH else name[: TITLE_WIDTH - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return f"{'*' if item in world.new else ' '} {item:>4} {shown}"


def side_by_side(world: World, lists: Mapping[str, Sequence[str]]) -> Table:
    """Show lists of equal length beside one another, with the number of new items below."""
    rows = [[title(world, item) for item in rank] for rank in zip(*lists.values(), strict=True)]
    rows.append([f"       {len(world.new & set(items))} of {len(items)} are new" for items in lists.values()])
    return Table(list(lists), rows)


def movement(world: World, before: Counter[str], after: Counter[str]) -> Table:
    """Show the new items whose number of places rose and fell most."""
    order = sorted(before.keys() | after.keys(), key=lambda item: before[item] - after[item])
    rows = [
        [title(world, item), "good" if world.is_good(item) else "poor", str(before[item]), str(after[item])]
        for item in [*order[:EXTREMES], *order[-EXTREMES:]]
    ]
    return Table(["rose most, fell most", "film is", "before", "after"], rows, frozenset({2, 3}))


def places(world: World, counts: Counter[str], *, good: bool) -> int:
    """Add up the places of the good or the poor items."""
    return sum(count for item, count in counts.items() if world.is_good(item) is good)
