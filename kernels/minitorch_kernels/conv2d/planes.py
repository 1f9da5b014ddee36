"""y and dx of few images, whose rows are too short for vectors: a whole plane of positions is one run of lanes.

The image is copied once: padded and, for a stride s, taken apart, every s-th row together and every s-th column of it,
so that what a window sees next is its neighbour. Then position (i, j) of image n is lane (i W + j) N + n, for rows of W
columns, and tap (ky, kx) lies as far from it at each position. The last columns of a row are too near to the edge for a
window: they are computed for nothing and left out at the end, the price of tiles that are always full.

Zeros of the padding are multiplied. For y that is right (0 · Inf is NaN); for dx the weights have to be finite.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from ..im2col import Pair, output_size
from ..jit import jit, prange
from ..layout import as_batch_first, stored_batch_last
from ..matmul import multiply, pack, run_of_memory
from ..memory import empty
from ..vector import tile_height, tile_lanes
from .positions import Class, input_classes, input_taps, output_classes, output_taps


def conv2d_planes(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    (H, W), (O, _, KH, KW) = x.shape[2:], w.shape
    out = output_size((H, W), (KH, KW), stride, padding, dilation)
    plan = output_plan((H, W), out, (KH, KW), stride, padding, dilation)
    start = np.zeros(O, x.dtype) if b is None else b
    return convolve(stored_batch_last(x), output_taps(w, groups), start, plan, out)


def conv2d_input_grad_planes(
    dy: np.ndarray, w: np.ndarray, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    _, Cg, KH, KW = w.shape
    plan = input_plan(size, dy.shape[2:], (KH, KW), stride, padding, dilation)
    return convolve(stored_batch_last(dy), input_taps(w, groups), np.zeros(Cg * groups, dy.dtype), plan, size)


def convolve(x: np.ndarray, w: np.ndarray, start: np.ndarray, plan: Plan, size: Pair) -> np.ndarray:
    """y[o, position] = start[o] + Σ_{ky, kx, c} w[o, ky, kx, c] · x[c, position + tap], of `size`.

    x (C, H, W, N) as stored; w (G, O/g, KH, KW, C/g) -> y (N, O, *size).
    """
    (G, M, KH, KW, Cg), N = w.shape, x.shape[-1]
    planes = gathered(x.reshape(len(x), -1, N), plan.image)
    y = empty((G * M, plan.positions, N), x.dtype)
    offsets = plan.taps[:, None] + np.arange(Cg) * planes.shape[1]  # (KH KW, C/g)
    height, width = tile_height(M), tile_lanes(x.dtype)
    multiply(
        pack(w, height, plan.order).reshape(-1), run_of_memory(start),
        run_of_memory(planes), Cg * planes[0].size, width, (offsets * N).reshape(-1),
        y.reshape(-1), M * y[0].size, y[0].size, plan.runs * (N, N, N, Cg, Cg, Cg, 1),
        G, M, KH * KW * Cg, height, width,
    )  # fmt: skip
    return as_batch_first(gathered(y, plan.output).reshape(G * M, *size, N))


def gathered(x: np.ndarray, stretches: np.ndarray) -> np.ndarray:
    """out[c, to + i] = x[c, start + i], or 0 where start is -1, for the stretches (to, start, length) and i < length.

    x (C, P, N) -> out (C, Q, N); x itself where that is the same.
    """
    size = int(stretches[-1, 0] + stretches[-1, 2]) if len(stretches) else 0
    if len(stretches) == 1 and stretches[0, 1] == 0 and size == x.shape[1]:
        return x
    out = empty((len(x), size, x.shape[2]), x.dtype)
    gather(x.reshape(len(x), -1), stretches * x.shape[2], out.reshape(len(x), -1))
    return out


@jit(parallel=True)
def gather(x, stretches, out):
    """`gathered` for x (C, P) and out (C, Q); a start below 0 stands for zeros."""
    for c in prange(len(out)):
        for s in range(len(stretches)):
            to, start, length = stretches[s, 0], stretches[s, 1], stretches[s, 2]
            if start < 0:
                for i in range(length):
                    out[c, to + i] = 0
            else:
                for i in range(length):
                    out[c, to + i] = x[c, start + i]


def stretches_of(places: np.ndarray) -> np.ndarray:
    """Where to take each from, -1 for nowhere, -> the stretches (to, start, length) of neighbours."""
    step = np.where(places[1:] < 0, 0, 1)
    apart = (np.diff(places) != step) | (places[:-1] + step == 0)
    to = np.flatnonzero(np.append(True, apart)[: len(places)])
    return np.stack([to, places[to], np.diff(np.append(to, len(places)))], axis=1)


class Plan(NamedTuple):
    """Where a convolution by planes reads and writes, for one image and channel."""

    image: np.ndarray  # the stretches of the image that make up the planes
    order: np.ndarray  # in which the taps ky KW + kx are summed
    taps: np.ndarray  # how far each lies from a position, in the planes
    runs: np.ndarray  # as `multiply` has them, one for each class of positions
    positions: int  # in all runs
    output: np.ndarray  # the stretches of them that make up the output


@functools.lru_cache(maxsize=256)
def output_plan(size: Pair, out: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Plan:
    """y: position i sums over the taps from i s - p on."""
    rows, columns = output_classes(out, kernel, stride, padding, dilation)
    return plan_of(rows, columns, size, out, stride)


@functools.lru_cache(maxsize=256)
def input_plan(size: Pair, out: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Plan:
    """dx: each class of positions sums over the taps of the kernel that reach it."""
    rows, columns = input_classes(size, kernel, stride, padding, dilation)
    return plan_of(rows, columns, out, size, (1, 1))


class Axis:
    """Rows or columns of an image, from `low` on every step-th together, for what the windows of some classes see."""

    def __init__(self, classes: list[Class], length: int, step: int):
        seen = [group.base.start + tap for group in classes if group.out for tap in group.taps] or [0]
        last = max((group.base[-1] + group.taps[-1] for group in classes if group.out and group.taps), default=0)
        self.low, self.step = min(seen), step
        self.parts = sorted({(i - self.low) % step for i in seen})
        self.size = max((last - self.low) // step + 1, *(len(group.out) for group in classes))
        inputs = self.low + np.add.outer(self.parts, np.arange(self.size) * step)
        self.image = np.where((inputs >= 0) & (inputs < length), inputs, -1)  # (parts, size)

    def seen_by(self, group: Class) -> list[tuple[int, int]]:
        """For each tap of a class: the part, and the row of it, that the first position sees."""
        if not group.out:
            return [(0, 0)] * len(group.taps)  # nobody looks
        rows = [group.base.start + tap - self.low for tap in group.taps]
        return [(self.parts.index(row % self.step), row // self.step) for row in rows]


def plan_of(rows: list[Class], columns: list[Class], image: Pair, out: Pair, step: Pair) -> Plan:
    """The plan for positions of these classes, whose neighbours see inputs `step` apart."""
    vertical, horizontal = (Axis(*axis) for axis in zip((rows, columns), image, step))
    width, KW = horizontal.size, sum(len(column.taps) for column in columns)
    y, x = vertical.image[:, None, :, None], horizontal.image[None, :, None, :]
    planes = np.where((y < 0) | (x < 0), -1, y * image[1] + x)  # (parts, parts, rows, columns)
    taps, order, runs, positions, first_y = [], [], [], 0, 0
    places = np.zeros(out, np.int64)
    for row in rows:
        for ky, (part_y, at_y) in zip(row.kernel, vertical.seen_by(row)):
            for column in columns:
                for kx, (part_x, at_x) in zip(column.kernel, horizontal.seen_by(column)):
                    order.append(ky * KW + kx)
                    taps.append(np.ravel_multi_index((part_y, part_x, at_y, at_x), planes.shape))
        first_x = 0
        for column in columns:
            if row.out and column.out:
                lanes, count = (len(row.out) - 1) * width + len(column.out), len(row.taps)
                length = len(column.taps) if count else 0
                runs.append((0, positions, lanes, first_y * KW + first_x, length, KW, max(count, 1)))
                within = np.add.outer(np.arange(len(row.out)) * width, np.arange(len(column.out)))
                places[np.ix_(row.out, column.out)] = positions + within
                positions += len(row.out) * width
            first_x += len(column.taps)
        first_y += len(row.taps)
    return Plan(
        stretches_of(planes.reshape(-1)), np.array(order, np.int64), np.array(taps, np.int64),
        np.array(runs, np.int64).reshape(-1, 7), positions, stretches_of(places.reshape(-1)),
    )  # fmt: skip
