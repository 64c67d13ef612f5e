"""What clicks on new items teach: people of the same taste see them more, after UPDATE, than the rest."""

from __future__ import annotations

import numpy as np

from newfound.project import Project
from tests.worlds import LATEST, World, lines


def values(project: Project, users: list[str], item: str) -> float:
    """Mean log odds of an item against one that stayed as it was, in the order of weight 0."""
    found = []
    for user in users:
        entries = project.recommend(user, campaign="exploit", rank_items=[item, "i0"], log=False)["itemList"]
        scores = {entry["itemId"]: entry["score"] for entry in entries}
        found.append(np.log(scores[item]) - np.log(scores["i0"]))
    return float(np.mean(found))


def test_clicks_of_one_taste_raise_a_new_item_for_the_others_of_that_taste_most(
    project: Project, world: World
) -> None:
    item = world.new[0]
    fans, rest = (
        world.fans(world.genre[item]),
        [u for u in world.users if world.taste[u] != world.genre[item]],
    )
    clickers, others, strangers = fans[:20], fans[20:40], rest[:60]
    before = [values(project, group, item) for group in (others, strangers)]
    shown = [item, *world.new[1:6]]
    clicks = [
        {"userId": user, "sessionId": "s", "itemId": item, "sentAt": LATEST, "impression": shown}
        for user in clickers
    ]
    passed = [
        {"userId": user, "sessionId": "s", "eventType": "impression", "sentAt": LATEST, "impression": shown}
        for user in rest[60:120]
    ]
    project.put_events(lines(*clicks, *passed))
    project.train(mode="update")
    project.update_campaign("exploit")
    after = [values(project, group, item) for group in (others, strangers)]
    for_others, for_strangers = np.subtract(after, before)
    assert for_others > 0.2
    assert for_others > for_strangers + 0.2
