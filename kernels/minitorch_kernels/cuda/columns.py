"""The grid for kernels whose threads stay in one column of a row-major matrix: `Column` in columns.cuh."""

from __future__ import annotations

from ..arrays import Array
from .launch import THREADS, dense

BLOCKS = 1024  # about as many as a large GPU has room for
ROWS = 8  # that a thread takes at least, before there are more blocks


def columns(rows: int, C: int) -> tuple[tuple[int, int], tuple[int]]:
    """Grid and block for a matrix (rows, C); grid[1] says among how many blocks the rows of a column are shared out.

    It depends on the shape alone, so that sums over the rows have the same bits on every GPU.
    """
    width = max(1, C if C < 64 else 32)
    strips, height = -(-C // width), THREADS // width
    return (strips, max(1, min(BLOCKS // max(1, strips), -(-rows // (height * ROWS))))), (THREADS,)


def warps(count: int) -> tuple[tuple[int], tuple[int]]:
    """Grid and block for a kernel of which a warp takes one of `count` sums, 4 warps in a block."""
    return (min(4 * BLOCKS, -(-count // 4)),), (128,)


def optional(vector: Array | None, stand_in: Array) -> tuple[Array, bool]:
    """An array that may be missing, and whether it is there, as the kernels take it."""
    return (dense(stand_in), False) if vector is None else (dense(vector), True)
