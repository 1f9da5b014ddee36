"""Batch normalisation: each channel is brought to mean 0 and variance 1, then scaled and shifted.

What networks do next to the result can be done in the same pass: `residual` is added to it, `relu` cuts it off at 0.
x is (N, C), (N, C, L) or (N, C, H, W); the M values of a channel are those of all images and places. Sums run in
float64 and the mean is subtracted before squaring, so that a mean far from zero costs no digit of the variance. In
training y lies on a line for each channel, (x - mean) factor + shift, and the gradient computes it again, to the last
bit, in order to know where the ReLU was open: so y need not be kept.
Source: Ioffe and Szegedy, "Batch Normalization" (2015).
"""

from __future__ import annotations

import math

import numpy as np

from .batch_norm_cuda import (
    batch_norm_inference_cuda,
    batch_norm_inference_grad_cuda,
    batch_norm_train_cuda,
    batch_norm_train_grad_cuda,
)
from .jit import jit, prange
from .kernel import Kernel
from .layout import as_batch_first, stored_batch_last
from .memory import empty

Vector = np.ndarray | None  # (C,), or None for a weight of 1 and a bias of 0
Residual = np.ndarray | None  # as x, or None for no sum
Five = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Gradients = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]

FEW = 4  # channels: with fewer, the threads share each row instead of taking whole ones
PART = 1 << 14  # values of a row that a thread takes at a time where rows are shared


def batch_norm_train_reference(
    x: np.ndarray, weight: Vector, bias: Vector, eps: float, residual: Residual = None, relu: bool = False
) -> Five:
    """y = relu((x - mean) rstd weight + bias + residual), mean and variance of this batch, rstd = 1 / sqrt(var + eps).

    x and residual (N, C, ...), weight and bias (C,) -> y as x; mean, var and rstd (C,); line (2, C), the factor and
    shift of each channel. var is biased: a sum divided by M. An empty batch gives mean 0 and var 0. residual=None adds
    nothing, relu=False keeps what is negative.
    """
    axes, M = axes_of_channel(x), values_per_channel(x)
    mean = x.sum(axes, dtype=np.float64) / M
    var = ((x - along_channels(mean, x)) ** 2).sum(axes) / M
    rstd = 1 / np.sqrt(var + eps)
    line = line_of(mean, rstd, weight, bias, x.dtype)
    y = finished(along_line(x, mean.astype(x.dtype), line), residual, relu)
    return y, mean.astype(x.dtype), var.astype(x.dtype), rstd.astype(x.dtype), line


def line_of(mean: np.ndarray, rstd: np.ndarray, weight: Vector, bias: Vector, dtype: np.dtype) -> np.ndarray:
    """(2, C): rstd weight, and the bias, which makes up for what the mean loses when `dtype` holds it."""
    factor = rstd if weight is None else rstd * weight
    rounding = (mean - mean.astype(dtype)) * factor
    return np.stack([factor, (0 if bias is None else bias) - np.where(np.isfinite(rounding), rounding, 0)]).astype(
        dtype
    )


def along_line(x: np.ndarray, mean: np.ndarray, line: np.ndarray) -> np.ndarray:
    """(x - mean) factor + shift, each step rounded to x's type."""
    factor, shift = line
    return (x - along_channels(mean, x)) * along_channels(factor, x) + along_channels(shift, x)


def finished(y: np.ndarray, residual: Residual, relu: bool) -> np.ndarray:
    """What networks do next."""
    y = y if residual is None else y + residual
    return np.maximum(y, 0) if relu else y


def batch_norm_train_grad_reference(
    dy: np.ndarray,
    x: np.ndarray,
    weight: Vector,
    mean: np.ndarray,
    rstd: np.ndarray,
    line: np.ndarray | None = None,
    y: np.ndarray | None = None,
    to_residual: bool = False,
) -> Gradients:
    """dx = weight rstd (g - (db + n dw) / M), dw = sum of g n, db = sum of g, where n = (x - mean) rstd.

    The terms in db and dw are there because the batch's mean and variance move with x. g = dy without a ReLU, else dy
    where its output y > 0 or NaN, and 0 elsewhere. A ReLU of the normalised values alone is given by their `line`,
    that of a sum with a residual by its output y. dy, x and y (N, C, ...), line (2, C), the others (C,) -> dx as x; dw,
    db (C,), whether or not there is a weight; and g, the gradient of the residual, or None where it is not wanted or is
    dy.
    """
    axes, M = axes_of_channel(x), values_per_channel(x)
    y = y if line is None else along_line(x, mean, line)
    g = behind_relu(dy, y)
    centred = x - along_channels(mean.astype(np.float64), x)
    dw, db = (g * centred).sum(axes) * rstd, g.sum(axes, dtype=np.float64)
    through_statistics = along_channels(db, x) + centred * along_channels(rstd * dw, x)
    dx = (g - through_statistics / M) * along_channels(rstd if weight is None else rstd * weight, x)
    return dx.astype(x.dtype), dw.astype(x.dtype), db.astype(x.dtype), g if to_residual and y is not None else None


