"""Group normalisation: the channels of each image, group by group, are brought to mean 0 and variance 1.

x is (N, C, ...); a group has K values: C / groups channels at all places of one image. Layer normalisation is the case
of one group without places, whose channels are the features; instance normalisation has a group for each channel.
Sums run in float64 and the mean is subtracted before squaring, as in batch normalisation.
Source: Wu and He, "Group Normalization" (2018); Ba, Kiros and Hinton, "Layer Normalization" (2016).
"""

from __future__ import annotations

import math

import numpy as np

from .group_norm_cuda import group_norm_cuda, group_norm_grad_cuda
from .jit import jit, prange
from .kernel import Kernel
from .layout import as_batch_first, stored_batch_last
from .memory import empty

Vector = np.ndarray | None  # (C,), or None for a weight of 1 and a bias of 0
Three = tuple[np.ndarray, np.ndarray, np.ndarray]
Four = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

LANES = 64  # images that a thread takes at a time, side by side in memory


def group_norm_reference(x: np.ndarray, groups: int, weight: Vector, bias: Vector, eps: float) -> Four:
    """y = (x - mean) rstd weight + bias, with the mean and variance of each group and rstd = 1 / sqrt(var + eps).

    x (N, C, ...), weight and bias (C,) -> y as x; mean, var and rstd (N, groups). var is biased: a sum divided by K.
    """
    values = in_groups(x, groups)
    K = max(1, values.shape[2])
    mean = values.sum(2, dtype=np.float64) / K
    centred = values - mean[:, :, None]
    var = (centred**2).sum(2) / K
    rstd = 1 / np.sqrt(var + eps)
    y = (centred * rstd[:, :, None]).reshape(x.shape)
    if weight is not None:
        y = y * along_channels(weight, x)
    if bias is not None:
        y = y + along_channels(bias, x)
    return y.astype(x.dtype), mean.astype(x.dtype), var.astype(x.dtype), rstd.astype(x.dtype)


