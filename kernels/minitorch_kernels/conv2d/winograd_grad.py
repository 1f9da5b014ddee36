"""dw by Winograd's convolution: dw = Gᵀ [Σ (A dy Aᵀ) ∘ (Bᵀ d B)] G, summed over all tiles and images.

It follows from Y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A by the chain rule: the gradient of M = U ∘ V is A dy Aᵀ, that of U is its
product with V, and U = G g Gᵀ. So again there are n² matrix products, now summed over lanes (a tile of an image each):

    S[p, o, c] = Σ_lane D[p, lane, o] V[p, lane, c]        D = A dy Aᵀ, V = Bᵀ d B

`multiply_tile` wants channels side by side where the transforms leave lanes, hence the transpositions. A few units of
lanes are transformed and summed at a time, in order; within such a chunk the threads share channels, then products.
Rounding, and NaN and Inf, which reach other weights of the same filter and channel: as in `winograd`. Source: there.
"""

from __future__ import annotations

import numpy as np

from ..im2col import Pair
from ..jit import jit, load_numba, prange
from ..layout import stored_batch_last
from ..matmul import run_of_memory
from ..memory import empty
from ..vector import multiply_tile, tile_lanes
from .winograd import GAP, transform_data, units_of
from .winograd_lanes import HEIGHT, interleave, transpose, vector_lanes
from .winograd_tiles import copy_in, prefetch_tile, spread_tile, weight_tile

CHUNK = 2_400_000  # bytes that D and V of a chunk may always take: about two L2 caches
LARGE = 4_000_000  # bytes of sums that are not worth keeping in the caches
SUMMED = 64  # lanes that are summed one after the other: short sums of short sums round less than one long sum


