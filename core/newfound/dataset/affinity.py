"""Affinity: how well an item goes with everything that a user chose, however long ago.

With n_ui events of user u on item i, n_u and n_i their totals, and V the principal directions of

    X_ui = n_ui / (n_u n_i)^(1/4)

affinity_ui = (X V V^T)_ui. The fourth roots keep those who choose much, and what all choose, from being all there is
to see. It is a product of two thin matrices, so a catalogue costs what a few more numbers in an item vector would.
Sources: PureSVD (Cremonesi et al., RecSys 2010); EigenRec (Nikolakopoulos et al., 2019) for the scaling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newfound.dataset.runs import Int32, Int64, ranges, sums_by_run
from newfound.products import product

MAX_ITEMS = 4_096
"""Only the most frequent items have an affinity: of the others too few people know too little."""
MAX_USERS = 10_000
MAX_DIRECTIONS = 128
ITEMS_PER_DIRECTION = 16
POWER = 0.25
LONGEST = 500
"""So many of a user's newest events count."""
_ROUNDS, _ROUNDS_NEAR, _SPARE = 5, 1, 32
_RANK = 1e-12
_BLOCK = 512
_FEW = 24
"""Up to so many events a user, on average, their directions are added one by one."""

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AffinityTable:
    """The directions of m items: sorted codes `items` int32 (m,), their scale n_i^(-1/4) (m,), `vectors` (m, r).

    Vectors are V times a number that makes affinities of standard deviation 1 over the items of a user.
    """

    items: Int32
    scale: Float32
    vectors: Float32


@dataclass(frozen=True, slots=True)
class _Sparse:
    """The cells of a matrix (n, m) that are not 0: scattered in a tenth of the time that making them takes."""

    cells: Int64
    values: Float32
    shape: tuple[int, ...]

    @staticmethod
    def of(rows: Float32) -> _Sparse:
        cells = np.flatnonzero(rows)
        return _Sparse(cells, rows.ravel()[cells], rows.shape)

    def dense(self) -> Float32:
        rows = np.zeros(self.shape, np.float32)
        rows.ravel()[self.cells] = self.values
        return rows


NO_AFFINITY = AffinityTable(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros((0, 0), np.float32))


