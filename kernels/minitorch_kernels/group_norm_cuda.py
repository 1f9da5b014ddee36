"""Group normalisation on a GPU: a block for about 32 channels of an image, or for a larger group."""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array, empty_like
from .cuda.columns import columns, optional
from .cuda.launch import THREADS, dense, launch
from .cuda.layout import empty_channels_last, stored_channels_last

FILE = "group_norm.cu"

Vector = Array | None  # (C,), or None for a weight of 1 and a bias of 0
Three = tuple[Array, Array, Array]
Four = tuple[Array, Array, Array, Array]
Grid = tuple[tuple[int], tuple[int]]


def group_norm_cuda(x: Array, groups: int, weight: Vector, bias: Vector, eps: float) -> Four:
    N, C = x.shape[:2]
    rows = stored_channels_last(x)
    y = empty_channels_last(x, x.shape)
    mean, var, rstd = (empty_like(x, (N, groups)) for _ in range(3))
    given = *optional(weight, rows), *optional(bias, rows), eps
    in_block, grid = share_out(N, C, groups)
    arrays = stored_channels_last(y), mean, var, rstd
    launch(FILE, "normalise_groups", *grid, rows, *given, *arrays, places(x), C, groups, in_block)
    return y, mean, var, rstd


def group_norm_grad_cuda(dy: Array, x: Array, groups: int, weight: Vector, mean: Array, rstd: Array) -> Three:
    N, C = x.shape[:2]
    dx, dw, db = empty_channels_last(x, x.shape), empty_like(x, (C,)), empty_like(x, (C,))
    totals, products = empty_like(x, (N, C), np.float64), empty_like(x, (N, C), np.float64)
    given = *optional(weight, mean), dense(mean), dense(rstd), stored_channels_last(dx), totals, products
    in_block, grid = share_out(N, C, groups)
    rows = stored_channels_last(dy), stored_channels_last(x)
    launch(FILE, "normalise_groups_grad", *grid, *rows, *given, places(x), C, groups, in_block)
    (strips, _), block = columns(N, C)
    launch(FILE, "sum_images", (strips,), block, totals, products, dw, db, N, C)
    return dx, dw, db


def share_out(N: int, C: int, groups: int) -> tuple[int, Grid]:
    """How many groups of an image a block takes, and the grid and block."""
    in_block = min(groups, max(1, 32 // (C // groups)))
    return in_block, ((N * -(-groups // in_block),), (THREADS,))


def places(x: Array) -> int:
    """L, the values of a channel in one image."""
    return math.prod(x.shape[2:])
