"""y and dx: sums over the taps of the filter, position by position, read where the image lies."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from ..im2col import Pair, output_size
from ..layout import as_batch_first, stored_batch_last
from ..matmul import multiply, pack, run_of_memory
from ..memory import empty
from ..vector import tile_height, tile_lanes


def conv2d_cpu(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    (N, C, H, W), (O, _, KH, KW) = x.shape, w.shape
    OH, OW = output_size((H, W), (KH, KW), stride, padding, dilation)
    y = empty((O, OH, OW, N), x.dtype)
    taps = output_taps(w, groups)
    plan = output_plan((H, W), (OH, OW), (KH, KW), stride, padding, dilation, C // groups, N)
    convolve(stored_batch_last(x), taps, np.zeros(O, x.dtype) if b is None else b, plan, y)
    return as_batch_first(y)


def conv2d_input_grad_cpu(
    dy: np.ndarray, w: np.ndarray, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    (N, O, OH, OW), (_, Cg, KH, KW) = dy.shape, w.shape
    dx = empty((Cg * groups, *size, N), dy.dtype)
    taps = input_taps(w, groups)
    plan = input_plan(size, (OH, OW), (KH, KW), stride, padding, dilation, O // groups, N)
    convolve(stored_batch_last(dy), taps, np.zeros(Cg * groups, dy.dtype), plan, dx)
    return as_batch_first(dx)


def output_taps(w: np.ndarray, groups: int) -> np.ndarray:
    """Filters (O, C/g, KH, KW) as `convolve` takes them for y: (G, O/g, KH, KW, C/g)."""
    O, *rest = w.shape
    return w.reshape(groups, O // groups, *rest).transpose(0, 1, 3, 4, 2)


def input_taps(w: np.ndarray, groups: int) -> np.ndarray:
    """Filters (O, C/g, KH, KW) as `convolve` takes them for dx: (G, C/g, KH, KW, O/g)."""
    O, *rest = w.shape
    return w.reshape(groups, O // groups, *rest).transpose(0, 2, 3, 4, 1)


def convolve(x: np.ndarray, w: np.ndarray, start: np.ndarray, plan: Plan, y: np.ndarray) -> None:
    """y[o, out] = start[o] + Σ_{ky, kx, c} w[o, ky, kx, c] · x[c, base + taps], at the positions of the plan.

    x (C, H, W, N) and y (O, OH, OW, N) as stored; w (G, O/g, KH, KW, C/g).
    """
    G, M, KH, KW, Cg = w.shape
    height, width = tile_height(M), tile_lanes(x.dtype)
    multiply(
        pack(w, height, plan.taps).reshape(-1), run_of_memory(start),
        run_of_memory(x), Cg * x[0].size, width, plan.offsets, y.reshape(-1), M * y[0].size, y[0].size, plan.runs,
        G, M, KH * KW * Cg, height, width,
    )  # fmt: skip


class Plan(NamedTuple):
    """Where a convolution reads and writes, as `multiply` takes it."""

    runs: np.ndarray
    taps: np.ndarray  # in which order the taps ky KW + kx are summed
    offsets: np.ndarray  # where tap and channel (k, c) lie from a position's base


@functools.lru_cache(maxsize=256)
def output_plan(
    size: Pair, out: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, C: int, N: int
) -> Plan:
    """y: position i sums over the taps from i s - p on."""
    rows, columns = output_classes(out, kernel, stride, padding, dilation)
    return plan_of(rows, columns, out, size, C, N)


@functools.lru_cache(maxsize=256)
def input_plan(
    size: Pair, out: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, O: int, N: int
) -> Plan:
    """dx: each position sums over the taps of the kernel that reach it."""
    rows, columns = input_classes(size, kernel, stride, padding, dilation)
    return plan_of(rows, columns, size, out, O, N)


class Class(NamedTuple):
    """Positions along one axis: out[i] sums over the inputs base[i] + tap, for the taps that stay inside the image."""

    kernel: range  # which taps of the kernel
    out: range
    base: range
    taps: tuple[int, ...]  # where they lie, ascending


def output_classes(out: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> tuple[list[Class], ...]:
    """Rows and columns of y, each one class."""
    return tuple(
        [Class(range(k), range(n), range(-p, n * s - p, s), tuple(range(0, k * d, d)))]
        for n, k, s, p, d in zip(out, kernel, stride, padding, dilation)
    )


def input_classes(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> tuple[list[Class], ...]:
    """Rows and columns of dx."""
    return tuple(residue_classes(*axis) for axis in zip(size, kernel, stride, padding, dilation))


def residue_classes(size: int, k: int, s: int, p: int, d: int) -> list[Class]:
    """The input positions by (i + p) mod s, each class with the taps of the kernel that reach it, last tap first.

    Position i = s q + r - p received tap k from the window at (i + p - k d) / s, which is q - (k d - r) / s.
    """
    classes, apart = [], s // math.gcd(s, d)
    for r in range(s):
        first = next((tap for tap in range(min(k, apart)) if tap * d % s == r), k)
        kept = range(first, k, apart)[::-1]
        q = range(-((r - p) // s), (size - 1 + p - r) // s + 1)
        out = range(q.start * s + r - p, q.stop * s + r - p, s)
        classes.append(Class(kept, out, q, tuple((r - tap * d) // s for tap in kept)))
    return classes


def plan_of(rows: list[Class], columns: list[Class], out: Pair, image: Pair, C: int, N: int) -> Plan:
    """The plan of a convolution from an image with C channels in each group."""
    KW = sum(len(column.taps) for column in columns)
    kernel_y, kernel_x = (np.array([k for group in classes for k in group.kernel]) for classes in (rows, columns))
    seen_y, seen_x = (
        np.array([group.base.start + tap for group in classes for tap in group.taps], np.int64)
        for classes in (rows, columns)
    )
    taps = kernel_y[:, None] * KW + kernel_x
    lie = seen_y[:, None] * image[1] + seen_x
    offsets = (lie[:, :, None] + np.arange(C) * image[0] * image[1]) * N  # (KH, KW, C)
    out_y, base_y, first_y, count_y, _ = (column[:, None] for column in stretches(rows, image[0], False))
    out_x, base_x, first_x, count_x, length = stretches(columns, image[1], True)
    runs = np.broadcast_arrays(
        (base_y * image[1] + base_x) * N,
        (out_y * out[1] + out_x) * N,
        length * N,
        (first_y * KW + first_x) * C,
        count_x * C * (count_y > 0),
        KW * C,
        np.maximum(count_y, 1),
    )
    return Plan(np.stack([column.reshape(-1) for column in runs], axis=1), taps.reshape(-1), offsets.reshape(-1))


def stretches(classes: list[Class], size: int, join: bool) -> np.ndarray:
    """Position, that of the base, first tap inside, number of taps inside, and length of each stretch of positions.

    They come in the order of the positions. Bases are counted from that of the class's first position, where the taps
    lie. A stretch is one position or, with `join`, as many neighbours as see the same taps of the image.
    """
    columns, taps_before = [], 0
    for group in classes:
        base = np.array(group.base, np.int64)
        inputs = base[:, None] + np.array(group.taps, np.int64)
        first = (inputs < 0).sum(1)
        count = (inputs < size).sum(1) - first
        columns.append([np.array(group.out, np.int64), base - group.base.start, taps_before + first, count])
        taps_before += len(group.taps)
    positions = np.concatenate(columns, axis=1)
    positions = positions[:, np.argsort(positions[0])]
    steps = np.diff(positions, axis=1)
    begins = np.flatnonzero(np.append(True, (steps.T != (1, 1, 0, 0)).any(1) | (not join))[: positions.shape[1]])
    return np.vstack([positions[:, begins], np.diff(np.append(begins, positions.shape[1]))])
