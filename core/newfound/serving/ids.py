"""Ids and their integer codes: a sorted hash index that is memory-mapped, never loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import ranges
from newfound.hashing import hash64, hash64_many


@dataclass(frozen=True, slots=True)
class IdIndex:
    """`n` distinct ids; code i is the i-th id in the order given to `build`.

    hashes: uint64 `(n,)`, sorted. codes: int32 `(n,)`, the code behind each hash.
    text: uint8, all ids end to end in code order. starts: int64 `(n + 1,)` into text.
    """

    hashes: NDArray[np.uint64]
    codes: NDArray[np.int32]
    text: NDArray[np.uint8]
    starts: NDArray[np.int64]

    @staticmethod
    def build(ids: Sequence[str]) -> IdIndex:
        """Index ids in the given order."""
        hashes = hash64_many(ids)
        order = np.argsort(hashes, kind="stable")
        encoded = [text.encode() for text in ids]
        starts = np.zeros(len(ids) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(ids)), out=starts[1:])
        text = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        return IdIndex(hashes[order], order.astype(np.int32), text, starts)

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[np.generic]], prefix: str) -> IdIndex:
        """Find an index saved by `arrays` under the same prefix."""
        fields: list[NDArray[Any]] = [
            arrays[f"{prefix}_{name}"] for name in ("hashes", "codes", "text", "starts")
        ]
        return IdIndex(*fields)

    def arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """Name the four arrays for saving."""
        return {
            f"{prefix}_hashes": self.hashes,
            f"{prefix}_codes": self.codes,
            f"{prefix}_text": self.text,
            f"{prefix}_starts": self.starts,
        }

    def __len__(self) -> int:
        return len(self.codes)

    def id_of(self, code: int) -> str:
        """Spell the id of a code."""
        return self.text[self.starts[code] : self.starts[code + 1]].tobytes().decode()

    def code_of(self, text: str) -> int:
        """Find the code of an id, or -1; ids whose hashes collide are told apart by their text."""
        key = np.uint64(hash64(text))
        at = int(np.searchsorted(self.hashes, key))
        while at < len(self.hashes) and self.hashes[at] == key:
            code = int(self.codes[at])
            if self.id_of(code) == text:
                return code
            at += 1
        return -1

    def codes_of(self, ids: Sequence[str], keys: NDArray[np.uint64] | None = None) -> NDArray[np.int32]:
        """Find the codes of many ids, -1 where unknown; `keys`: their hashes, if they are known already."""
        found = np.full(len(ids), -1, np.int32)
        if not len(self):
            return found
        keys = hash64_many(ids) if keys is None else keys
        at = np.searchsorted(self.hashes, keys)
        known = np.flatnonzero(self.hashes[np.minimum(at, len(self) - 1)] == keys)
        codes = self.codes[at[known]]
        for k, code, spelled in zip(known.tolist(), codes.tolist(), self.ids_of(codes), strict=True):
            found[k] = code if spelled == ids[k] else self.code_of(ids[k])
        return found

    def ids_of(self, codes: NDArray[np.integer]) -> list[str]:
        """Spell the ids of many codes."""
        starts, stops = self.starts[codes], self.starts[codes + 1]
        text = self.text[ranges(starts, stops)].tobytes()
        bounds = np.append(0, np.cumsum(stops - starts)).tolist()
        return [text[low:high].decode() for low, high in pairwise(bounds)]