def batch_norm_inference_reference(
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: Vector,
    bias: Vector,
    eps: float,
    residual: Residual = None,
    relu: bool = False,
) -> np.ndarray:
    """y = relu((x - mean) / sqrt(var + eps) weight + bias + residual), with statistics that are given.

    x and residual (N, C, ...), the others (C,) -> y as x. residual=None adds nothing, relu=False keeps
    what is negative.
    """
    y = (x - along_channels(mean, x)) / np.sqrt(along_channels(var, x) + eps)
    if weight is not None:
        y = y * along_channels(weight, x)
    if bias is not None:
        y = y + along_channels(bias, x)
    return finished(y, residual, relu)


def batch_norm_inference_grad_reference(
    dy: np.ndarray,
    x: np.ndarray,
    weight: Vector,
    mean: np.ndarray,
    var: np.ndarray,
    eps: float,
    y: np.ndarray | None = None,
    to_residual: bool = False,
) -> Gradients:
    """dx = weight rstd g, dw = sum of g n, db = sum of g, where n = (x - mean) rstd and rstd = 1 / sqrt(var + eps).

    Shapes, g and results as in `batch_norm_train_grad`.
    """
    axes, rstd = axes_of_channel(x), 1 / np.sqrt(var.astype(np.float64) + eps)
    g = behind_relu(dy, y)
    dw, db = (g * (x - along_channels(mean, x))).sum(axes) * rstd, g.sum(axes, dtype=np.float64)
    dx = g * along_channels(rstd if weight is None else rstd * weight, x)
    return dx.astype(x.dtype), dw.astype(x.dtype), db.astype(x.dtype), g if to_residual and y is not None else None


def behind_relu(dy: np.ndarray, y: np.ndarray | None) -> np.ndarray:
    """The gradient before a ReLU of output y; dy itself where there was none (None)."""
    return dy if y is None else np.where(y <= 0, dy.dtype.type(0), dy)


def axes_of_channel(x: np.ndarray) -> tuple[int, ...]:
    """Every axis of (N, C, ...) but that of the channels."""
    return (0, *range(2, x.ndim))


def values_per_channel(x: np.ndarray) -> int:
    """M, and 1 for an empty batch, whose sums of nothing are then 0 / 1."""
    return max(1, len(x) * math.prod(x.shape[2:]))


