"""dw by Winograd's convolution."""

from __future__ import annotations

import numpy as np

from ..jit import jit, prange
from ..layout import stored_batch_last
from ..matmul import run_of_memory
from ..memory import empty
from ..vector import multiply_tile, tile_lanes
from .winograd_lanes import HEIGHT, interleave, transpose, vector_lanes
from .winograd_tiles import copy_in, data_tile, prefetch_tile, spread_tile, weight_tile

UNITS = 4


def conv2d_weight_grad_winograd(dy, x, kernel, padding, m):
    (N, O, OH, OW), (_, C, H, W), r = dy.shape, x.shape, kernel[0]
    n, width = m + r - 1, vector_lanes()
    P, blocks = -(-O // HEIGHT), -(-C // width)
    units = -(-OH // m) * -(-OW // m) * -(-N // width)
    each = min(UNITS, units)
    lanes = each * width
    tile = tile_lanes(x.dtype)
    plane_d, plane_v = P * HEIGHT * lanes + 16, -(-blocks * width // tile) * tile * lanes + 16
    D, V = empty((n * n * plane_d,), x.dtype), empty((n * n * plane_v,), x.dtype)
    squares = empty((P + blocks, n * n * width * (each * width + 2)), x.dtype)
    S = empty((n * n, O, blocks * width), x.dtype)
    sums(
        run_of_memory(stored_batch_last(dy)), O, OH, OW, run_of_memory(stored_batch_last(x)), C, H, W, N,
        padding[0], padding[1], n, m, D, plane_d, V, plane_v, squares, width, each,
        np.arange(lanes) * tile, np.zeros(HEIGHT, x.dtype), S.reshape(-1), tile,
    )  # fmt: skip
    dw = empty((O, C, r, r), x.dtype)
    scratch = empty((O, (r * r + n * n) * width), x.dtype)
    collect_weights(S.reshape(-1), O, C, n, r, scratch, dw.reshape(-1), width)
    return dw


@jit(parallel=True)
def collect_weights(S, O, C, n, r, scratch, dw, width):
    """dw = Gᵀ S G."""
    row = (C + width - 1) // width * width
    for o in prange(O):
        taps, square = scratch[o], scratch[o][r * r * width :]
        for c in range(0, C, width):
            weight_tile(n, r, S, o * row + c, O * row, square, taps, 0, r * width, width, width)
            for i in range(min(width, C - c)):
                for t in range(r * r):
                    dw[(o * C + c + i) * r * r + t] = taps[t * width + i]


@jit(parallel=True)
def sums(
    dy, O, OH, OW, x, C, H, W, N, pad_y, pad_x, n, m, D, plane_d, V, plane_v, squares, width, each,
    offsets, zeros, S, tile,
):  # fmt: skip
    rows_of_tiles, tiles = (OH + m - 1) // m, (OW + m - 1) // m
    parts = (N + width - 1) // width
    units = rows_of_tiles * tiles * parts
    P, B = (O + HEIGHT - 1) // HEIGHT, (C + width - 1) // width
    row = B * width
    columns = (row + tile - 1) // tile
    for first in range(0, units, each):
        count = min(each, units - first)
        for item in prange(B + P):
            tiled, square = squares[item], squares[item][each * n * n * width * width :]
            edge = square[n * n * width :]
            if item < B:
                for i in range(min(width, C - item * width)):
                    for unit in range(count):
                        where, part = (first + unit) // parts, (first + unit) % parts
                        top, left = where // tiles * m - pad_y, where % tiles * m - pad_x
                        images = min(width, N - part * width)
                        at = (((item * width + i) * H + top) * W + left) * N + part * width
                        to = (unit * n * n * width + i) * width
                        prefetch_tile(x, at + H * W * N, W * N, N, n)
                        if images == width and top >= 0 and left >= 0 and top + n <= H and left + n <= W:
                            data_tile(n, x, at, W * N, N, square, tiled, to, width * width, width)
                        else:
                            copy_in(x, at, W * N, N, n, (-top, H - top), (-left, W - left), images, edge, width)
                            data_tile(n, edge, 0, n * width, width, square, tiled, to, width * width, width)
                for unit in range(count):
                    for p in range(n * n):
                        column = item * width // tile  # of tiles of products, which hold their rows side by side
                        to = p * plane_v + (column * each + unit) * width * tile + item * width - column * tile
                        transpose(tiled, (unit * n * n + p) * width * width, width, V, to, tile)
            else:
                panel = item - B
                for i in range(min(HEIGHT, O - panel * HEIGHT)):
                    for unit in range(count):
                        where, part = (first + unit) // parts, (first + unit) % parts
                        top, left = where // tiles * m, where % tiles * m
                        images = min(width, N - part * width)
                        at = (((panel * HEIGHT + i) * OH + top) * OW + left) * N + part * width
                        to = (unit * n * n * HEIGHT + i) * width
                        prefetch_tile(dy, at + OH * OW * N, OW * N, N, m)
                        if images == width and top + m <= OH and left + m <= OW:
                            spread_tile(n, m, dy, at, OW * N, N, square, tiled, to, HEIGHT * width, width)
                        else:
                            copy_in(dy, at, OW * N, N, m, (0, OH - top), (0, OW - left), images, edge, width)
                            spread_tile(n, m, edge, 0, m * width, width, square, tiled, to, HEIGHT * width, width)
                for unit in range(count):
                    for p in range(n * n):
                        to = p * plane_d + (panel * each + unit) * width * HEIGHT
                        interleave(tiled, (unit * n * n + p) * HEIGHT * width, width, D, to)
        for item in prange(n * n * columns):
            p, column = item // columns, item % columns
            c = column * tile
            for panel in range(P):
                o = panel * HEIGHT
                multiply_tile(
                    D, p * plane_d + panel * each * width * HEIGHT, V, p * plane_v + c * each * width, offsets,
                    0, count * width, 0, 1, zeros, 0, S, (p * O + o) * row + c, row,
                    HEIGHT, min(HEIGHT, O - o), min(tile, row - c), first,
                )  # fmt: skip
