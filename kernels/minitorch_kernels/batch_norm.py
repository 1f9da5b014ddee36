"""Batch normalisation: each channel is brought to mean 0 and variance 1, then scaled and shifted.

x is (N, C), (N, C, L) or (N, C, H, W); the M values of a channel are those of all images and places. Sums run in
float64 and the mean is subtracted before squaring, so that a mean far from zero costs no digit of the variance.
Source: Ioffe and Szegedy, "Batch Normalization" (2015).
"""

from __future__ import annotations

import math

import numpy as np

from .jit import jit, prange
from .kernel import Kernel
from .layout import as_batch_first, stored_batch_last
from .memory import empty

Vector = np.ndarray | None  # (C,), or None for a weight of 1 and a bias of 0
Three = tuple[np.ndarray, np.ndarray, np.ndarray]
Four = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def batch_norm_train_reference(x: np.ndarray, weight: Vector, bias: Vector, eps: float) -> Four:
    """y = (x - mean) rstd weight + bias, with the mean and variance of this batch and rstd = 1 / sqrt(var + eps).

    x (N, C, ...), weight and bias (C,) -> y as x; mean, var and rstd (C,). var is biased: a sum divided by M. An empty
    batch gives mean 0 and var 0.
    """
    axes, M = axes_of_channel(x), values_per_channel(x)
    mean = x.sum(axes, dtype=np.float64) / M
    var = ((x - along_channels(mean, x)) ** 2).sum(axes) / M
    y = batch_norm_inference_reference(x, mean, var, weight, bias, eps)
    rstd = 1 / np.sqrt(var + eps)
    return y, mean.astype(x.dtype), var.astype(x.dtype), rstd.astype(x.dtype)


def batch_norm_train_grad_reference(
    dy: np.ndarray, x: np.ndarray, weight: Vector, mean: np.ndarray, rstd: np.ndarray
) -> Three:
    """dx = weight rstd (dy - (db + n dw) / M), dw = sum of dy n, db = sum of dy, where n = (x - mean) rstd.

    The terms in db and dw are there because the batch's mean and variance move with x. dy, x (N, C, ...), the others
    (C,) -> dx as x; dw, db (C,), whether or not there is a weight.
    """
    axes, M = axes_of_channel(x), values_per_channel(x)
    centred = x - along_channels(mean.astype(np.float64), x)
    dw, db = (dy * centred).sum(axes) * rstd, dy.sum(axes, dtype=np.float64)
    through_statistics = along_channels(db, x) + centred * along_channels(rstd * dw, x)
    dx = (dy - through_statistics / M) * along_channels(rstd if weight is None else rstd * weight, x)
    return dx.astype(x.dtype), dw.astype(x.dtype), db.astype(x.dtype)


def batch_norm_inference_reference(
    x: np.ndarray, mean: np.ndarray, var: np.ndarray, weight: Vector, bias: Vector, eps: float
) -> np.ndarray:
    """y = (x - mean) / sqrt(var + eps) weight + bias, with statistics that are given.

    x (N, C, ...), the others (C,) -> y as x.
    """
    y = (x - along_channels(mean, x)) / np.sqrt(along_channels(var, x) + eps)
    if weight is not None:
        y = y * along_channels(weight, x)
    if bias is not None:
        y = y + along_channels(bias, x)
    return y.astype(x.dtype)


def batch_norm_inference_grad_reference(
    dy: np.ndarray, x: np.ndarray, weight: Vector, mean: np.ndarray, var: np.ndarray, eps: float
) -> Three:
    """dx = weight rstd dy, dw = sum of dy n, db = sum of dy, where n = (x - mean) rstd and rstd = 1 / sqrt(var + eps).

    dy, x (N, C, ...), the others (C,) -> dx as x; dw, db (C,), whether or not there is a weight.
    """
    axes, rstd = axes_of_channel(x), 1 / np.sqrt(var.astype(np.float64) + eps)
    dw, db = (dy * (x - along_channels(mean, x))).sum(axes) * rstd, dy.sum(axes, dtype=np.float64)
    dx = dy * along_channels(rstd if weight is None else rstd * weight, x)
    return dx.astype(x.dtype), dw.astype(x.dtype), db.astype(x.dtype)


def axes_of_channel(x: np.ndarray) -> tuple[int, ...]:
    """Every axis of (N, C, ...) but that of the channels."""
    return (0, *range(2, x.ndim))


def values_per_channel(x: np.ndarray) -> int:
    """M, and 1 for an empty batch, whose sums of nothing are then 0 / 1."""
    return max(1, len(x) * math.prod(x.shape[2:]))


