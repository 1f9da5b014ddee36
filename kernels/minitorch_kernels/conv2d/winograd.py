"""y and dx by Winograd's convolution: Y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A for each tile of m x m outputs.

The filters are transformed once for each call, U = G g Gᵀ. A task takes a block of tiles and images through three steps
that all stay near the processor:

    V[p, c, lane] = (Bᵀ d B)[p]                  for all channels c of the image
    M[p, o, lane] = Σ_c U[p, o, c] V[p, c, lane]    n² matrix products, p = 0 ... n² - 1
    y = b + Aᵀ M A                                for all channels o of the output

A lane is one tile of one image. `width` images of one tile are a unit, and a block has LANES / width of them. dx is the
same convolution: of dy, with the filter turned round and r - 1 - p as padding (if that is negative, dy is cut off).

Rounding, on normal data with 64 to 256 channels, as the largest error in units of the largest result: up to 4e-6 with
six points (4x4 tiles, and 5x5 filters), 1e-6 with four (2x2 tiles). Direct sums err by up to 3e-6, in dw by less.
A NaN or Inf in the image reaches at least the outputs that it reaches by the definition, and others of the same tile
and image; Inf may arrive as NaN.
Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, arXiv:1509.09308.
"""

from __future__ import annotations

import numpy as np

from ..im2col import Pair
from ..jit import jit, load_numba, prange
from ..layout import empty_batch_last, stored_batch_last
from ..matmul import memory_of, run_of_memory
from ..memory import empty
from ..vector import copy_panel, multiply_tile, tile_height, tile_lanes
from .winograd_lanes import vector_lanes
from .winograd_tiles import copy_in, copy_out, data_tile, filter_tile, output_tile, prefetch_tile

LANES = 64  # of a block; V and M of 64 channels then fill about one L2 cache
PANELS = 4  # panels of output channels whose products are transformed before the next ones are computed
TOGETHER = 16  # channels whose weights are gathered for all taps before the next: they share cache lines
GAP = 16  # numbers between two planes of V or M; planes a power of two apart would share few places in the caches


def conv2d_winograd(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, padding: Pair, m: int) -> np.ndarray:
    """The convolution of x (N, C, H, W) with w (O, C, r, r) and stride 1, in tiles of m x m outputs; float32."""
    (_, C, H, W), (O, _, r, _) = x.shape, w.shape
    size = H + 2 * padding[0] - r + 1, W + 2 * padding[1] - r + 1
    filters = w.reshape(O, C, r * r)
    return convolve(x, filters, np.zeros(O, x.dtype) if b is None else b, padding, size, m, r)


def conv2d_input_grad_winograd(dy: np.ndarray, w: np.ndarray, size: Pair, padding: Pair, m: int) -> np.ndarray:
    """dx (N, C, H, W) with (H, W) = size, for dy (N, O, OH, OW) and w (O, C, r, r)."""
    O, C, r, _ = w.shape
    turned = w.reshape(O, C, r * r)[:, :, ::-1].transpose(1, 0, 2)  # (O, C, r, r) -> (C, O, r r), from the last tap
    reach = r - 1 - padding[0], r - 1 - padding[1]
    return convolve(dy, turned, np.zeros(C, dy.dtype), reach, size, m, r)


