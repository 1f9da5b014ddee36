"""Batch normalisation on a GPU: one pass over x for the statistics, one for the result."""

from __future__ import annotations

import numpy as np

from .arrays import Array, empty_like
from .cuda.columns import columns, optional, warps
from .cuda.launch import dense, launch
from .cuda.layout import empty_channels_last, stored_channels_last

FILE = "batch_norm.cu"
NONE, GIVEN_BY_Y, GIVEN_BY_LINE = range(3)  # `Relu` in that file

Vector = Array | None  # (C,), or None for a weight of 1 and a bias of 0
Five = tuple[Array, Array, Array, Array, Array]
Gradients = tuple[Array, Array, Array, Array | None]


def batch_norm_train_cuda(
    x: Array, weight: Vector, bias: Vector, eps: float, residual: Array | None = None, relu: bool = False
) -> Five:
    rows, y = stored_channels_last(x), empty_channels_last(x, x.shape)
    M, C = shape_of_rows(x)
    grid, block = columns(M, C)
    sums = empty_like(x, (2, C, grid[1]), np.float64)
    launch(FILE, "moments", grid, block, rows, sums, M, C)
    mean, var, rstd, line = (*(empty_like(x, (C,)) for _ in range(3)), empty_like(x, (2, C)))
    given = *optional(weight, rows), *optional(bias, rows), eps
    launch(FILE, "statistics", *warps(C), rows, sums, *given, mean, var, rstd, line, M, C, grid[1])
    ending = *shortcut(residual, rows), relu, stored_channels_last(y), M, C
    launch(FILE, "normalise_by_batch", grid, block, rows, mean, line, *ending)
    return y, mean, var, rstd, line


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
    dy: Array,
    x: Array,
    weight: Vector,
    mean: Array,
    rstd: Array,
    line: Array | None = None,
    y: Array | None = None,
    to_residual: bool = False,
) -> Gradients:
    return gradients(dy, x, weight, mean, rstd, None, line, y, to_residual)


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
    return gradients(dy, x, weight, mean, var, eps, None, y, to_residual)


def gradients(
    dy: Array,
    x: Array,
    weight: Vector,
    mean: Array,
    rstd: Array,
    eps: float | None,
    line: Array | None,
    y: Array | None,
    to_residual: bool,
) -> Gradients:
    """For statistics of the batch; with an eps for constant ones, whose variance then stands in `rstd`."""
    M, C = shape_of_rows(x)
    grid, block = columns(M, C)
    rows, mean = stored_channels_last(x), dense(mean)
    read = stored_channels_last(dy), rows, *gate(line, y, rows), mean
    sums = empty_like(x, (2, C, grid[1]), np.float64)
    launch(FILE, "gradient_sums", grid, block, *read, sums, M, C)
    dw, db, slopes = empty_like(x, (C,)), empty_like(x, (C,)), empty_like(x, (3, C))
    given = *optional(weight, rows), dense(rstd), eps is not None, eps or 0.0
    launch(FILE, "gradient_statistics", *warps(C), sums, *given, dw, db, slopes, M, C, grid[1])
    dx = empty_channels_last(x, x.shape)
    g = empty_channels_last(x, x.shape) if to_residual and read[3] != NONE else None
    written = stored_channels_last(dx)
    kept = written if g is None else stored_channels_last(g)
    launch(FILE, "input_gradient", grid, block, *read, slopes, eps is not None, written, kept, g is not None, M, C)
    return dx, dw, db, g


def gate(line: Array | None, y: Array | None, stand_in: Array) -> tuple[Array, int]:
    """What tells where a ReLU was open, and which of the two it is, or that there was none."""
    if line is not None:
        return dense(line), GIVEN_BY_LINE
    return (stand_in, NONE) if y is None else (stored_channels_last(y), GIVEN_BY_Y)


def shape_of_rows(x: Array) -> tuple[int, int]:
    """M, the number of images and places, and C."""
    C = x.shape[1]
    return x.size // max(1, C), C


def shortcut(values: Array | None, stand_in: Array) -> tuple[Array, bool]:
    """`optional` for an array of x's shape."""
    return optional(None if values is None else stored_channels_last(values), stand_in)
