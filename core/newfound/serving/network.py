"""The recurrent user network in numpy: the same equations as training, without JAX (model specification §2).

Row vectors throughout: `d` is the embedding size, `n` a number of users, `m` of memories. A state is the unit's own
state h (d,) followed by the memories, (m, d + 1) end to end: sums of all inputs and of ones that fade by a fixed
factor an event. A gated unit forgets within tens of events; what somebody liked all along stays in the memories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.gaps import N_GAPS

Floats = NDArray[np.float32]

LAYER_NORM_EPSILON = 1e-6
SOFTNESS = 4
"""Scores of the last items are divided by so many times the root of the coordinates that answer."""


@dataclass(frozen=True, slots=True)
class Network:
    """Trained weights: gates z|r|n in `W`, `U` (d, 3d) and `b` (3d,); output `W_o`, `A` (d, d);

    embeddings of the gap before an event `F`, after it `G` (N_GAPS, d) and of event types `T` (n_types, d); what is
    read of the memories `M` (m, d, d), and the factors (m,) by which they `fade`; what the state asks of the last items
    `Q` (d, k), answered by their first k coordinates, what is read of them `V` (d, d), and what each of them counts by
    itself, `lags` (w + 1,), the newest first.
    """

    W: Floats
    U: Floats
    b: Floats
    W_o: Floats
    A: Floats
    F: Floats
    G: Floats
    T: Floats
    M: Floats
    fade: Floats
    Q: Floats
    V: Floats
    lags: Floats

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> Network:
        """Pick the weights out of a bundle's arrays, read into memory (they are small)."""
        return Network(*(np.array(arrays[name], dtype=np.float32) for name in Network.__slots__))

    @property
    def size(self) -> int:
        """The embedding size d."""
        return len(self.W)

    @property
    def state_size(self) -> int:
        """The number of values of a state, d + m (d + 1)."""
        return self.size + len(self.fade) * (self.size + 1)

    @property
    def window(self) -> int:
        """How many items before the last one are looked at, w."""
        return len(self.lags) - 1

    def inputs(
        self, items: Floats, before: NDArray[np.uint8], after: NDArray[np.uint8], types: NDArray[np.integer]
    ) -> Floats:
        """Build inputs x (n, d) from item vectors (n, d), gap buckets (n,) and event type codes (n,)."""
        known = np.where(
            (types >= 0) & (types < len(self.T)), types, 0
        )  # a type unseen in training is as the first
        x: Floats = items + self.F[before] + self.G[np.minimum(after, N_GAPS - 1)] + self.T[known]
        return x * np.float32(np.sqrt(self.size) / 2)

    def step(self, x: Floats, state: Floats) -> Floats:
        """Advance states (n, state_size) by one event each, with inputs x (n, d)."""
        d, n_memories = self.size, len(self.fade)
        h, memories = state[:, :d], state[:, d:].reshape(len(x), n_memories, d + 1)
        wx, uh = x @ self.W + self.b, h @ self.U
        zr = 0.5 + 0.5 * np.tanh(0.5 * (wx[:, : 2 * d] + uh[:, : 2 * d]))  # the sigmoid, without overflow
        z, r = zr[:, :d], zr[:, d:]
        n = np.tanh(wx[:, 2 * d :] + r * uh[:, 2 * d :])
        memories = self.fade[:, None] * memories
        memories[:, :, :d] += x[:, None, :]
        memories[:, :, d] += 1
        return np.concatenate([n + z * (h - n), memories.reshape(len(x), n_memories * (d + 1))], axis=1)

    def output(self, state: Floats, x: Floats, items: Floats, there: NDArray[np.bool_]) -> Floats:
        """Turn states and last inputs into user vectors o (n, d): layer norm of W_o h + A x + M c + V a, without gain.

        items (n, w + 1, d): vectors of the last items, the newest at the end; `there` (n, w + 1) marks those there are,
        the newest always.
        """
        d, n_memories = self.size, len(self.fade)
        o = state[:, :d] @ self.W_o + x @ self.A
        memories = state[:, d:].reshape(len(x), n_memories, d + 1)
        for k, read in enumerate(self.M):
            o += (memories[:, k, :d] / np.sqrt(memories[:, k, d:])) @ read
        o += self._attend(state[:, :d], items, there) @ self.V
        o -= o.mean(axis=1, keepdims=True)
        return o / np.sqrt((o * o).mean(axis=1, keepdims=True) + np.float32(LAYER_NORM_EPSILON))

    def _attend(self, h: Floats, items: Floats, there: NDArray[np.bool_]) -> Floats:
        """Mix the last items by how well they answer the state: (n, d), as `newfound.model.attention` does."""
        k, length = self.Q.shape[1], np.float32(np.sqrt(self.size) / 2)
        asked = (h @ self.Q)[:, :, None]
        scores = (items[:, :, :k] @ asked)[:, :, 0] * (length / np.float32(SOFTNESS * np.sqrt(k)))
        scores += self.lags[::-1]
        scores[~there] = -np.inf
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        return (weights[:, None, :] @ items)[:, 0] * length
