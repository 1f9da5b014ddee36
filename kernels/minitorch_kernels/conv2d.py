"""2-D convolution and its two gradients.

The references lay windows out with `im2col` and multiply. The fast versions never copy a window. Activations are stored
batch-last, so the images that a tap of the kernel sees for one output position are neighbours in memory: a stretch of
N lanes that `multiply_tile` reads in place. Where the stride is 1, neighbouring positions of a row continue each other,
and one run takes as many of them as see the same taps. Taps that would fall on the padding are left out of the sum.

    y     each position sums over its taps (ky, kx, c)
    dx    the same with dy as the image and the filter turned round; with a stride s, positions fall into s·s classes
          that see different taps, and each class is a convolution of its own
    dw    each (o, c, ky, kx) sums over positions and images: `dot_tile`

Rule for small batches: where the stride along a row is above 1 and there are fewer than SMALL_BATCH images, no run
would fill a vector; then im2col and a matrix product are used, whose lanes run over positions and images together. In
conv2d a filter that holds Inf or NaN takes this way too: on the padding 0 · Inf gives NaN, as the reference says.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from .im2col import Pair, col2im, col2im_reference, im2col, im2col_reference, output_size, padded_batch_last
from .jit import jit, prange
from .kernel import Kernel
from .layout import as_batch_first, empty_batch_last, stored_batch_last
from .matmul import matmul, multiply, pack, run_of_memory
from .vector import TAPS, dot_tile, tile_height, tile_lanes

SMALL_BATCH = 16
SEGMENT = 2048  # lanes that a dot product takes at once: ten rows of them stay in the L2 cache
CHUNKS = 32  # parts of a weight gradient's sum, for the threads to share; fixed, so that their number changes no bit


def conv2d_reference(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """y[n, o, oy, ox] = b[o] + Σ_{c, ky, kx} w[o, c, ky, kx] x[n, c, oy s - p + ky d, ox s - p + kx d].

    x (N, C, H, W), w (O, C/g, KH, KW), b (O,) or None -> y (N, O, OH, OW). With groups g, output o sees the C/g
    channels of its group. Source: Dive into Deep Learning, chapter 7.
    """
    OH, OW = output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    cols = split_groups(im2col_reference(x, w.shape[2:], stride, padding, dilation), groups)
    y = filter_matrix(w, groups) @ cols  # (G, O/g, CKK) @ (G, CKK, OH OW N)
    y = as_batch_first(y.reshape(len(w), OH, OW, len(x)))
    return y if b is None else y + b[:, None, None]


def conv2d_input_grad_reference(
    dy: np.ndarray, w: np.ndarray, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """dx = col2im(wᵀ dy): each input collects w · dy over the windows and taps that saw it.

    dy (N, O, OH, OW), w (O, C/g, KH, KW) -> dx (N, C, H, W) with (H, W) = size.
    """
    N, O, OH, OW = dy.shape
    cols = filter_matrix(w, groups).swapaxes(1, 2) @ split_groups(dy.reshape(N, O, OH * OW), groups)
    cols = as_batch_first(cols.reshape(groups * cols.shape[1], OH * OW, N))  # (G, CKK, OH OW N) -> (N, G CKK, OH OW)
    return col2im_reference(cols, size, w.shape[2:], stride, padding, dilation)


def conv2d_weight_grad_reference(
    dy: np.ndarray, x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """dw[o, c, ky, kx] = Σ_{n, oy, ox} dy[n, o, oy, ox] x[n, c, oy s - p + ky d, ox s - p + kx d].

    dy (N, O, OH, OW), x (N, C, H, W) -> dw (O, C/g, KH, KW).
    """
    N, O, OH, OW = dy.shape
    cols = split_groups(im2col_reference(x, kernel, stride, padding, dilation), groups)
    dw = split_groups(dy.reshape(N, O, OH * OW), groups) @ cols.swapaxes(1, 2)
    return dw.reshape(O, x.shape[1] // groups, *kernel)  # (G, O/g, CKK) -> (O, C/g, KH, KW)


def split_groups(x: np.ndarray, groups: int) -> np.ndarray:
    """(N, R, L) -> (G, R/g, L N): a matrix per group."""
    N, R, L = x.shape
    return stored_batch_last(x).reshape(groups, R // groups, L * N)


def filter_matrix(w: np.ndarray, groups: int) -> np.ndarray:
    """(O, C/g, KH, KW) -> (G, O/g, C/g KH KW)."""
    return w.reshape(groups, len(w) // groups, math.prod(w.shape[1:]))


def runs_would_be_short(N: int, stride: Pair) -> bool:
    return stride[1] > 1 and N < SMALL_BATCH


def conv2d_cpu(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    (N, C, H, W), (O, _, KH, KW) = x.shape, w.shape
    OH, OW = output_size((H, W), (KH, KW), stride, padding, dilation)
    if runs_would_be_short(N, stride) or (padding != (0, 0) and not np.isfinite(w).all()):
        cols = split_groups(im2col(x, (KH, KW), stride, padding, dilation), groups)
        y = as_batch_first(matmul(filter_matrix(w, groups), cols).reshape(O, OH, OW, N))
        return y if b is None else np.add(y, b[:, None, None], out=y)
    y = empty_batch_last((N, O, OH, OW), x.dtype)
    rows, columns = (
        Axis(out, tuple(range(n)), tuple(range(-p, n * s - p, s)), tuple(range(0, k * d, d)), size)
        for out, n, k, s, p, d, size in zip((OH, OW), (OH, OW), (KH, KW), stride, padding, dilation, (H, W))
    )
    # (O, C/g, KH, KW) -> (G, O/g, KH, KW, C/g)
    taps = w.reshape(groups, O // groups, C // groups, KH, KW).transpose(0, 1, 3, 4, 2)
    convolve(stored_batch_last(x), taps, np.zeros(O, x.dtype) if b is None else b, rows, columns, stored_batch_last(y))
    return y


def conv2d_input_grad_cpu(
    dy: np.ndarray, w: np.ndarray, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    (N, O, OH, OW), (_, Cg, KH, KW) = dy.shape, w.shape
    if runs_would_be_short(N, stride):
        cols = matmul(filter_matrix(w, groups).swapaxes(1, 2), split_groups(dy.reshape(N, O, OH * OW), groups))
        cols = as_batch_first(cols.reshape(groups * cols.shape[1], OH * OW, N))
        return col2im(cols, size, (KH, KW), stride, padding, dilation)
    dx = empty_batch_last((N, Cg * groups, *size), dy.dtype)
    stored, start = stored_batch_last(dy), np.zeros(Cg * groups, dy.dtype)
    # (O, C/g, KH, KW) -> (G, C/g, KH, KW, O/g)
    taps = w.reshape(groups, O // groups, Cg, KH, KW).transpose(0, 2, 3, 4, 1)
    row_classes, column_classes = (
        residue_classes(*axis) for axis in zip(size, (OH, OW), (KH, KW), stride, padding, dilation)
    )
    for ky, rows in row_classes:
        for kx, columns in column_classes:
            convolve(stored, taps[:, :, ky][:, :, :, kx], start, rows, columns, stored_batch_last(dx))
    return dx


class Axis(NamedTuple):
    """One axis of a convolution: output out[i] sums over the inputs base[i] + tap, for the taps that stay inside."""

    size: int  # of the output
    out: tuple[int, ...]
    base: tuple[int, ...]
    taps: tuple[int, ...]  # ascending
    input_size: int


def residue_classes(size: int, out: int, k: int, s: int, p: int, d: int) -> list[tuple[list[int], Axis]]:
    """The input positions by (i + p) mod s, each class with the taps of the kernel that reach it.

    Position i = s q + r - p received tap k from the window at (i + p - k d) / s, which is q - (k d - r) / s.
    """
    classes = []
    for r in range(s):
        kept = [tap for tap in range(k) if tap * d % s == r][::-1]
        q = range(-((r - p) // s), (size - 1 + p - r) // s + 1)
        axis = Axis(size, tuple(s * i + r - p for i in q), tuple(q), tuple((r - tap * d) // s for tap in kept), out)
        classes.append((kept, axis))
    return classes


def convolve(x: np.ndarray, w: np.ndarray, start: np.ndarray, rows: Axis, columns: Axis, y: np.ndarray) -> None:
    """y[o, out] = start[o] + Σ_{ky, kx, c} w[o, ky, kx, c] · x[c, base + taps], at the outputs of the two axes.

    x (C, H, W, N) and y (O, OH, OW, N) as stored; w (G, O/g, KH, KW, C/g).
    """
    G, M, KH, KW, Cg = w.shape
    N, K = x.shape[3], KH * KW * Cg
    runs, offsets = plan(rows, columns, Cg, N)
    height, width = tile_height(M), tile_lanes(x.dtype)
    panels = pack(w.reshape(G, M, K), height)
    multiply(
        panels.reshape(-1), run_of_memory(start), run_of_memory(x), Cg * x[0].size, width, offsets,
        y.reshape(-1), M * y[0].size, y[0].size, runs, G, M, K, height, width,
    )  # fmt: skip


@functools.lru_cache(maxsize=256)
def plan(rows: Axis, columns: Axis, C: int, N: int) -> tuple[np.ndarray, np.ndarray]:
    """The runs of a convolution for `multiply`, and where tap (ky, kx, c) lies from a position's base."""
    W, KW = columns.input_size, len(columns.taps)
    taps_y, taps_x = np.array(rows.taps, np.int64), np.array(columns.taps, np.int64)
    planes = np.arange(C) * rows.input_size * W
    offsets = (taps_y[:, None, None] * W + taps_x[:, None] + planes) * N  # (KH, KW, C)
    out_y, base_y, first_y, count_y, _ = (column[:, None] for column in stretches(rows, False))
    out_x, base_x, first_x, count_x, length = stretches(columns, True)
    runs = np.broadcast_arrays(
        (base_y * W + base_x) * N,
        (out_y * columns.size + out_x) * N,
        length * N,
        (first_y * KW + first_x) * C,
        count_x * C * (count_y > 0),
        KW * C,
        np.maximum(count_y, 1),
    )
    return np.stack([column.reshape(-1) for column in runs], axis=1), offsets.reshape(-1)


