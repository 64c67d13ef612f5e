"""Matrix products that a lone row does not change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def product(rows: Floats, matrix: Floats) -> Floats:
    """Multiply rows (n, d) by a matrix (d, m): (n, m).

    BLAS takes a lone vector to another routine, which adds up in another order; a propensity may feel that. So a lone
    row gets company, and nearly always comes out as it would in a batch, bit for bit.
    """
    return (np.repeat(rows, 2, axis=0) @ matrix)[:1] if len(rows) == 1 else rows @ matrix
