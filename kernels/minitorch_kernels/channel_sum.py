"""The sum over images and places of each channel: the gradient of a bias."""

from __future__ import annotations

import numpy as np

from .arrays import Array, empty_like
from .cuda.columns import columns, warps
from .cuda.launch import launch
from .cuda.layout import stored_channels_last
from .jit import jit, prange
from .kernel import Kernel
from .layout import stored_batch_last

BLOCK = 512  # values added up in their own precision, before the sums of blocks are in float64
PART = 64 * BLOCK  # values that one task takes


def channel_sum_reference(dy: np.ndarray) -> np.ndarray:
    """s[c] = Σ_n Σ_places dy[n, c]: dy (N, C, ...) -> (C,), added up in float64."""
    return dy.sum(axis=(0, *range(2, dy.ndim)), dtype=np.float64).astype(dy.dtype)


def channel_sum_cpu(dy: np.ndarray) -> np.ndarray:
    C = dy.shape[1]
    rows = stored_batch_last(dy).reshape(C, dy.size // max(C, 1))
    sums = np.empty((C, -(-rows.shape[1] // PART)))
    sum_parts_of_rows(rows, sums)
    return sums.sum(1).astype(dy.dtype)


@jit(parallel=True)
def sum_parts_of_rows(rows, sums):
    """sums[c, part] = the sum of PART neighbouring values of rows (C, M)."""
    parts = sums.shape[1]
    for item in prange(sums.size):
        c, part = item // parts, item % parts
        sums[c, part] = sum_of_blocks(rows[c, part * PART : (part + 1) * PART])


@jit(fastmath={"reassoc", "nsz"})
def sum_of_blocks(row):
    """Σ row, a block at a time."""
    total = np.float64(0)
    for start in range(0, len(row), BLOCK):
        block = row[start : start + BLOCK]
        of_block = block[0]
        for i in range(1, len(block)):
            of_block += block[i]
        total += of_block
    return total


def channel_sum_cuda(dy: Array) -> Array:
    C = dy.shape[1]
    rows = dy.size // max(C, 1)
    grid, block = columns(rows, C)
    parts, sums = empty_like(dy, (C, grid[1]), np.float64), empty_like(dy, (C,))
    launch("channel_sum.cu", "sum_shares", grid, block, stored_channels_last(dy), parts, rows, C)
    launch("channel_sum.cu", "sum_parts", *warps(C), parts, sums, C, grid[1])
    return sums


channel_sum = Kernel("channel_sum", channel_sum_reference, channel_sum_cpu, channel_sum_cuda)
