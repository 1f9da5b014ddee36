"""y and dx by Winograd's convolution."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..im2col import Pair
from ..jit import jit, load_numba, prange
from ..layout import empty_batch_last, stored_batch_last
from ..matmul import memory_of, run_of_memory
from ..memory import empty
from ..vector import multiply_tile, tile_height, tile_lanes
from .winograd_lanes import vector_lanes
from .winograd_tiles import copy_in, copy_out, data_tile, filter_tile, output_tile, prefetch_tile

LANES = 64
TOGETHER = 4


def conv2d_winograd(x, w, b, padding, m):
    (N, C, H, W), (O, _, r, _) = x.shape, w.shape
    size = H + 2 * padding[0] - r + 1, W + 2 * padding[1] - r + 1
    taps = w.reshape(O, C, r * r).transpose(2, 0, 1)  # (O, C, r, r) -> (r r, O, C)
    return convolve(x, taps, np.zeros(O, x.dtype) if b is None else b, padding, size, m, r)


def conv2d_input_grad_winograd(dy, w, size, padding, m):
    (N, O, _, _), (_, C, r, _) = dy.shape, w.shape
    taps = w.reshape(O, C, r * r)[:, :, ::-1].transpose(2, 1, 0)  # (O, C, r, r) turned round -> (r r, C, O)
    return convolve(dy, taps, np.zeros(C, dy.dtype), (r - 1 - padding[0], r - 1 - padding[1]), size, m, r)


def convolve(x, taps, start, padding, size, m, r):
    (N, C, H, W), (OH, OW), O = x.shape, size, taps.shape[1]
    n = m + r - 1
    y = empty_batch_last((N, O, OH, OW), x.dtype)
    height, width = tile_height(O), vector_lanes()
    U = transformed_filters(taps, m, r, height)
    plane_v, plane_m = C * LANES + 16, min(O, TOGETHER * height) * LANES + 16
    units = -(-OH // m) * -(-OW // m) * -(-N // width)
    tasks = min(load_numba().get_num_threads(), -(-units * width // LANES))
    scratch = empty((tasks, n * n * (plane_v + plane_m + 2 * width)), x.dtype)
    blocks(
        run_of_memory(stored_batch_last(x)), C, H, W, N, U.reshape(-1), O, height, panel_size(C, height, width), run_of_memory(start),
        stored_batch_last(y).reshape(-1), OH, OW, padding[0], padding[1], n, m, scratch,
        plane_v, plane_m, width, LANES, tile_lanes(x.dtype), TOGETHER, np.arange(C) * LANES,
        np.zeros(height, x.dtype),
    )  # fmt: skip
    return y


def transformed_filters(taps, m, r, height):
    """G g Gᵀ for each filter, in panels (n n, P, C, height) as from `pack`; taps (r r, O, C)."""
    (_, O, C), n = taps.shape, m + r - 1
    P, width = -(-O // height), vector_lanes()
    panel = panel_size(C, height, width)
    U = empty((n * n, P * panel), taps.dtype)
    scratch = empty((P, r * r * panel + n * n * width), taps.dtype)
    flat, first, strides = memory_of(taps)
    transform_filters(flat, first, *strides, O, C, height, n, r, scratch, U.reshape(-1), panel, width)
    return U


@jit(parallel=True)
def transform_filters(w, first, stride_t, stride_o, stride_c, O, C, height, n, r, scratch, U, row, width):
    for panel in prange(len(scratch)):
        taps, square = scratch[panel], scratch[panel][r * r * row :]
        for i in range(height):
            at = first + min(panel * height + i, O - 1) * stride_o  # what pads the last panel repeats the last filter
            for c in range(C):
                for t in range(r * r):
                    taps[t * row + c * height + i] = w[at + c * stride_c + t * stride_t]
        for lane in range(0, row, width):
            filter_tile(
                n, r, taps, lane, r * row, row, square, U, panel * row + lane, len(scratch) * row, width
            )  # fmt: skip


def panel_size(C, height, width):
    """Numbers in a panel of U, padded to whole vectors."""
    return -(-C * height // width) * width


@jit(parallel=True)
def blocks(
    x, C, H, W, N, U, O, height, row, start, y, OH, OW, pad_y, pad_x, n, m, scratch,
    plane_v, plane_m, width, lanes, tile, together, offsets, zeros,
):  # fmt: skip
    rows_of_tiles, tiles = (OH + m - 1) // m, (OW + m - 1) // m
    parts = (N + width - 1) // width
    units = rows_of_tiles * tiles * parts
    each = lanes // width
    count = (units + each - 1) // each
    P = (O + height - 1) // height
    tasks = len(scratch)
    for task in prange(tasks):
        V = scratch[task]
        M = V[n * n * plane_v :]
        square = M[n * n * plane_m :]
        edge = square[n * n * width :]
        for block in range(task * count // tasks, (task + 1) * count // tasks):
            first, last = block * each, min(units, (block + 1) * each)
            for c in range(C):
                for unit in range(first, last):
                    where, part = unit // parts, unit % parts
                    top, left = where // tiles * m - pad_y, where % tiles * m - pad_x
                    at, to = ((c * H + top) * W + left) * N + part * width, c * lanes + (unit - first) * width
                    images = min(width, N - part * width)
                    prefetch_tile(x, at + H * W * N, W * N, N, n)
                    if images == width and top >= 0 and left >= 0 and top + n <= H and left + n <= W:
                        data_tile(n, x, at, W * N, N, square, V, to, plane_v, width)
                    else:
                        copy_in(x, at, W * N, N, n, (-top, H - top), (-left, W - left), images, edge, width)
                        data_tile(n, edge, 0, n * width, width, square, V, to, plane_v, width)
            for group in range(0, P, together):
                end = min(P, group + together)
                for p in range(n * n):
                    for panel in range(group, end):
                        for lane in range(0, (last - first) * width, tile):
                            o = panel * height
                            multiply_tile(
                                U, (p * P + panel) * row, V, p * plane_v + lane, offsets, 0, C, 0, 1,
                                zeros, 0, M, p * plane_m + (o - group * height) * lanes + lane, lanes,
                                height, min(height, O - o), min(tile, (last - first) * width - lane), 0,
                            )  # fmt: skip
                for o in range(group * height, min(O, end * height)):
                    for unit in range(first, last):
                        where, part = unit // parts, unit % parts
                        top, left = where // tiles * m, where % tiles * m
                        at = (o - group * height) * lanes + (unit - first) * width
                        to = ((o * OH + top) * OW + left) * N + part * width
                        output_tile(n, m, M, at, plane_m, square, edge, 0, m * width, width, width)
                        images = min(width, N - part * width)
                        copy_out(edge, m, start[o], y, to, OW * N, N, OH - top, OW - left, images, width)
