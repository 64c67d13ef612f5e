"""Begin a FULL from the weights of the last one, by id, without letting it see what it will be judged on.

What the last FULL trained on must stay visible: `trained_until` in a bundle's base says, for each user, up to which
moment its network or those before it have seen the user's events.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.histories import Histories
from newfound.evaluation.splits import WithheldSplit
from newfound.recipes.assemble import FullInputs
from newfound.serving.arrays import Array
from newfound.serving.bundle import Bundle
from newfound.serving.ids import IdIndex
from newfound.serving.network import Network

TRAINED_UNTIL = "trained_until"
LEAST_SHARE = 0.5
"""Of the withheld users, who must still have something to be asked."""
NEVER = np.iinfo(np.int64).min
BY_ITEM, BY_TOKEN, BY_TYPE = ("E", "item_bias"), ("token_vectors", "token_bias"), ("T",)
NEEDED, OPTIONAL = (TRAINED_UNTIL, *Network.__slots__, *BY_ITEM), BY_TOKEN
"""Arrays of the base to begin from; without metadata there are none of the optional ones."""


def last_visible(trained: Histories, ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Time of each user's last event before `ends`, int64 (n_users,); NEVER for none."""
    some = ends > trained.offsets[:-1]
    return np.where(some, trained.times[np.where(some, ends, 1) - 1], NEVER)


def unseen_by(
    parent: Bundle, trained: Histories, split: WithheldSplit, logins: Mapping[str, str] = {}
) -> WithheldSplit:
    """Make visible again what the parent's network has seen; who hides nothing then is asked nothing.

    logins: users of anonymous sessions, whose events it may have seen under the session's name.
    """

    def seen_until(names: list[str]) -> list[int]:
        codes = parent.base_users.codes_of(names)
        return np.where(codes >= 0, np.asarray(parent.base[TRAINED_UNTIL])[codes], NEVER).tolist()

    users = np.concatenate([split.test_users, split.validation_users])
    names = [trained.user_ids[user] for user in users.tolist()]
    anonymous: dict[str, int] = {}
    for name, until in zip(logins.values(), seen_until(list(logins)), strict=True):
        anonymous[name] = max(until, anonymous.get(name, NEVER))
    ends = split.ends.copy()
    for user, name, until in zip(users.tolist(), names, seen_until(names), strict=True):
        newest_seen = max(until, anonymous.get(name, NEVER))
        start, stop = trained.offsets[user], trained.offsets[user + 1]
        seen = start + np.searchsorted(trained.times[start:stop], newest_seen, side="right")
        ends[user] = max(ends[user], seen)
    hides = ends < trained.offsets[1:]
    test, validation = (users[hides[users]] for users in (split.test_users, split.validation_users))
    return WithheldSplit(ends, test, validation)


def leaves_enough(unseen: WithheldSplit, split: WithheldSplit) -> bool:
    """Say whether enough users still hide something, to choose the epoch, fit the blend and judge by."""
    pairs = (
        (unseen.test_users, split.test_users),
        (unseen.validation_users, split.validation_users),
    )
    return all(len(left) >= LEAST_SHARE * len(before) > 0 for left, before in pairs)


def warm_weights(parent: Bundle, inputs: FullInputs) -> dict[str, NDArray[np.float32]]:
    """The parent's weights in the order of these inputs' items, tokens and event types; NaN for new ones."""
    histories = inputs.histories
    types = {name: code for code, name in enumerate(parent.meta.type_names)}
    tokens = IdIndex.from_arrays(parent.base, "tokens")
    rows = {
        **dict.fromkeys(BY_ITEM, parent.base_items.codes_of(histories.item_ids)),
        **dict.fromkeys(BY_TOKEN, tokens.codes_of(inputs.tokens.vocabulary)),
        **dict.fromkeys(BY_TYPE, np.array([types.get(name, -1) for name in histories.type_names])),
    }
    arrays = {
        name: np.asarray(parent.base[name])
        for name in (*Network.__slots__, *BY_ITEM, *BY_TOKEN)
        if name in parent.base
    }
    return {name: _rows(array, rows[name]) if name in rows else array for name, array in arrays.items()}


def _rows(table: Array, codes: NDArray[np.integer]) -> NDArray[np.float32]:
    """Take rows of a table, NaN where a code is -1."""
    taken = np.asarray(table, np.float32)[np.maximum(codes, 0)]
    taken[codes < 0] = np.nan
    return taken
