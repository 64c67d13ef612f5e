"""How many of some independent tosses are won (a Poisson-binomial number), for many sets of tosses side by side.

A distribution is an array `shares` (rows, n): P(0 won), P(1 won) and so on, of n sets; what is beyond its rows is not
kept, which changes none of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def radices(n: int) -> tuple[int, ...]:
    """Into how many parts at least n tosses are parted, again and again, to leave each out: 2 each, or 3 at first."""
    halvings = max(n - 1, 0).bit_length()
    return (3, *[2] * (halvings - 2)) if halvings > 4 and n <= 3 << (halvings - 2) else (2,) * halvings


def poisson(rows: int, rates: Floats, squares: Floats) -> Floats:
    """Distribution (rows, n) of tosses that are seldom won, from the sums (n,) of their chances and of their squares.

    It is the Poisson number of the same mean, and its first correction (Charlier): less half the sum of squared chances
    times the second difference.
    """
    exact = np.exp(-rates.astype(np.float64))  # float32 ends at a rate of 103
    shares = np.empty((rows, len(rates)), np.float32)
    shares[:1] = exact
    for number in range(1, rows):
        exact *= rates / number
        shares[number] = exact
    excess = squares / 2
    correction = shares * excess
    correction[1:] -= 2 * excess * shares[:-1]
    correction[2:] += excess * shares[:-2]
    shares -= correction
    return shares


def toss(shares: Floats, chances: Iterable[Floats]) -> None:
    """Add tosses with these chances (..., n) to distributions `shares` (..., rows, n)."""
    won = np.empty_like(shares)
    for chance in chances:
        np.multiply(shares, chance[..., None, :], out=won)
        shares -= won
        shares[..., 1:, :] += won[..., :-1, :]


def leave_one_out(shares: Floats, chances: Floats) -> Floats:
    """Distributions (m, rows, n) of `shares` (rows, n) with all of m tosses but one, `chances` (m, n).

    The tosses are parted, and each part starts from what all others add; then it is parted itself.
    """
    (m, n), steps = chances.shape, radices(len(chances))
    missing = np.zeros((math.prod(steps) - m, n), np.float32)
    parts, nodes = np.concatenate([chances, missing])[None], shares[None]
    for radix in steps:
        parts = parts.reshape(len(parts), radix, -1, n)
        nodes = np.repeat(nodes[:, None], radix, axis=1)
        for shift in range(1, radix):
            others = parts[:, (np.arange(radix) + shift) % radix]
            toss(nodes, (others[:, :, member] for member in range(parts.shape[2])))
        parts, nodes = parts.reshape(-1, parts.shape[2], n), nodes.reshape(-1, *shares.shape)
    return nodes[:m]
