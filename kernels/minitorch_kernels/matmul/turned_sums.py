"""`turned_dots`: products whose lanes are summed, for many rows of a: pieces of them are turned into columns first."""

from __future__ import annotations

import numpy as np

from ..jit import jit, prange
from ..memory import LINE, empty
from ..vector import HEIGHTS, ROWS_AHEAD, outer_tile, tile_height, tile_lanes, turn_rows
from .panels import run_of_memory

DEPTH = 256  # lanes that are turned and summed at a time: 256 columns of 256 bytes stay in the L2 cache
TASKS = 32  # so many are made, by cutting first the rows of b, then the sum; fixed, so that threads change no bit
ROWS = 192  # of b in a task, at least: turning rows of a takes as long as summing over six rows of b
PART = 2048  # lanes in a part of a sum, at least; not less than DEPTH, so that there is something in each part


def turned_dots(
    a: np.ndarray, a_row: int, a_starts: np.ndarray,
    b: np.ndarray, b_starts: np.ndarray, offsets: np.ndarray, M: int, lanes: int,
) -> np.ndarray:  # fmt: skip
    """d as `dots` has it, for at least one lane.

    With neighbouring m side by side, tiles of d are summed up in registers as in `multiply`, and no lanes are left to
    add. The rows of b are read where they lie, so a serves all taps of a convolution once it is turned. The parts of
    the sum are added in order.
    """
    G, K, width = len(a), len(offsets), tile_lanes(a.dtype)
    tiles = -(-M // width)
    blocks = max(1, min(TASKS // max(1, G * tiles), K // ROWS))
    parts = max(1, min(-(-TASKS // max(1, G * tiles * blocks)), len(a_starts) * lanes // PART))
    ahead = np.append(offsets, np.repeat(offsets[-1:], max(HEIGHTS) + ROWS_AHEAD))
    partial, d = empty((parts, G, tiles, K, min(M, width)), a.dtype), empty((G, M, K), a.dtype)
    sum_parts(
        run_of_memory(a), a[0].size, a_row, a_starts, run_of_memory(b), b[0].size, b_starts, ahead, lanes,
        partial.reshape(-1), parts, blocks, G, M, K, tile_height(K), width,
    )  # fmt: skip
    add_parts(partial.reshape(-1), d.reshape(-1), parts, G, M, K, width)
    return d


@jit(parallel=True)
def sum_parts(
    a, a_group, a_row, a_starts, b, b_group, b_starts, offsets, lanes, partial, parts, blocks, G, M, K, height, width
):  # fmt: skip
    """partial[part, g, tile, k, lane] = that part of d[g, tile width + lane, k]; tasks by part, g, tile, block of k."""
    tiles, panels, row = (M + width - 1) // width, (K + height - 1) // height, min(M, width)
    together = max(1, DEPTH // max(lanes, 1))  # short runs are taken several at a time, long ones are cut
    segments = (lanes + DEPTH - 1) // DEPTH
    pieces = (len(a_starts) + together - 1) // together * segments
    for item in prange(parts * G * tiles * blocks):
        tile, block = item % tiles, item // tiles % blocks  # tiles side by side: the last one has less to do
        part, g = item // (G * tiles * blocks), item // (tiles * blocks) % G
        m, first = tile * width, part * pieces // parts
        rows, out = min(width, M - m), ((part * G + g) * tiles + tile) * K * row
        memory = np.empty(DEPTH * width + LINE, a.dtype)
        turned = memory[(LINE - np.int64(memory.ctypes.data) % LINE) // memory.itemsize :]  # whole cache lines
        for piece in range(first, (part + 1) * pieces // parts):
            run, lane = piece // segments * together, piece % segments * DEPTH
            end, length = min(run + together, len(a_starts)), min(DEPTH, lanes - lane)
            for i in range(run, end):
                source, target = g * a_group + m * a_row + a_starts[i] + lane, (i - run) * length * width
                turn_rows(a, source, a_row, rows, length, turned, target, width)
            for p in range(block * panels // blocks, (block + 1) * panels // blocks):
                k = p * height
                outer_tile(
                    b, g * b_group + lane, b_starts, offsets, k, run, end, length, turned, 0,
                    partial, out + k * row, row, height, min(height, K - k), rows, piece - first,
                )  # fmt: skip


@jit(parallel=True)
def add_parts(partial, d, parts, G, M, K, width):
    """d[g, m, k] = Σ_part partial[part, g, m // width, k, m mod width], a square at a time."""
    tiles, blocks, row = (M + width - 1) // width, (K + width - 1) // width, min(M, width)
    for item in prange(G * tiles * blocks):
        k, m, g = item % blocks * width, item // blocks % tiles * width, item // (tiles * blocks)
        count = min(width, K - k)
        total = np.zeros(count * row, d.dtype)
        for part in range(parts):
            at = (((part * G + g) * tiles + m // width) * K + k) * row
            total += partial[at : at + count * row]
        turned = np.empty(row * width, d.dtype)
        turn_rows(total, 0, row, count, min(row, M - m), turned, 0, width)
        for i in range(min(row, M - m)):
            to = (g * M + m + i) * K + k
            d[to : to + count] = turned[i * width : i * width + count]
