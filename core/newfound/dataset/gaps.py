"""Time gaps between events as log-spaced buckets, shared by training and serving."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

N_GAPS = 64


def gap_bucket(seconds: ArrayLike) -> NDArray[np.uint8]:
    """Put gaps in seconds into buckets 1..63, half an octave wide; negative (no previous event) is bucket 0.

    One second is bucket 3, an hour 24, a day 33, a year 50.
    """
    gap = np.asarray(seconds, dtype=np.float64)
    bucket = 1 + np.minimum(N_GAPS - 2, np.floor(2.0 * np.log2(1.0 + np.maximum(gap, 0.0))))
    return np.where(gap < 0, 0, bucket).astype(np.uint8)
