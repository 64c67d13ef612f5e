from __future__ import annotations

import numpy as np
import pytest

from newfound.products import product


@pytest.mark.parametrize(("d", "m"), [(32, 120), (128, 3416), (17, 5)])
def test_a_lone_row_gives_the_bits_of_one_of_two(d: int, m: int) -> None:
    rng = np.random.default_rng(d)
    rows, items = (rng.normal(size=(n, d)).astype(np.float32) for n in (6, m))
    together = product(rows, items.T)
    np.testing.assert_array_equal(together, rows @ items.T)
    for k in range(6):
        alone = product(rows[k : k + 1], items.T)
        assert alone.shape == (1, m)
        np.testing.assert_array_equal(alone[0], product(rows[[k, k]], items.T)[0])
        np.testing.assert_allclose(alone[0], together[k], rtol=1e-4, atol=1e-4)