def along_channels(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(C,) -> (C, 1, ...), which broadcasts against x (N, C, ...)."""
    return values.reshape(-1, *[1] * (x.ndim - 2))


def batch_norm_train_cpu(
    x: np.ndarray, weight: Vector, bias: Vector, eps: float, residual: Residual = None, relu: bool = False
) -> Five:
    C = x.shape[1]
    mean, var = np.empty(C), np.empty(C)
    y, line = normalised(x, True, mean, var, weight, bias, eps, residual, relu)
    rstd = 1 / np.sqrt(var + eps)
    return y, mean.astype(x.dtype), var.astype(x.dtype), rstd.astype(x.dtype), line


def batch_norm_inference_cpu(
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: Vector,
    bias: Vector,
    eps: float,
    residual: Residual = None,
    relu: bool = False,
) -> np.ndarray:
    return normalised(x, False, float64_vector(mean), float64_vector(var), weight, bias, eps, residual, relu)[0]


def batch_norm_train_grad_cpu(
    dy: np.ndarray,
    x: np.ndarray,
    weight: Vector,
    mean: np.ndarray,
    rstd: np.ndarray,
    line: np.ndarray | None = None,
    y: np.ndarray | None = None,
    to_residual: bool = False,
) -> Gradients:
    return gradients(dy, x, True, mean, float64_vector(rstd), weight, line, y, to_residual)


def batch_norm_inference_grad_cpu(
    dy: np.ndarray,
    x: np.ndarray,
    weight: Vector,
    mean: np.ndarray,
    var: np.ndarray,
    eps: float,
    y: np.ndarray | None = None,
    to_residual: bool = False,
) -> Gradients:
    return gradients(dy, x, False, mean, 1 / np.sqrt(float64_vector(var) + eps), weight, None, y, to_residual)


def normalised(
    x: np.ndarray,
    of_batch: bool,
    mean: np.ndarray,
    var: np.ndarray,
    weight: Vector,
    bias: Vector,
    eps: float,
    residual: Residual = None,
    relu: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """y and its line; mean and var (C,) are read, or, where they shall be those of the batch, computed and written."""
    rows = channel_rows(x)
    C = len(rows)
    y, line = empty(rows.shape, x.dtype), np.empty((2, C), x.dtype)
    weight = np.ones(C) if weight is None else float64_vector(weight)
    bias = np.zeros(C) if bias is None else float64_vector(bias)
    shortcut = rows if residual is None else channel_rows(residual)
    run = normalise_few_rows if C < FEW else normalise_rows
    run(rows, of_batch, mean, var, weight, bias, float(eps), shortcut, residual is not None, limit(x, relu), line, y)
    return from_rows(y, x.shape), line


def gradients(
    dy: np.ndarray,
    x: np.ndarray,
    of_batch: bool,
    mean: np.ndarray,
    rstd: np.ndarray,
    weight: Vector,
    line: np.ndarray | None,
    y: np.ndarray | None,
    to_residual: bool,
) -> Gradients:
    """dx, dw, db and the gradient of the residual, for statistics of the batch or for constant ones."""
    rows, dy = channel_rows(x), channel_rows(dy)
    C = len(rows)
    dx, dw, db = empty(rows.shape, x.dtype), np.empty(C), np.empty(C)
    relu = line is not None or y is not None
    gate, gate_line = rows if y is None else channel_rows(y), np.empty((3, C), x.dtype)
    gate_line[0], gate_line[1:] = (0, [[1], [0]]) if line is None else (mean, line)  # y lies on y's line: 1 y + 0
    with_g = relu and to_residual
    g = empty(rows.shape, x.dtype) if with_g else dx
    scale = rstd if weight is None else rstd * weight
    run = few_rows_grad if C < FEW else rows_grad
    low = limit(x, relu)
    run(dy, rows, of_batch, float64_vector(mean), rstd, scale, gate, gate_line, low, dx, dw, db, g, with_g)
    dresidual = from_rows(g, x.shape) if with_g else None
    return from_rows(dx, x.shape), dw.astype(x.dtype), db.astype(x.dtype), dresidual


def limit(x: np.ndarray, relu: bool) -> np.floating:
    """What the ReLU cuts off at: 0, or without one NaN, as nothing is <= NaN."""
    return x.dtype.type(0 if relu else np.nan)


def channel_rows(x: np.ndarray) -> np.ndarray:
    """(N, C, ...) -> (C, M), contiguous: batch-last storage holds the values of a channel side by side."""
    return stored_batch_last(x).reshape(x.shape[1], len(x) * math.prod(x.shape[2:]))


def from_rows(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(C, M) -> (N, C, ...)."""
    return as_batch_first(rows.reshape(*shape[1:], shape[0]))


def float64_vector(values: np.ndarray) -> np.ndarray:
    """One type for all vectors (C,), so that the compiled functions exist once per type of x."""
    return np.ascontiguousarray(values, np.float64)


@jit(parallel=True, fastmath={"contract"})
def normalise_rows(x, of_batch, mean, var, weight, bias, eps, residual, with_sum, low, line, y):
    """x, residual (C, M) -> y (C, M), line (2, C); mean, var (C,) are written if `of_batch`.

    A thread takes a row through all its passes, so that the row comes from far away once and from the cache after that.
    """
    M = max(1, x.shape[1])
    for c in prange(len(x)):
        if of_batch:
            about = total(x[c]) / M
            distances, squares = sums_about(x[c], about)
            mean[c], var[c] = mean_and_variance(x[c], about, distances / M, squares / M)
        set_line(mean[c], weight[c] / np.sqrt(var[c] + eps), bias[c], line[:, c])
        normalise(x[c], mean[c], line[0, c], line[1, c], residual[c], with_sum, low, y[c])


@jit(parallel=True, fastmath={"contract"})
def normalise_few_rows(x, of_batch, mean, var, weight, bias, eps, residual, with_sum, low, line, y):
    """`normalise_rows` for so few rows that the threads share each of them, in parts of one size."""
    M = max(1, x.shape[1])
    parts = (x.shape[1] + PART - 1) // PART
    distances, squares = np.empty(parts), np.empty(parts)
    for c in range(len(x)):
        if of_batch:
            for part in prange(parts):
                distances[part] = total(x[c, part * PART : (part + 1) * PART])
            about = distances.sum() / M
            for part in prange(parts):
                distances[part], squares[part] = sums_about(x[c, part * PART : (part + 1) * PART], about)
            mean[c], var[c] = mean_and_variance(x[c], about, distances.sum() / M, squares.sum() / M)
        set_line(mean[c], weight[c] / np.sqrt(var[c] + eps), bias[c], line[:, c])
        for part in prange(parts):
            p = slice(part * PART, (part + 1) * PART)
            normalise(x[c, p], mean[c], line[0, c], line[1, c], residual[c, p], with_sum, low, y[c, p])


# Sums: vectors of float32 hold twice as many numbers as vectors of float64. Four numbers are added as they are, which
# costs at most two roundings, and only their sum is carried over to float64.


@jit(fastmath={"contract", "reassoc", "nsz"})
def total(x):
    """Sum of x."""
    quarter = len(x) // 4
    p, q, r, s = x[:quarter], x[quarter : 2 * quarter], x[2 * quarter : 3 * quarter], x[3 * quarter : 4 * quarter]
    result = np.float64(0)
    for i in range(quarter):
        result += (p[i] + q[i]) + (r[i] + s[i])
    for i in range(4 * quarter, len(x)):
        result += x[i]
    return result


@jit(fastmath={"contract", "reassoc", "nsz"})
def sums_about(x, about):
    """Sum of the distances x - m, and of their squares, where m is `about` as x's type holds it."""
    m = as_type_of(x, about)
    quarter = len(x) // 4
    p, q, r, s = x[:quarter], x[quarter : 2 * quarter], x[2 * quarter : 3 * quarter], x[3 * quarter : 4 * quarter]
    distances, squares = np.float64(0), np.float64(0)
    for i in range(quarter):
        a, b, c, d = p[i] - m, q[i] - m, r[i] - m, s[i] - m
        distances += (a + b) + (c + d)
        squares += (a * a + b * b) + (c * c + d * d)
    for i in range(4 * quarter, len(x)):
        distances += x[i] - m
        squares += (x[i] - m) ** 2
    return distances, squares


@jit
def mean_and_variance(x, about, distance, square):
    """Mean and variance from the mean distance and the mean square distance from m, which is nearly the mean."""
    mean = as_type_of(x, about) + distance
    return about if np.isnan(distance) else mean, square - distance * distance  # Inf has no distance from itself


@jit
def as_type_of(x, value):
    """`value` as the type of the array x holds it."""
    return x.dtype.type(value)


@jit
def set_line(mean, scale, bias, line):
    """factor and shift of a channel: the shift makes up for what the mean loses when the line's type holds it."""
    rounding = (mean - as_type_of(line, mean)) * scale
    line[0], line[1] = scale, bias - rounding if np.isfinite(rounding) else bias


@jit(fastmath=False)  # said outright: else Numba compiles it with the fastmath of the first function that calls it
def on_line(value, centre, factor, shift):
    """(value - centre) factor + shift, each step rounded: the same bits wherever it is computed."""
    return (value - centre) * factor + shift


@jit
def normalise(x, mean, factor, shift, residual, with_sum, low, y):
    """y = (x - mean) factor + shift, plus the residual `with_sum`; `low` where it is at most that."""
    centre = as_type_of(x, mean)
    if with_sum:
        for m in range(len(x)):
            value = on_line(x[m], centre, factor, shift) + residual[m]
            y[m] = low if value <= low else value
    else:
        for m in range(len(x)):
            value = on_line(x[m], centre, factor, shift)
            y[m] = low if value <= low else value


@jit(parallel=True, fastmath={"contract"})
def rows_grad(dy, x, of_batch, mean, rstd, scale, gate, line, low, dx, dw, db, g, with_g):
    """dy, x, gate (C, M); mean, rstd, scale = rstd weight (C,) -> dx (C, M); dw, db (C,); `with_g` also g (C, M).

    The ReLU is open where (gate - line[0]) line[1] + line[2] > low, line (3, C), and where that is NaN.
    """
    M = max(1, x.shape[1])
    for c in prange(len(x)):
        db[c], product = gated_sums(dy[c], x[c], gate[c], line[:, c], low, mean[c])
        dw[c] = product * rstd[c]
        mean_g, slope = (db[c] / M, rstd[c] * dw[c] / M) if of_batch else (0.0, 0.0)
        input_gradient(
            dy[c], x[c], gate[c], line[:, c], low, mean[c], mean_g, slope, scale[c], of_batch, dx[c], g[c], with_g
        )


@jit(parallel=True, fastmath={"contract"})
def few_rows_grad(dy, x, of_batch, mean, rstd, scale, gate, line, low, dx, dw, db, g, with_g):
    """`rows_grad` for so few rows that the threads share each of them, in parts of one size."""
    M = max(1, x.shape[1])
    parts = (x.shape[1] + PART - 1) // PART
    sums, products = np.empty(parts), np.empty(parts)
    for c in range(len(x)):
        for part in prange(parts):
            p = slice(part * PART, (part + 1) * PART)
            sums[part], products[part] = gated_sums(dy[c, p], x[c, p], gate[c, p], line[:, c], low, mean[c])
        db[c], dw[c] = sums.sum(), products.sum() * rstd[c]
        mean_g, slope = (db[c] / M, rstd[c] * dw[c] / M) if of_batch else (0.0, 0.0)
        for part in prange(parts):
            p = slice(part * PART, (part + 1) * PART)
            input_gradient(
                dy[c, p], x[c, p], gate[c, p], line[:, c], low, mean[c], mean_g, slope, scale[c], of_batch,
                dx[c, p], g[c, p], with_g,
            )  # fmt: skip


@jit(fastmath={"contract", "reassoc", "nsz"})
def gated_sums(dy, x, gate, line, low, mean):
    """The sum of g, and of g (x - mean), with g = dy where the gate is open."""
    centre, closed = as_type_of(x, mean), as_type_of(x, 0)
    a, f, s = line[0], line[1], line[2]
    quarter = len(x) // 4
    first, second = slice(0, quarter), slice(quarter, 2 * quarter)
    third, fourth = slice(2 * quarter, 3 * quarter), slice(3 * quarter, 4 * quarter)
    d0, d1, d2, d3 = dy[first], dy[second], dy[third], dy[fourth]
    x0, x1, x2, x3 = x[first], x[second], x[third], x[fourth]
    y0, y1, y2, y3 = gate[first], gate[second], gate[third], gate[fourth]
    sum_g, product = np.float64(0), np.float64(0)
    for i in range(quarter):
        g0 = closed if on_line(y0[i], a, f, s) <= low else d0[i]
        g1 = closed if on_line(y1[i], a, f, s) <= low else d1[i]
        g2 = closed if on_line(y2[i], a, f, s) <= low else d2[i]
        g3 = closed if on_line(y3[i], a, f, s) <= low else d3[i]
        sum_g += (g0 + g1) + (g2 + g3)
        product += (g0 * (x0[i] - centre) + g1 * (x1[i] - centre)) + (g2 * (x2[i] - centre) + g3 * (x3[i] - centre))
    for m in range(4 * quarter, len(x)):
        g = closed if on_line(gate[m], a, f, s) <= low else dy[m]
        sum_g += g
        product += g * (x[m] - centre)
    return sum_g, product


@jit(fastmath={"contract"})
def input_gradient(dy, x, gate, line, low, mean, mean_g, slope, scale, of_batch, dx, g, with_g):
    """dx = (g - mean_g - (x - mean) slope) scale, and g scale for constant statistics; g is written `with_g`."""
    centre, average, tilt = as_type_of(x, mean), as_type_of(x, mean_g), as_type_of(x, slope)
    factor, closed = as_type_of(x, scale), as_type_of(x, 0)
    a, f, s = line[0], line[1], line[2]
    if with_g:
        for m in range(len(x)):
            g[m] = closed if on_line(gate[m], a, f, s) <= low else dy[m]
        dy, low = g, as_type_of(x, np.nan)
    if of_batch:
        for m in range(len(x)):
            open_dy = closed if on_line(gate[m], a, f, s) <= low else dy[m]
            dx[m] = (open_dy - average - (x[m] - centre) * tilt) * factor
    else:
        for m in range(len(x)):
            dx[m] = (closed if on_line(gate[m], a, f, s) <= low else dy[m]) * factor


batch_norm_train = Kernel("batch_norm_train", batch_norm_train_reference, batch_norm_train_cpu, batch_norm_train_cuda)
batch_norm_train_grad = Kernel(
    "batch_norm_train_grad", batch_norm_train_grad_reference, batch_norm_train_grad_cpu, batch_norm_train_grad_cuda
)
batch_norm_inference = Kernel(
    "batch_norm_inference", batch_norm_inference_reference, batch_norm_inference_cpu, batch_norm_inference_cuda
)
batch_norm_inference_grad = Kernel(
    "batch_norm_inference_grad",
    batch_norm_inference_grad_reference,
    batch_norm_inference_grad_cpu,
    batch_norm_inference_grad_cuda,
)