def build(
    items: Int32, starts: Int64, stops: Int64, n_items: int, seed: int, near: AffinityTable = NO_AFFINITY
) -> AffinityTable:
    """Find the directions of histories `items[starts[u]:stops[u]]` by subspace iteration.

    Bounded: at most MAX_ITEMS items and a sample of MAX_USERS users, drawn from `seed`. A small catalogue has none.
    near: the directions of nearly the same histories, from which one round leads as far as five from nowhere.
    """
    counts = np.bincount(items[ranges(starts, stops)], minlength=n_items)
    known: Int32 = np.sort(np.argsort(-counts, kind="stable")[:MAX_ITEMS]).astype(np.int32)
    size = min(len(known) // ITEMS_PER_DIRECTION, MAX_DIRECTIONS)
    users = np.flatnonzero(stops - starts >= 2)
    if not size or not len(users):
        return NO_AFFINITY
    source = np.random.default_rng(seed)
    if len(users) > MAX_USERS:
        users = np.sort(source.choice(users, MAX_USERS, replace=False))
    scale = np.maximum(counts[known], 1).astype(np.float32) ** np.float32(-POWER)
    table = AffinityTable(known, scale, np.zeros((len(known), 0), np.float32))
    blocks = [users[low : low + _BLOCK] for low in range(0, len(users), _BLOCK)]
    parts = [_Sparse.of(_weights(table, items, starts[block], stops[block])) for block in blocks]

    def spread(basis: Float32) -> Float32:
        """X^T X times the basis (m, k)."""
        total = np.zeros_like(basis)
        for part in (sparse.dense() for sparse in parts):
            total += part.T @ (part @ basis)
        return total

    basis = source.standard_normal((len(known), min(size + _SPARE, len(known))), np.float32)
    begun = near.vectors[:, : basis.shape[1]]
    basis[:, : begun.shape[1]] = 0
    _, own, other = np.intersect1d(known, near.items, assume_unique=True, return_indices=True)
    basis[own, : begun.shape[1]] = begun[other]
    for _ in range(_ROUNDS_NEAR if len(near.items) else _ROUNDS):
        basis = _orthonormal(spread(basis))
    # Within the subspace, the largest directions are those of a small symmetric matrix.
    vectors = basis @ np.linalg.eigh(basis.T @ spread(basis))[1][:, -size:]
    some = parts[0].dense() @ vectors @ vectors.T
    return AffinityTable(known, scale, vectors / np.sqrt(some.std(axis=1).mean()))


def _orthonormal(basis: Float32) -> Float32:
    """Orthonormal columns that span what those of `basis` (m, k) span, and 0 for the rest.

    From their products with one another: with LAPACK's QR of so tall a matrix all of `build` takes half as long again.
    """
    exact = basis.astype(np.float64)
    sizes, axes = np.linalg.eigh(exact.T @ exact)
    told = sizes > sizes[-1] * _RANK
    return (exact @ (axes * told / np.sqrt(np.where(told, sizes, 1)))).astype(np.float32)


def leading(table: AffinityTable, n_items: int) -> Float32:
    """The directions of all items (n_items, r), the strongest first; NaN for items that the table lacks."""
    out = np.full((n_items, table.vectors.shape[1]), np.nan, np.float32)
    out[table.items] = table.vectors[:, ::-1]
    return out


def affinities(table: AffinityTable, items: Int32, starts: Int64, stops: Int64) -> Float32:
    """Affinity (n_users, m) of the table's items to histories `items[starts[u]:stops[u]]`."""
    place, share, lengths = _events(table, items, starts, stops)
    if len(place) > _FEW * len(lengths):
        people = _rows(table, place, share, lengths) @ table.vectors
    else:  # rows are nearly empty
        people = sums_by_run(table.scale[place, None] * table.vectors[place], lengths)
        people *= share[:, None]
    return product(people, table.vectors.T).astype(np.float32, copy=False)


def add_affinities(
    out: Float32, table: AffinityTable, weights: Float32, items: Int32, starts: Int64, stops: Int64
) -> None:
    """Add to the columns of `out` (n_users, n_items) affinities of their items, each times its weight (n_items,)."""
    add_columns(out, table.items, affinities(table, items, starts, stops) * weights[table.items])


def add_columns(out: Float32, codes: Int32, found: Float32) -> None:
    """Add `found` (n_users, m) to the columns `codes` (m,), sorted, of `out` (n_users, n_items)."""
    if len(codes) and codes[-1] == len(codes) - 1:
        out[:, : len(codes)] += found
    else:  # a row at a time is four times as fast as all at once
        for row, own in zip(out, found, strict=True):
            row[codes] += own


def _weights(table: AffinityTable, items: Int32, starts: Int64, stops: Int64) -> Float32:
    """Rows of X, (n_users, m): what does not stand in the table counts nowhere."""
    return _rows(table, *_events(table, items, starts, stops))


def _rows(table: AffinityTable, place: Int64, share: Float32, lengths: Int64) -> Float32:
    m = len(table.items)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    rows = np.zeros(len(lengths) * m, np.float32)
    np.add.at(rows, owner * m + place, share[owner] * table.scale[place])
    return rows.reshape(len(lengths), m)


def _events(table: AffinityTable, items: Int32, starts: Int64, stops: Int64) -> tuple[Int64, Float32, Int64]:
    """Events of users on items of the table, end to end: places in it; n_u^(-1/4) and number of each user's."""
    m = len(table.items)
    starts = np.maximum(starts, stops - LONGEST)
    chosen = items[ranges(starts, stops)]
    if m and table.items[-1] == m - 1:  # the whole catalogue, or its beginning
        place, known = chosen.astype(np.int64), chosen < m
    else:
        place = np.searchsorted(table.items, chosen)
        known = np.append(table.items, -1)[place] == chosen
    before = np.append(0, np.cumsum(known))
    ends = np.cumsum(stops - starts)
    lengths = before[ends] - before[ends - (stops - starts)]
    return place[known], np.maximum(lengths, 1).astype(np.float32) ** np.float32(-POWER), lengths