def along_channels(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(C,) -> (C, 1, ...), which broadcasts against x (N, C, ...)."""
    return values.reshape(-1, *[1] * (x.ndim - 2))


def batch_norm_train_cpu(x: np.ndarray, weight: Vector, bias: Vector, eps: float) -> Four:
    C = x.shape[1]
    mean, var = np.empty(C), np.empty(C)
    y = normalised(x, True, mean, var, weight, bias, eps)
    rstd = 1 / np.sqrt(var + eps)
    return y, mean.astype(x.dtype), var.astype(x.dtype), rstd.astype(x.dtype)


def batch_norm_inference_cpu(
    x: np.ndarray, mean: np.ndarray, var: np.ndarray, weight: Vector, bias: Vector, eps: float
) -> np.ndarray:
    return normalised(x, False, float64_vector(mean), float64_vector(var), weight, bias, eps)


def batch_norm_train_grad_cpu(
    dy: np.ndarray, x: np.ndarray, weight: Vector, mean: np.ndarray, rstd: np.ndarray
) -> Three:
    return gradients(dy, x, True, mean, float64_vector(rstd), weight)


def batch_norm_inference_grad_cpu(
    dy: np.ndarray, x: np.ndarray, weight: Vector, mean: np.ndarray, var: np.ndarray, eps: float
) -> Three:
    return gradients(dy, x, False, mean, 1 / np.sqrt(float64_vector(var) + eps), weight)


def normalised(
    x: np.ndarray, of_batch: bool, mean: np.ndarray, var: np.ndarray, weight: Vector, bias: Vector, eps: float
) -> np.ndarray:
    """y, with mean and var (C,) read, or, where they shall be those of the batch, computed and written first."""
    rows = channel_rows(x)
    y = empty(rows.shape, x.dtype)
    ones, zeros = np.ones(len(rows)), np.zeros(len(rows))
    weight = ones if weight is None else float64_vector(weight)
    bias = zeros if bias is None else float64_vector(bias)
    normalise_rows(rows, of_batch, mean, var, weight, bias, float(eps), y)
    return from_rows(y, x.shape)


def gradients(
    dy: np.ndarray, x: np.ndarray, of_batch: bool, mean: np.ndarray, rstd: np.ndarray, weight: Vector
) -> Three:
    """dx, dw, db for statistics of the batch, or for constant ones."""
    rows = channel_rows(x)
    dx, dw, db = empty(rows.shape, x.dtype), np.empty(len(rows)), np.empty(len(rows))
    scale = rstd if weight is None else rstd * weight
    normalise_rows_grad(channel_rows(dy), rows, of_batch, float64_vector(mean), rstd, scale, dx, dw, db)
    return from_rows(dx, x.shape), dw.astype(x.dtype), db.astype(x.dtype)


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
def normalise_rows(x, of_batch, mean, var, weight, bias, eps, y):
    """x (C, M) -> y (C, M); mean, var (C,) are written if `of_batch`. A row stays in the cache for all its passes."""
    for c in prange(len(x)):
        if of_batch:
            mean[c], var[c] = mean_and_variance(x[c])
        centre, scale, shift = mean[c], weight[c] / np.sqrt(var[c] + eps), bias[c]
        for m in range(x.shape[1]):
            y[c, m] = (x[c, m] - centre) * scale + shift


@jit(fastmath={"contract", "reassoc", "nsz"})
def mean_and_variance(row):
    """The mean, then the mean square distance from it."""
    M = max(1, len(row))
    total = np.float64(0)
    for m in range(len(row)):
        total += row[m]
    mean = total / M
    squares = np.float64(0)
    for m in range(len(row)):
        squares += (row[m] - mean) ** 2
    return mean, squares / M


@jit(parallel=True, fastmath={"contract"})
def normalise_rows_grad(dy, x, of_batch, mean, rstd, scale, dx, dw, db):
    """dy, x (C, M); mean, rstd, scale = rstd weight (C,) -> dx (C, M); dw, db (C,)."""
    M = x.shape[1]
    for c in prange(len(x)):
        db[c], dw[c] = sums_of_gradient(dy[c], x[c], mean[c])
        dw[c] *= rstd[c]
        centre, factor = mean[c], scale[c]
        if of_batch:
            mean_dy, slope = db[c] / max(1, M), rstd[c] * dw[c] / max(1, M)
            for m in range(M):
                dx[c, m] = (dy[c, m] - mean_dy - (x[c, m] - centre) * slope) * factor
        else:
            for m in range(M):
                dx[c, m] = dy[c, m] * factor


@jit(fastmath={"contract", "reassoc", "nsz"})
def sums_of_gradient(dy, x, mean):
    """Sum of dy, and of dy (x - mean)."""
    total, product = np.float64(0), np.float64(0)
    for m in range(len(dy)):
        total += dy[m]
        product += dy[m] * (x[m] - mean)
    return total, product


batch_norm_train = Kernel("batch_norm_train", batch_norm_train_reference, batch_norm_train_cpu)
batch_norm_train_grad = Kernel("batch_norm_train_grad", batch_norm_train_grad_reference, batch_norm_train_grad_cpu)
batch_norm_inference = Kernel("batch_norm_inference", batch_norm_inference_reference, batch_norm_inference_cpu)
batch_norm_inference_grad = Kernel(
    "batch_norm_inference_grad", batch_norm_inference_grad_reference, batch_norm_inference_grad_cpu
)
