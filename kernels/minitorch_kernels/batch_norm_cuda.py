"""Batch normalisation on a GPU: one pass over x for the statistics, one for the result."""

from __future__ import annotations

import numpy as np

from .arrays import Array, empty_like
from .cuda.columns import columns, warps
from .cuda.launch import dense, launch
from .cuda.layout import empty_channels_last, stored_channels_last

FILE = "batch_norm.cu"

Vector = Array | None  # (C,), or None for a weight of 1 and a bias of 0
Four = tuple[Array, Array, Array, Array]
Gradients = tuple[Array, Array, Array, Array | None]


def batch_norm_train_cuda(
    x: Array, weight: Vector, bias: Vector, eps: float, residual: Array | None = None, relu: bool = False
) -> Four:
    rows, y = stored_channels_last(x), empty_channels_last(x, x.shape)
    M, C = shape_of_rows(x)
    grid, block = columns(M, C)
    sums = empty_like(x, (2, C, grid[1]), np.float64)
    launch(FILE, "moments", grid, block, rows, sums, M, C)
    mean, var, rstd, factor, shift = (empty_like(x, (C,)) for _ in range(5))
    given = *optional(weight, rows), *optional(bias, rows), eps
    launch(FILE, "statistics", *warps(C), rows, sums, *given, mean, var, rstd, factor, shift, M, C, grid[1])
    ending = *shortcut(residual, rows), relu, stored_channels_last(y), M, C
    launch(FILE, "normalise_by_batch", grid, block, rows, mean, factor, shift, *ending)
    return y, mean, var, rstd


def batch_norm_inference_cuda(
    x: Array,
    mean: Array,
    var: Array,
    weight: Vector,
    bias: Vector,
    eps: float,
    residual: Array | None = None,
    relu: bool = False,
) -> Array:
    rows, y = stored_channels_last(x), empty_channels_last(x, x.shape)
    M, C = shape_of_rows(x)
    given = dense(mean), dense(var), *optional(weight, rows), *optional(bias, rows), eps
    ending = *shortcut(residual, rows), relu, stored_channels_last(y), M, C
    launch(FILE, "normalise_by_constants", *columns(M, C), rows, *given, *ending)
    return y


def batch_norm_train_grad_cuda(
    dy: Array, x: Array, weight: Vector, mean: Array, rstd: Array, y: Array | None = None, to_residual: bool = False
) -> Gradients:
    return gradients(dy, x, weight, mean, rstd, None, y, to_residual)


def batch_norm_inference_grad_cuda(
    dy: Array,
    x: Array,
    weight: Vector,
    mean: Array,
    var: Array,
    eps: float,
    y: Array | None = None,
    to_residual: bool = False,
) -> Gradients:
    return gradients(dy, x, weight, mean, var, eps, y, to_residual)


def gradients(
    dy: Array,
    x: Array,
    weight: Vector,
    mean: Array,
    rstd: Array,
    eps: float | None,
    y: Array | None,
    to_residual: bool,
) -> Gradients:
    """For statistics of the batch; with an eps for constant ones, whose variance then stands in `rstd`."""
    M, C = shape_of_rows(x)
    grid, block = columns(M, C)
    rows, mean = stored_channels_last(x), dense(mean)
    read = stored_channels_last(dy), rows, *shortcut(y, rows), mean
    sums = empty_like(x, (2, C, grid[1]), np.float64)
    launch(FILE, "gradient_sums", grid, block, *read, sums, M, C)
    dw, db, slopes = empty_like(x, (C,)), empty_like(x, (C,)), empty_like(x, (3, C))
    given = *optional(weight, rows), dense(rstd), eps is not None, eps or 0.0
    launch(FILE, "gradient_statistics", *warps(C), sums, *given, dw, db, slopes, M, C, grid[1])
    dx = empty_channels_last(x, x.shape)
    g = empty_channels_last(x, x.shape) if to_residual and y is not None else None
    written = stored_channels_last(dx)
    kept = written if g is None else stored_channels_last(g)
    launch(FILE, "input_gradient", grid, block, *read, slopes, eps is not None, written, kept, g is not None, M, C)
    return dx, dw, db, g


def shape_of_rows(x: Array) -> tuple[int, int]:
    """M, the number of images and places, and C."""
    C = x.shape[1]
    return x.size // max(1, C), C


def optional(vector: Vector, stand_in: Array) -> tuple[Array, bool]:
    """An array that may be missing, and whether it is there, as the kernels take it."""
    return (stand_in, False) if vector is None else (dense(vector), True)


def shortcut(values: Array | None, stand_in: Array) -> tuple[Array, bool]:
    """`optional` for an array of x's shape."""
    return (stand_in, False) if values is None else (stored_channels_last(values), True)