def group_norm_grad_reference(
    dy: np.ndarray, x: np.ndarray, groups: int, weight: Vector, mean: np.ndarray, rstd: np.ndarray
) -> Three:
    """dx = rstd (dy weight - (a + n b) / K), a and b the sums of dy weight and dy weight n over the group of x.

    n = (x - mean) rstd; a and b are there because mean and variance move with x. dw = sum of dy n, db = sum of dy.
    dy, x (N, C, ...), weight (C,), mean and rstd (N, groups) -> dx as x; dw, db (C,), whether or not there is a weight.
    """
    N, C = x.shape[:2]
    K = max(1, in_groups(x, groups).shape[2])
    weight = np.ones(C) if weight is None else weight
    mean, rstd = (np.repeat(v.astype(np.float64), C // groups, axis=1) for v in (mean, rstd))  # (N, G) -> (N, C)
    places = (N, C, *[1] * (x.ndim - 2))
    centred = x - mean.reshape(places)
    dn = dy * along_channels(weight, x).astype(np.float64)
    total = dy.sum(tuple(range(2, x.ndim)), dtype=np.float64)  # (N, C, ...) -> (N, C)
    product = (dy * centred).sum(tuple(range(2, x.ndim))) * rstd
    a, b = (over_groups(weight * v, groups) / K for v in (total, product))
    dx = (dn - a.reshape(places) - centred * (rstd * b).reshape(places)) * rstd.reshape(places)
    return dx.astype(x.dtype), product.sum(0).astype(x.dtype), total.sum(0).astype(x.dtype)


def in_groups(x: np.ndarray, groups: int) -> np.ndarray:
    """(N, C, ...) -> (N, groups, K)."""
    return x.reshape(len(x), groups, math.prod(x.shape[1:]) // groups)


def over_groups(sums: np.ndarray, groups: int) -> np.ndarray:
    """(N, C) -> (N, C): each channel gets the sum over the channels of its group."""
    size = sums.shape[1] // groups
    return np.repeat(sums.reshape(len(sums), groups, size).sum(2), size, axis=1)


def along_channels(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(C,) -> (C, 1, ...), which broadcasts against x (N, C, ...)."""
    return values.reshape(-1, *[1] * (x.ndim - 2))


def group_norm_cpu(x: np.ndarray, groups: int, weight: Vector, bias: Vector, eps: float) -> Four:
    N, C = x.shape[:2]
    images = side_by_side(x)
    y = empty(images.shape, x.dtype)
    mean, var = np.empty((groups, N)), np.empty((groups, N))
    weight = np.ones(C) if weight is None else np.ascontiguousarray(weight, np.float64)
    bias = np.zeros(C) if bias is None else np.ascontiguousarray(bias, np.float64)
    normalise_groups(images, weight, bias, float(eps), mean, var, y)
    rstd = 1 / np.sqrt(var + eps)
    return as_x(y, x), mean.T.astype(x.dtype), var.T.astype(x.dtype), rstd.T.astype(x.dtype)  # (G, N) -> (N, G)


def group_norm_grad_cpu(
    dy: np.ndarray, x: np.ndarray, groups: int, weight: Vector, mean: np.ndarray, rstd: np.ndarray
) -> Three:
    N, C = x.shape[:2]
    images = side_by_side(x)
    dx = empty(images.shape, x.dtype)
    dw, db = np.empty((2, blocks_of(N), C))
    weight = np.ones(C) if weight is None else np.ascontiguousarray(weight, np.float64)
    mean, rstd = (np.ascontiguousarray(v.T, np.float64) for v in (mean, rstd))  # (N, G) -> (G, N)
    normalise_groups_grad(side_by_side(dy), images, weight, mean, rstd, dx, dw, db)
    return as_x(dx, x), dw.sum(0).astype(x.dtype), db.sum(0).astype(x.dtype)


def side_by_side(x: np.ndarray) -> np.ndarray:
    """(N, C, ...) -> (C, L, N), contiguous, L all places."""
    return stored_batch_last(x).reshape(x.shape[1], math.prod(x.shape[2:]), len(x))


def as_x(images: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(C, L, N) -> (N, C, ...), the shape of x."""
    return as_batch_first(images.reshape(*x.shape[1:], len(x)))


def blocks_of(N: int) -> int:
    """How many blocks of LANES images there are."""
    return (N + LANES - 1) // LANES


@jit(parallel=True, fastmath={"contract"})
def normalise_groups(x, weight, bias, eps, mean, var, y):
    """x (C, L, N), weight, bias (C,) -> mean, var (G, N), y (C, L, N). One task: LANES images of one group."""
    (C, L, N), G = x.shape, len(mean)
    size, blocks = C // G, (N + LANES - 1) // LANES
    for task in prange(G * blocks):
        g, block = task // blocks, task % blocks
        lanes = slice(block * LANES, min(N, (block + 1) * LANES))
        centre, square = mean[g, lanes], var[g, lanes]
        K = max(1, size * L)
        centre[:] = 0
        for c in range(g * size, (g + 1) * size):
            for i in range(L):
                row = x[c, i, lanes]
                for n in range(len(row)):
                    centre[n] += row[n]
        for n in range(len(centre)):
            centre[n] /= K
        square[:] = 0
        for c in range(g * size, (g + 1) * size):
            for i in range(L):
                row = x[c, i, lanes]
                for n in range(len(row)):
                    square[n] += (row[n] - centre[n]) ** 2
        rstd = np.empty(len(square))
        for n in range(len(square)):
            square[n] /= K
            rstd[n] = 1 / np.sqrt(square[n] + eps)
        for c in range(g * size, (g + 1) * size):
            for i in range(L):
                row, result = x[c, i, lanes], y[c, i, lanes]
                for n in range(len(row)):
                    result[n] = (row[n] - centre[n]) * rstd[n] * weight[c] + bias[c]


@jit(parallel=True, fastmath={"contract"})
def normalise_groups_grad(dy, x, weight, mean, rstd, dx, dw, db):
    """dy, x (C, L, N), weight (C,), mean, rstd (G, N) -> dx (C, L, N); dw, db (blocks, C), one row for LANES images."""
    (C, L, N), G = x.shape, len(mean)
    size, blocks = C // G, (N + LANES - 1) // LANES
    for task in prange(G * blocks):
        g, block = task // blocks, task % blocks
        lanes = slice(block * LANES, min(N, (block + 1) * LANES))
        centre, factor = mean[g, lanes], rstd[g, lanes]
        width, K = len(centre), max(1, size * L)
        a, b = np.zeros(width), np.zeros(width)
        total, product = np.empty(width), np.empty(width)
        for c in range(g * size, (g + 1) * size):
            total[:], product[:] = 0, 0
            for i in range(L):
                gradient, row = dy[c, i, lanes], x[c, i, lanes]
                for n in range(width):
                    total[n] += gradient[n]
                    product[n] += gradient[n] * (row[n] - centre[n])
            for n in range(width):
                product[n] *= factor[n]
                a[n] += weight[c] * total[n] / K
                b[n] += weight[c] * product[n] / K
            db[block, c], dw[block, c] = sum_of(total), sum_of(product)
        for n in range(width):
            b[n] *= factor[n]
        for c in range(g * size, (g + 1) * size):
            for i in range(L):
                gradient, row, result = dy[c, i, lanes], x[c, i, lanes], dx[c, i, lanes]
                for n in range(width):
                    result[n] = (gradient[n] * weight[c] - a[n] - (row[n] - centre[n]) * b[n]) * factor[n]


@jit(fastmath={"contract", "reassoc", "nsz"})
def sum_of(values):
    """Their sum, several at a time."""
    total = np.float64(0)
    for n in range(len(values)):
        total += values[n]
    return total


group_norm = Kernel("group_norm", group_norm_reference, group_norm_cpu, group_norm_cuda)
group_norm_grad = Kernel("group_norm_grad", group_norm_grad_reference, group_norm_grad_cpu, group_norm_grad_cuda)
