"""The transforms of a tile: along its columns into a scratch square, then along its rows.

A vector holds one place of `lanes` images; the place next to it lies `step` further. In the scratch square, `square`,
place (i, j) is the vector i n + j, with n the number of points.
"""

from __future__ import annotations

from ..jit import jit
from .winograd_lanes import load, splat, store
from .winograd_transforms import (
    data4,
    data6,
    four_outputs,
    four_values_of_two,
    two_outputs,
    two_outputs_of_four,
    values_of_four,
    values_of_two,
)


@jit
def two(array, at, step, low, high, lanes):
    """Two vectors, `step` apart; number i is 0 unless low <= i < high."""
    return load(array, at, lanes * (low <= 0 < high)), load(array, at + step, lanes * (low <= 1 < high))


@jit
def four(array, at, step, low, high, lanes):
    """Four vectors, `step` apart; number i is 0 unless low <= i < high."""
    a, b = two(array, at, step, low, high, lanes)
    c, d = two(array, at + 2 * step, step, low - 2, high - 2, lanes)
    return a, b, c, d


@jit
def six(array, at, step, low, high, lanes):
    """Six vectors, `step` apart; number i is 0 unless low <= i < high."""
    a, b, c, d = four(array, at, step, low, high, lanes)
    e, f = two(array, at + 4 * step, step, low - 4, high - 4, lanes)
    return a, b, c, d, e, f


@jit
def put2(array, at, step, vectors, high, lanes):
    """Store two vectors `step` apart, those below number `high`."""
    store(array, at, vectors[0], lanes * (high > 0))
    store(array, at + step, vectors[1], lanes * (high > 1))


@jit
def put4(array, at, step, vectors, high, lanes):
    put2(array, at, step, (vectors[0], vectors[1]), high, lanes)
    put2(array, at + 2 * step, step, (vectors[2], vectors[3]), high - 2, lanes)


@jit
def put6(array, at, step, vectors, lanes):
    put4(array, at, step, (vectors[0], vectors[1], vectors[2], vectors[3]), 4, lanes)
    put2(array, at + 4 * step, step, (vectors[4], vectors[5]), 2, lanes)


@jit
def data_1d(n, x, at, step, low, high, lanes, out, to, out_step, width):
    """out = Bᵀ d for one row or column of n inputs."""
    if n == 6:
        put6(out, to, out_step, data6(six(x, at, step, low, high, lanes)), width)
    else:
        put4(out, to, out_step, data4(four(x, at, step, low, high, lanes)), 4, width)


@jit
def values_1d(n, m, dy, at, step, high, lanes, out, to, out_step, width):
    """out = A y for one row or column of m outputs."""
    if n == 4:
        put4(out, to, out_step, four_values_of_two(two(dy, at, step, 0, high, lanes)), 4, width)
    elif m == 4:
        put6(out, to, out_step, values_of_four(four(dy, at, step, 0, high, lanes)), width)
    else:
        put6(out, to, out_step, values_of_two(two(dy, at, step, 0, high, lanes)), width)


@jit
def outputs_1d(n, m, v, at, step, width, out, to, out_step, high, lanes, start):
    """out = start + Aᵀ v for one row or column of n values."""
    first = splat(start)
    if n == 4:
        a, b = two_outputs_of_four(four(v, at, step, 0, 4, width))
        put2(out, to, out_step, (first + a, first + b), high, lanes)
    elif m == 4:
        a, b, c, d = four_outputs(six(v, at, step, 0, 6, width))
        put4(out, to, out_step, (first + a, first + b, first + c, first + d), high, lanes)
    else:
        a, b = two_outputs(six(v, at, step, 0, 6, width))
        put2(out, to, out_step, (first + a, first + b), high, lanes)


@jit
def data_tile(n, x, at, row, column, rows, columns, lanes, square, V, to, plane, width):
    """V[p, q] = (Bᵀ d B)[p, q]; d[i, j] lies at at + i row + j column where rows[0] <= i < rows[1] and so for j."""
    for j in range(n):
        seen = lanes * (columns[0] <= j < columns[1])
        data_1d(n, x, at + j * column, row, rows[0], rows[1], seen, square, j * width, n * width, width)
    for i in range(n):
        data_1d(n, square, i * n * width, width, 0, n, width, V, to + i * n * plane, plane, width)


@jit
def values_tile(n, m, dy, at, row, column, rows, columns, lanes, square, D, to, plane, width):
    """D[p, q] = (A dy Aᵀ)[p, q]; of dy, `rows` rows and `columns` columns lie in the map."""
    for j in range(m):
        seen = lanes * (j < columns)
        values_1d(n, m, dy, at + j * column, row, rows, seen, square, j * width, n * width, width)
    for i in range(n):
        values_1d(n, m, square, i * n * width, width, m, width, D, to + i * n * plane, plane, width)


@jit
def outputs_tile(n, m, M, at, plane, square, y, to, row, column, rows, columns, lanes, start, width):
    """y = start + Aᵀ M A, the `rows` rows and `columns` columns that lie in the map."""
    for j in range(n):
        outputs_1d(n, m, M, at + j * plane, n * plane, width, square, j * width, n * width, m, width, 0.0)
    for i in range(min(m, rows)):
        outputs_1d(n, m, square, i * n * width, width, width, y, to + i * row, column, columns, lanes, start)