def conv2d_weight_grad_winograd(dy: np.ndarray, x: np.ndarray, kernel: Pair, padding: Pair, m: int) -> np.ndarray:
    """dw (O, C, r, r) of a convolution with stride 1, for dy (N, O, OH, OW) and x (N, C, H, W); float32."""
    (N, O, OH, OW), (_, C, H, W), r = dy.shape, x.shape, kernel[0]
    n, width, tile = m + r - 1, vector_lanes(), tile_lanes(x.dtype)
    P, row = -(-O // HEIGHT), -(-C // width) * width
    units = units_of((OH, OW), m, N, width)
    each = units_together(units, C, O, n, width)
    plane_d, plane_v = P * HEIGHT * each * width + GAP, -(-row // tile) * tile * each * width + GAP
    D, V = empty((n * n * plane_d,), x.dtype), empty((n * n * plane_v,), x.dtype)
    tasks = min(load_numba().get_num_threads(), P + row // width)
    scratch = empty((tasks, n * n * width * (each * width + 2)), x.dtype)
    plane_s = O * row + GAP
    S, dw = empty((n * n * plane_s,), x.dtype), empty((O, C, r, r), x.dtype)
    sum_products(
        run_of_memory(stored_batch_last(dy)), O, OH, OW, run_of_memory(stored_batch_last(x)), C, H, W, N,
        padding[0], padding[1], n, m, D, plane_d, V, plane_v, scratch, units, each, width, tile,
        np.arange(each * width) * tile, np.zeros(HEIGHT, x.dtype), S, plane_s,
    )  # fmt: skip
    collect_weights(S, plane_s, O, C, row, n, r, empty((O, (r * r + n * n) * width), x.dtype), dw.reshape(-1), width)
    return dw


def units_together(units: int, C: int, O: int, n: int, width: int) -> int:
    """How many units are transformed and summed at a time: as many as fit into the cache, in chunks of equal size.

    Large sums, which are read and written again for each chunk, ask for larger chunks.
    """
    each = CHUNK // (n * n * (C + O) * width * 4)
    if n * n * C * O * 4 > LARGE:
        each = max(each, 2 * C * O // ((C + O) * width))
    chunks = -(-units // max(2, each))
    return -(-units // max(1, chunks))


@jit(parallel=True)
def sum_products(
    dy, O, OH, OW, x, C, H, W, N, pad_y, pad_x, n, m, D, plane_d, V, plane_v, scratch, units, each, width, tile,
    offsets, zeros, S, plane_s,
):  # fmt: skip
    """S[p, o, c] = Σ_lane D[p, lane, o] V[p, lane, c], SUMMED lanes at a time.

    D lies in panels (n n, P, lanes, HEIGHT), V in columns of tiles (n n, columns, lanes, tile).
    """
    tiles, parts = (OW + m - 1) // m, (N + width - 1) // width
    P, B = (O + HEIGHT - 1) // HEIGHT, (C + width - 1) // width
    row, tasks = B * width, len(scratch)
    columns = (row + tile - 1) // tile
    for first in range(0, units, each):
        count = min(each, units - first)
        for task in prange(tasks):
            tiled, square = scratch[task], scratch[task][n * n * each * width * width :]
            for item in range(task, B + P, tasks):
                if item < B:
                    for i in range(min(width, C - item * width)):
                        transform_data(
                            x, (item * width + i) * H * W * N, H, W, N, pad_y, pad_x, n, m, tiles, parts, first, count,
                            square, tiled, i * width, n * n * width * width, width * width, width,
                        )  # fmt: skip
                    column = item * width // tile
                    for unit in range(count):
                        for p in range(n * n):
                            to = p * plane_v + (column * each + unit) * width * tile + item * width - column * tile
                            transpose(tiled, (unit * n * n + p) * width * width, width, V, to, tile)
                else:
                    o = (item - B) * HEIGHT
                    for i in range(min(HEIGHT, O - o)):
                        transform_gradients(
                            dy, (o + i) * OH * OW * N, OH, OW, N, n, m, tiles, parts, first, count,
                            square, tiled, i * width, width,
                        )  # fmt: skip
                    for unit in range(count):
                        for p in range(n * n):
                            to = p * plane_d + (o * each + unit * HEIGHT) * width
                            interleave(tiled, (unit * n * n + p) * HEIGHT * width, width, D, to)
        for item in prange(n * n * columns):
            p, c = item // columns, item % columns * tile
            for o in range(0, O, HEIGHT):
                for lane in range(0, count * width, SUMMED):
                    multiply_tile(
                        D, p * plane_d + o * each * width + lane * HEIGHT,
                        V, p * plane_v + c * each * width + lane * tile, offsets,
                        0, min(SUMMED, count * width - lane), 0, 1, zeros, 0, S, p * plane_s + o * row + c, row,
                        HEIGHT, min(HEIGHT, O - o), min(tile, row - c), first + lane,
                    )  # fmt: skip


@jit
def transform_gradients(
    dy, start, OH, OW, N, n, m, tiles, parts, first, count, square, D, to, width
):  # fmt: skip
    """D = A dy Aᵀ for one channel, which begins at `start`, and `count` units from `first` on."""
    edge = square[n * n * width :]
    for unit in range(first, first + count):
        where, part = unit // parts, unit % parts
        top, left = where // tiles * m, where % tiles * m
        at = start + (top * OW + left) * N + part * width
        images = min(width, N - part * width)
        prefetch_tile(dy, at + OH * OW * N, OW * N, N, m)  # of the next channel
        if images == width and top + m <= OH and left + m <= OW:
            spread_tile(n, m, dy, at, OW * N, N, square, D, to, HEIGHT * width, width)
        else:
            copy_in(dy, at, OW * N, N, m, (0, OH - top), (0, OW - left), images, edge, width)
            spread_tile(n, m, edge, 0, m * width, width, square, D, to, HEIGHT * width, width)
        to += n * n * HEIGHT * width


@jit(parallel=True)
def collect_weights(S, plane_s, O, C, row, n, r, scratch, dw, width):
    """dw = Gᵀ S G; S (n n, O, row)."""
    for o in prange(O):
        taps, square = scratch[o], scratch[o][r * r * width :]
        for c in range(0, C, width):
            weight_tile(n, r, S, o * row + c, plane_s, square, taps, 0, r * width, width, width)
            for i in range(min(width, C - c)):
                for t in range(r * r):
                    dw[(o * C + c + i) * r * r + t] = taps[t * width + i]
