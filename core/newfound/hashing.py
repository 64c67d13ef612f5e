"""Stable 64-bit hashes of ids: the keys of every sorted index."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


def hash64(text: str) -> int:
    """Hash one id to an unsigned 64-bit integer, the same on every machine."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def hash64_many(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Hash ids to uint64, shape `(n,)`."""
    digests = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)
