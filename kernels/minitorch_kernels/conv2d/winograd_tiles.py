"""X t Xᵀ for tiles t of many images at once: along their columns into a scratch square, then along its rows.

A vector holds one place of `lanes` images, and the next place lies `step` further. In the scratch square, place (i, j)
is vector i n + j, where n is the number of points. Which matrix X is, and its size, follows from kind, n and k:

    expand      k -> n places   DATA Bᵀ (k = n)   FILTER G (k = r)     SPREAD A (k = m)
    reduce      n -> k places   OUTPUTS Aᵀ (k = m)   WEIGHTS Gᵀ (k = r)
"""

from __future__ import annotations

from ..jit import jit
from .winograd_lanes import load, splat, store
from .winograd_transforms import (
    data4,
    data6,
    filter3,
    filter3_at_4,
    filter5,
    outputs2,
    outputs2_of_4,
    outputs4,
    spread2,
    spread2_to_4,
    spread4,
    weights3,
    weights3_of_4,
    weights5,
)

DATA, FILTER, SPREAD, OUTPUTS, WEIGHTS = range(5)


@jit
def expand_tile(kind, n, k, t, at, row, column, rows, columns, lanes, square, out, to, plane, width):
    """out[p, q] = (X t Xᵀ)[p, q], `plane` apart; t[i, j] lies at at + i row + j column.

    Entries of t count as 0, and are not read, unless rows[0] <= i < rows[1] and columns[0] <= j < columns[1].
    """
    for j in range(k):
        seen = lanes * (columns[0] <= j < columns[1])
        expand(kind, n, k, t, at + j * column, row, rows, seen, square, j * width, n * width, width)
    for i in range(n):
        expand(kind, n, k, square, i * n * width, width, (0, k), width, out, to + i * n * plane, plane, width)


@jit
def reduce_tile(kind, n, k, v, at, plane, start, square, out, to, row, column, rows, columns, lanes, width):
    """out[i, j] = start + (X v Xᵀ)[i, j] for i < rows, j < columns; v[p, q] lie `plane` apart."""
    for j in range(n):
        reduce(kind, n, k, v, at + j * plane, n * plane, width, 0.0, square, j * width, n * width, k, width)
    for i in range(min(k, rows)):
        reduce(kind, n, k, square, i * n * width, width, width, start, out, to + i * row, column, columns, lanes)


@jit
def expand(kind, n, k, t, at, step, inside, lanes, out, to, out_step, width):
    """out = X t for one column or row of k vectors."""
    low, high = inside
    if kind == DATA and n == 6:
        put6(out, to, out_step, data6(get6(t, at, step, low, high, lanes)), 6, width)
    elif kind == DATA:
        put4(out, to, out_step, data4(get4(t, at, step, low, high, lanes)), 4, width)
    elif kind == FILTER and k == 5:
        put6(out, to, out_step, filter5(get5(t, at, step, low, high, lanes)), 6, width)
    elif kind == FILTER and n == 6:
        put6(out, to, out_step, filter3(get3(t, at, step, low, high, lanes)), 6, width)
    elif kind == FILTER:
        put4(out, to, out_step, filter3_at_4(get3(t, at, step, low, high, lanes)), 4, width)
    elif k == 4:
        put6(out, to, out_step, spread4(get4(t, at, step, low, high, lanes)), 6, width)
    elif n == 6:
        put6(out, to, out_step, spread2(get2(t, at, step, low, high, lanes)), 6, width)
    else:
        put4(out, to, out_step, spread2_to_4(get2(t, at, step, low, high, lanes)), 4, width)


@jit
def reduce(kind, n, k, v, at, step, width, start, out, to, out_step, high, lanes):
    """out = start + X v for one column or row of n vectors."""
    if kind == OUTPUTS and k == 4:
        put4(out, to, out_step, plus4(start, outputs4(get6(v, at, step, 0, 6, width))), high, lanes)
    elif kind == OUTPUTS and n == 6:
        put2(out, to, out_step, plus2(start, outputs2(get6(v, at, step, 0, 6, width))), high, lanes)
    elif kind == OUTPUTS:
        put2(out, to, out_step, plus2(start, outputs2_of_4(get4(v, at, step, 0, 4, width))), high, lanes)
    elif k == 5:
        put5(out, to, out_step, weights5(get6(v, at, step, 0, 6, width)), high, lanes)
    elif n == 6:
        put3(out, to, out_step, weights3(get6(v, at, step, 0, 6, width)), high, lanes)
    else:
        put3(out, to, out_step, weights3_of_4(get4(v, at, step, 0, 4, width)), high, lanes)


@jit
def get2(array, at, step, low, high, lanes):
    """Two vectors, `step` apart; number i is 0 unless low <= i < high."""
    return load(array, at, lanes * (low <= 0 < high)), load(array, at + step, lanes * (low <= 1 < high))


@jit
def get3(array, at, step, low, high, lanes):
    a, b = get2(array, at, step, low, high, lanes)
    return a, b, load(array, at + 2 * step, lanes * (low <= 2 < high))


@jit
def get4(array, at, step, low, high, lanes):
    a, b = get2(array, at, step, low, high, lanes)
    c, d = get2(array, at + 2 * step, step, low - 2, high - 2, lanes)
    return a, b, c, d


@jit
def get5(array, at, step, low, high, lanes):
    a, b, c = get3(array, at, step, low, high, lanes)
    d, e = get2(array, at + 3 * step, step, low - 3, high - 3, lanes)
    return a, b, c, d, e


@jit
def get6(array, at, step, low, high, lanes):
    a, b, c = get3(array, at, step, low, high, lanes)
    d, e, f = get3(array, at + 3 * step, step, low - 3, high - 3, lanes)
    return a, b, c, d, e, f


@jit
def put2(array, at, step, vectors, high, lanes):
    """Store two vectors `step` apart, those below number `high`."""
    store(array, at, vectors[0], lanes * (high > 0))
    store(array, at + step, vectors[1], lanes * (high > 1))


@jit
def put3(array, at, step, vectors, high, lanes):
    put2(array, at, step, (vectors[0], vectors[1]), high, lanes)
    store(array, at + 2 * step, vectors[2], lanes * (high > 2))


@jit
def put4(array, at, step, vectors, high, lanes):
    put2(array, at, step, (vectors[0], vectors[1]), high, lanes)
    put2(array, at + 2 * step, step, (vectors[2], vectors[3]), high - 2, lanes)


@jit
def put5(array, at, step, vectors, high, lanes):
    put3(array, at, step, (vectors[0], vectors[1], vectors[2]), high, lanes)
    put2(array, at + 3 * step, step, (vectors[3], vectors[4]), high - 3, lanes)


@jit
def put6(array, at, step, vectors, high, lanes):
    put3(array, at, step, (vectors[0], vectors[1], vectors[2]), high, lanes)
    put3(array, at + 3 * step, step, (vectors[3], vectors[4], vectors[5]), high - 3, lanes)


@jit
def plus2(number, vectors):
    """The number added to each of two vectors."""
    first = splat(number)
    return first + vectors[0], first + vectors[1]


@jit
def plus4(number, vectors):
    first = splat(number)
    return first + vectors[0], first + vectors[1], first + vectors[2], first + vectors[3]
