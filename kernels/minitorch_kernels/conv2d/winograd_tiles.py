"""X t Xᵀ for tiles t of many images at once: along the columns into a scratch square, then along its rows.

A vector holds one place of the tiles of as many images. Which matrix X is follows from the name:

    data_tile     Bᵀ d B    n x n -> n x n
    filter_tile   G g Gᵀ    r x r -> n x n
    spread_tile   A y Aᵀ    m x m -> n x n
    output_tile   Aᵀ v A    n x n -> m x m
    weight_tile   Gᵀ s G    n x n -> r x r

The n x n side lies in planes, one for each product: its entry (p, q) is p n + q planes away. The other side is part of
an image or of a filter, its rows `row` apart and its columns `column` apart.
"""

from __future__ import annotations

from ..jit import jit
from .winograd_lanes import load, load_first, prefetch, splat, store, store_first
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


@jit
def data_tile(n, t, at, row, column, square, out, to, plane, width):
    if n == 6:
        for j in range(6):
            put6(square, j * width, 6 * width, data6(get6(t, at + j * column, row)))
        for i in range(6):
            put6(out, to + i * 6 * plane, plane, data6(get6(square, i * 6 * width, width)))
    else:
        for j in range(4):
            put4(square, j * width, 4 * width, data4(get4(t, at + j * column, row)))
        for i in range(4):
            put4(out, to + i * 4 * plane, plane, data4(get4(square, i * 4 * width, width)))


@jit
def filter_tile(n, r, t, at, row, column, square, out, to, plane, width):
    if r == 5:
        for j in range(5):
            put6(square, j * width, 5 * width, filter5(get5(t, at + j * column, row)))
        for i in range(6):
            put6(out, to + i * 6 * plane, plane, filter5(get5(square, i * 5 * width, width)))
    elif n == 6:
        for j in range(3):
            put6(square, j * width, 3 * width, filter3(get3(t, at + j * column, row)))
        for i in range(6):
            put6(out, to + i * 6 * plane, plane, filter3(get3(square, i * 3 * width, width)))
    else:
        for j in range(3):
            put4(square, j * width, 3 * width, filter3_at_4(get3(t, at + j * column, row)))
        for i in range(4):
            put4(out, to + i * 4 * plane, plane, filter3_at_4(get3(square, i * 3 * width, width)))


@jit
def spread_tile(n, m, t, at, row, column, square, out, to, plane, width):
    if m == 4:
        for j in range(4):
            put6(square, j * width, 4 * width, spread4(get4(t, at + j * column, row)))
        for i in range(6):
            put6(out, to + i * 6 * plane, plane, spread4(get4(square, i * 4 * width, width)))
    elif n == 6:
        for j in range(2):
            put6(square, j * width, 2 * width, spread2(get2(t, at + j * column, row)))
        for i in range(6):
            put6(out, to + i * 6 * plane, plane, spread2(get2(square, i * 2 * width, width)))
    else:
        for j in range(2):
            put4(square, j * width, 2 * width, spread2_to_4(get2(t, at + j * column, row)))
        for i in range(4):
            put4(out, to + i * 4 * plane, plane, spread2_to_4(get2(square, i * 2 * width, width)))


@jit
def output_tile(n, m, v, at, plane, square, out, to, row, column, width):
    if m == 4:
        for j in range(6):
            put4(square, j * width, 6 * width, outputs4(get6(v, at + j * plane, 6 * plane)))
        for i in range(4):
            put4(out, to + i * row, column, outputs4(get6(square, i * 6 * width, width)))
    elif n == 6:
        for j in range(6):
            put2(square, j * width, 6 * width, outputs2(get6(v, at + j * plane, 6 * plane)))
        for i in range(2):
            put2(out, to + i * row, column, outputs2(get6(square, i * 6 * width, width)))
    else:
        for j in range(4):
            put2(square, j * width, 4 * width, outputs2_of_4(get4(v, at + j * plane, 4 * plane)))
        for i in range(2):
            put2(out, to + i * row, column, outputs2_of_4(get4(square, i * 4 * width, width)))


@jit
def weight_tile(n, r, v, at, plane, square, out, to, row, column, width):
    if r == 5:
        for j in range(6):
            put5(square, j * width, 6 * width, weights5(get6(v, at + j * plane, 6 * plane)))
        for i in range(5):
            put5(out, to + i * row, column, weights5(get6(square, i * 6 * width, width)))
    elif n == 6:
        for j in range(6):
            put3(square, j * width, 6 * width, weights3(get6(v, at + j * plane, 6 * plane)))
        for i in range(3):
            put3(out, to + i * row, column, weights3(get6(square, i * 6 * width, width)))
    else:
        for j in range(4):
            put3(square, j * width, 4 * width, weights3_of_4(get4(v, at + j * plane, 4 * plane)))
        for i in range(3):
            put3(out, to + i * row, column, weights3_of_4(get4(square, i * 4 * width, width)))


@jit
def copy_in(x, at, row, column, k, rows, columns, lanes, tile, width):
    """A tile at the edge: k x k vectors of `lanes` images each, zeros outside rows and columns."""
    for i in range(k):
        for j in range(k):
            if rows[0] <= i < rows[1] and columns[0] <= j < columns[1]:
                store(tile, (i * k + j) * width, load_first(x, at + i * row + j * column, lanes))
            else:
                store(tile, (i * k + j) * width, splat(0.0))


@jit
def prefetch_tile(x, at, row, column, k):
    """Ask for a tile that is needed soon."""
    for i in range(k):
        for j in range(k):
            prefetch(x, at + i * row + j * column)


@jit
def copy_out(tile, m, first, y, to, row, column, rows, columns, lanes, width):
    """y = first + what of the m x m tile lies in the map."""
    for i in range(min(m, rows)):
        for j in range(min(m, columns)):
            y_ij = splat(first) + load(tile, (i * m + j) * width)
            store_first(y, to + i * row + j * column, y_ij, lanes)


@jit
def get2(array, at, step):
    return load(array, at), load(array, at + step)


@jit
def get3(array, at, step):
    return load(array, at), load(array, at + step), load(array, at + 2 * step)


@jit
def get4(array, at, step):
    return load(array, at), load(array, at + step), load(array, at + 2 * step), load(array, at + 3 * step)


@jit
def get5(array, at, step):
    a, b, c, d = get4(array, at, step)
    return a, b, c, d, load(array, at + 4 * step)


@jit
def get6(array, at, step):
    a, b, c, d = get4(array, at, step)
    return a, b, c, d, load(array, at + 4 * step), load(array, at + 5 * step)


@jit
def put2(array, at, step, vectors):
    store(array, at, vectors[0])
    store(array, at + step, vectors[1])


@jit
def put3(array, at, step, vectors):
    put2(array, at, step, (vectors[0], vectors[1]))
    store(array, at + 2 * step, vectors[2])


@jit
def put4(array, at, step, vectors):
    put3(array, at, step, (vectors[0], vectors[1], vectors[2]))
    store(array, at + 3 * step, vectors[3])


@jit
def put5(array, at, step, vectors):
    put4(array, at, step, (vectors[0], vectors[1], vectors[2], vectors[3]))
    store(array, at + 4 * step, vectors[4])


@jit
def put6(array, at, step, vectors):
    put4(array, at, step, (vectors[0], vectors[1], vectors[2], vectors[3]))
    store(array, at + 4 * step, vectors[4])
    store(array, at + 5 * step, vectors[5])