def convolve(
    x: np.ndarray, filters: np.ndarray, start: np.ndarray, padding: Pair, size: Pair, m: int, r: int
) -> np.ndarray:
    """y[:, o] = start[o] + Σ_c filters[o, c] ⋆ x[:, c]; filters (O, C, r r), size that of y."""
    (N, C, H, W), (OH, OW), O, n = x.shape, size, len(filters), m + r - 1
    y = empty_batch_last((N, O, OH, OW), x.dtype)
    height, width, threads = tile_height(O), vector_lanes(), load_numba().get_num_threads()
    P, blocks = -(-O // height), -(-units_of(size, m, N, width) // (LANES // width))
    shares = min(P, -(-threads // max(1, blocks)))  # of the output channels, where there are fewer blocks than threads
    tasks = min(threads, blocks * shares)
    plane_v, plane_m, panel = C * LANES + GAP, PANELS * height * LANES + GAP, -(-C * height // width) * width + GAP
    U = empty((P * n * n * panel,) if blocks > 1 else (tasks * PANELS * n * n * panel,), x.dtype)
    scratch = empty((tasks, n * n * (plane_v + plane_m + 3 * width) + r * r * panel), x.dtype)
    weights, first_weight, strides = memory_of(filters)
    convolve_blocks(
        run_of_memory(stored_batch_last(x)), C, H, W, N, weights, first_weight, *strides, O, r, height, U, panel,
        run_of_memory(start), stored_batch_last(y).reshape(-1), OH, OW, padding[0], padding[1], n, m, scratch,
        blocks, shares, plane_v, plane_m, width, LANES, PANELS, tile_lanes(x.dtype), np.arange(C) * LANES,
        np.zeros(height, x.dtype),
    )  # fmt: skip
    return y


def units_of(size: Pair, m: int, N: int, width: int) -> int:
    """Tiles of m x m that cover a map, times the vectors that N images take."""
    return -(-size[0] // m) * -(-size[1] // m) * -(-N // width)


@jit(parallel=True)
def convolve_blocks(
    x, C, H, W, N, w, first_weight, stride_o, stride_c, stride_t, O, r, height, U, panel, start, y, OH, OW,
    pad_y, pad_x, n, m, scratch, blocks, shares, plane_v, plane_m, width, lanes, panels, tile, offsets, zeros,
):  # fmt: skip
    """The three steps for all blocks; each task has its own V and M, and no result depends on their number.

    U lies in panels (P, n n, C, height). All are made first, or a few just before they are used where that is once.
    """
    tasks, each, P = len(scratch), lanes // width, (O + height - 1) // height
    tiles, parts = (OW + m - 1) // m, (N + width - 1) // width
    units = (OH + m - 1) // m * tiles * parts
    if blocks > 1:
        for task in prange(tasks):
            for number in range(task * P // tasks, (task + 1) * P // tasks):
                transform_filters(
                    w, first_weight, stride_o, stride_c, stride_t, O, C, number * height, height, n, r, scratch[task],
                    U, number * n * n * panel, panel, width,
                )  # fmt: skip
    for task in prange(tasks):
        V = scratch[task]
        M = V[n * n * plane_v :]
        square = M[n * n * plane_m :]
        taps = square[2 * n * n * width :]
        for item in range(task * blocks * shares // tasks, (task + 1) * blocks * shares // tasks):
            first, share = item // shares * each, item % shares
            count, last = min(each, units - first), (share + 1) * P // shares
            for c in range(C):
                transform_data(
                    x, c * H * W * N, H, W, N, pad_y, pad_x, n, m, tiles, parts, first, count,
                    square, V, c * lanes, width, plane_v, width,
                )  # fmt: skip
            for begin in range(share * P // shares, last, panels):
                end = min(last, begin + panels)
                U_first = begin * n * n * panel
                if blocks == 1:
                    U_first = task * panels * n * n * panel
                    for number in range(begin, end):
                        transform_filters(
                            w, first_weight, stride_o, stride_c, stride_t, O, C, number * height, height, n, r, taps,
                            U, U_first + (number - begin) * n * n * panel, panel, width,
                        )  # fmt: skip
                for p in range(n * n):
                    for number in range(end - begin):
                        for lane in range(0, count * width, tile):
                            multiply_tile(
                                U, U_first + (number * n * n + p) * panel, V, p * plane_v + lane, offsets, 0, C, 0, 1,
                                zeros, 0, M, p * plane_m + number * height * lanes + lane, lanes,
                                height, height, min(tile, count * width - lane), 0,
                            )  # fmt: skip
                for o in range(begin * height, min(O, end * height)):
                    transform_outputs(
                        M, (o - begin * height) * lanes, plane_m, start[o], y, o * OH * OW * N, OH, OW, N, n, m,
                        tiles, parts, first, count, square, width,
                    )  # fmt: skip


@jit
def transform_filters(
    w, first, stride_o, stride_c, stride_t, O, C, o, height, n, r, taps, U, to, panel, width
):  # fmt: skip
    """U[p, c, i] = (G g Gᵀ)[p] for g = w[o + i, c], from `to` on; the taps are first laid out as U is."""
    for c in range(0, C, TOGETHER):
        for t in range(r * r):
            at, to_taps = first + o * stride_o + c * stride_c + t * stride_t, t * panel + c * height
            copy_panel(
                w, at, stride_o, stride_c, min(TOGETHER, C - c), min(height, O - o), taps, to_taps, height
            )  # fmt: skip
    square = taps[r * r * panel :]
    for lane in range(0, C * height, width):
        filter_tile(n, r, taps, lane, r * panel, panel, square, U, to + lane, panel, width)


@jit
def transform_data(
    x, start, H, W, N, pad_y, pad_x, n, m, tiles, parts, first, count, square, V, to, step, plane, width
):  # fmt: skip
    """V = Bᵀ d B for one channel, which begins at `start`, and `count` units from `first` on, `step` apart in V."""
    edge = square[n * n * width :]
    for unit in range(first, first + count):
        where, part = unit // parts, unit % parts
        top, left = where // tiles * m - pad_y, where % tiles * m - pad_x
        at = start + (top * W + left) * N + part * width
        images = min(width, N - part * width)
        prefetch_tile(x, at + H * W * N, W * N, N, n)  # of the next channel
        if images == width and top >= 0 and left >= 0 and top + n <= H and left + n <= W:
            data_tile(n, x, at, W * N, N, square, V, to, plane, width)
        else:
            copy_in(x, at, W * N, N, n, (-top, H - top), (-left, W - left), images, edge, width)
            data_tile(n, edge, 0, n * width, width, square, V, to, plane, width)
        to += step


@jit
def transform_outputs(
    M, at, plane, bias, y, start, OH, OW, N, n, m, tiles, parts, first, count, square, width
):  # fmt: skip
    """y = bias + Aᵀ M A for one channel, which begins at `start`, and `count` units from `first` on."""
    edge = square[n * n * width :]
    for unit in range(first, first + count):
        where, part = unit // parts, unit % parts
        top, left = where // tiles * m, where % tiles * m
        to = start + (top * OW + left) * N + part * width
        output_tile(n, m, M, at, plane, square, edge, 0, m * width, width, width)
        copy_out(edge, m, bias, y, to, OW * N, N, OH - top, OW - left, min(width, N - part * width), width)
        at += width