def stretches(axis: Axis, join: bool) -> tuple[np.ndarray, ...]:
    """out, base, first tap inside, number of taps inside, and length of each stretch of positions.

    A stretch is one position or, with `join`, as many neighbours as see the same taps.
    """
    out, base = np.array(axis.out, np.int64), np.array(axis.base, np.int64)
    inputs = base[:, None] + np.array(axis.taps, np.int64)
    first = (inputs < 0).sum(1)
    count = (inputs < axis.input_size).sum(1) - first
    steps = np.diff(np.stack([out, base, first, count]), axis=1)
    begins = np.flatnonzero(np.append(True, (steps.T != (1, 1, 0, 0)).any(1) | (not join))[: len(out)])
    length = np.diff(np.append(begins, len(out)))
    return out[begins], base[begins], first[begins], count[begins], length


def conv2d_weight_grad_cpu(
    dy: np.ndarray, x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    (N, O, OH, OW), (_, C, _, _), (KH, KW) = dy.shape, x.shape, kernel
    if runs_would_be_short(N, stride):
        cols = split_groups(im2col(x, kernel, stride, padding, dilation), groups)
        dw = matmul(split_groups(dy.reshape(N, O, OH * OW), groups), cols.swapaxes(1, 2))
        return dw.reshape(O, C // groups, KH, KW)
    (sy, sx), (ey, ex) = stride, dilation
    padded = padded_batch_last(x, padding)
    _, H, W, _ = padded.shape
    joined = OW if sx == 1 else 1  # neighbouring positions that form one run
    oy, ox = np.arange(OH)[:, None], np.arange(0, OW, joined)
    c, ky, kx = np.ogrid[: C // groups, :KH, :KW]
    dw = dots(
        stored_batch_last(dy).reshape(groups, -1), OH * OW * N, ((oy * OW + ox) * N).reshape(-1),
        padded.reshape(groups, -1), ((oy * sy * W + ox * sx) * N).reshape(-1),
        (((c * H + ky * ey) * W + kx * ex) * N).reshape(-1), O // groups, joined * N,
    )  # fmt: skip
    return dw.reshape(O, C // groups, KH, KW)


def dots(
    a: np.ndarray, a_row: int, a_starts: np.ndarray,
    b: np.ndarray, b_starts: np.ndarray, offsets: np.ndarray, M: int, lanes: int,
) -> np.ndarray:  # fmt: skip
    """d[g, m, k] = Σ_run Σ_lane a[g, a_starts[run] + m a_row + lane] · b[g, b_starts[run] + offsets[k] + lane].

    The runs are cut into at most CHUNKS parts, each summed on its own, and the parts are added in order.
    """
    G, K = len(a), len(offsets)
    parts = max(1, min(CHUNKS, -(-len(a_starts) * lanes // SEGMENT), 2**22 // max(1, G * M * K)))
    partial = np.zeros((parts, G, M, -(-K // TAPS) * TAPS), a.dtype)
    offsets = np.append(offsets, np.zeros(partial.shape[3] - K, np.int64))
    sum_parts(
        run_of_memory(a), a[0].size, a_row, a_starts, run_of_memory(b), b[0].size, b_starts, offsets, lanes,
        partial.reshape(-1), parts, G, M, tile_height(M),
    )  # fmt: skip
    return partial.sum(0)[:, :, :K]


@jit(parallel=True)
def sum_parts(
    a, a_group, a_row, a_starts, b, b_group, b_starts, offsets, lanes, partial, parts, G, M, height
):  # fmt: skip
    """partial[part, g, m, k] += that part of the sum in `dots`; one task per part, group and panel of rows."""
    P, K = (M + height - 1) // height, len(offsets)
    together = max(1, SEGMENT // max(lanes, 1))  # short runs are taken several at a time, long ones are cut
    segments = (lanes + SEGMENT - 1) // SEGMENT
    pieces = (len(a_starts) + together - 1) // together * segments
    for item in prange(parts * G * P):
        part, g, m = item // (G * P), item // P % G, item % P * height
        for piece in range(part * pieces // parts, (part + 1) * pieces // parts):
            run, lane = piece // segments * together, piece % segments * SEGMENT
            for k in range(0, K, TAPS):
                dot_tile(
                    a, g * a_group + m * a_row, a_row, a_starts, b, g * b_group, b_starts, offsets, k,
                    run, min(run + together, len(a_starts)), lane, min(SEGMENT, lanes - lane),
                    partial, ((part * G + g) * M + m) * K + k, K, height, min(height, M - m),
                )  # fmt: skip


conv2d = Kernel("conv2d", conv2d_reference, conv2d_cpu)
conv2d_input_grad = Kernel("conv2d_input_grad", conv2d_input_grad_reference, conv2d_input_grad_cpu)
conv2d_weight_grad = Kernel("conv2d_weight_grad", conv2d_weight_grad_reference, conv2d_weight_grad_cpu)
