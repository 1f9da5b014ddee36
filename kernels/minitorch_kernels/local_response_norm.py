"""Local response normalisation: sums of squares over a window that slides along the channels.

Each window is added up anew. Adding the channel that enters and subtracting the one that leaves would need fewer
additions, but would carry one NaN or Inf to all channels behind it.
Source: Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 3.3.
"""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array
from .cuda.columns import columns
from .cuda.launch import launch
from .cuda.layout import empty_channels_last, stored_channels_last
from .jit import jit, prange
from .kernel import Kernel
from .layout import as_batch_first, stored_batch_last
from .memory import empty

Pair = tuple[np.ndarray, np.ndarray]

CHUNK = 1 << 10  # places of all channels that a thread takes at a time: a few channels of them stay in its cache


def local_response_norm_reference(x: np.ndarray, size: int, alpha: float, beta: float, k: float) -> Pair:
    """y = x / s^beta with s = k + alpha / size (sum of x² over the channels c - size // 2 ... c + (size - 1) // 2).

    x (N, C, ...) -> y and s as x. Channels that do not exist count as 0.
    """
    s = k + alpha / size * window_sums(x * x, size // 2, (size - 1) // 2)
    return x * s**-beta, s


def local_response_norm_grad_reference(
    dy: np.ndarray, x: np.ndarray, s: np.ndarray, size: int, alpha: float, beta: float
) -> np.ndarray:
    """dx = dy s^-beta - 2 alpha beta / size x (sum of dy x s^(-beta - 1) over the mirrored window).

    dy, x, s (N, C, ...) -> dx as x. The window is that of the channels which have c in theirs.
    """
    power = s**-beta
    through_s = window_sums(dy * x * power / s, (size - 1) // 2, size // 2)
    return dy * power - 2 * alpha * beta / size * x * through_s


def window_sums(x: np.ndarray, before: int, after: int) -> np.ndarray:
    """The sum over the channels c - before ... c + after for each c; those that do not exist count as 0."""
    C = x.shape[1]
    padded = np.pad(x, [(0, 0), (before, after), *[(0, 0)] * (x.ndim - 2)])
    return sum(padded[:, first : first + C] for first in range(before + after + 1))  # type: ignore[return-value]


def local_response_norm_cpu(x: np.ndarray, size: int, alpha: float, beta: float, k: float) -> Pair:
    rows, number = channel_rows(x), x.dtype.type
    y, s = empty(rows.shape, x.dtype), empty(rows.shape, x.dtype)
    normalise(rows, size // 2, (size - 1) // 2, number(alpha / size), number(beta), number(k), y, s)
    return from_rows(y, x.shape), from_rows(s, x.shape)


def local_response_norm_grad_cpu(
    dy: np.ndarray, x: np.ndarray, s: np.ndarray, size: int, alpha: float, beta: float
) -> np.ndarray:
    rows, number = channel_rows(x), x.dtype.type
    dx = empty(rows.shape, x.dtype)
    factor = number(2 * alpha * beta / size)
    normalise_grad(channel_rows(dy), rows, channel_rows(s), (size - 1) // 2, size // 2, factor, number(beta), dx)
    return from_rows(dx, x.shape)


def channel_rows(x: np.ndarray) -> np.ndarray:
    """(N, C, ...) -> (C, M), contiguous."""
    return stored_batch_last(x).reshape(x.shape[1], len(x) * math.prod(x.shape[2:]))


def from_rows(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(C, M) -> (N, C, ...)."""
    return as_batch_first(rows.reshape(*shape[1:], shape[0]))


@jit(parallel=True, fastmath={"contract"})
def normalise(x, before, after, slope, beta, k, y, s):
    """x (C, M) -> y, s (C, M)."""
    C, M = x.shape
    for chunk in prange((M + CHUNK - 1) // CHUNK):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        for c in range(C):
            source, total, result = x[c, part], s[c, part], y[c, part]
            total[:] = 0
            for j in range(max(0, c - before), min(C, c + after + 1)):
                neighbour = x[j, part]
                for m in range(len(total)):
                    total[m] += neighbour[m] * neighbour[m]
            for m in range(len(total)):
                total[m] = k + slope * total[m]
            negative_power(total, beta, result)
            for m in range(len(total)):
                result[m] *= source[m]


@jit(parallel=True, fastmath={"contract"})
def normalise_grad(dy, x, s, before, after, factor, beta, dx):
    """dy, x, s (C, M) -> dx (C, M). The shares of all channels in the windows are computed once, for a chunk."""
    C, M = x.shape
    for chunk in prange((M + CHUNK - 1) // CHUNK):
        part = slice(chunk * CHUNK, min(M, (chunk + 1) * CHUNK))
        share = np.empty((C, part.stop - part.start), x.dtype)
        through_s = np.empty(share.shape[1], x.dtype)
        for c in range(C):
            g, source, scale, direct = dy[c, part], x[c, part], s[c, part], dx[c, part]
            negative_power(scale, beta, direct)
            for m in range(len(direct)):
                direct[m] *= g[m]
                share[c, m] = direct[m] * source[m] / scale[m]
        for c in range(C):
            source, result = x[c, part], dx[c, part]
            through_s[:] = 0
            for j in range(max(0, c - before), min(C, c + after + 1)):
                for m in range(len(through_s)):
                    through_s[m] += share[j, m]
            for m in range(len(result)):
                result[m] -= factor * source[m] * through_s[m]


@jit(fastmath={"contract"})
def negative_power(s, beta, out):
    """out = s^-beta. For the paper's 3/4, two square roots: vector instructions, where a power is a call for each."""
    if beta == 0.75:
        for m in range(len(s)):
            root = np.sqrt(s[m])
            out[m] = 0 if s[m] == -np.inf else 1 / (root * np.sqrt(root))  # as the power has it
    else:
        for m in range(len(s)):
            out[m] = s[m] ** -beta


def local_response_norm_cuda(x: Array, size: int, alpha: float, beta: float, k: float) -> tuple[Array, Array]:
    y, s = empty_channels_last(x, x.shape), empty_channels_last(x, x.shape)
    C = x.shape[1]
    M = x.size // max(1, C)
    arrays = stored_channels_last(x), stored_channels_last(y), stored_channels_last(s)
    numbers = size // 2, (size - 1) // 2, alpha / size, beta, k
    launch("local_response_norm.cu", "normalise", *columns(M, C), *arrays, *numbers, M, C)
    return y, s


def local_response_norm_grad_cuda(dy: Array, x: Array, s: Array, size: int, alpha: float, beta: float) -> Array:
    dx = empty_channels_last(x, x.shape)
    C = x.shape[1]
    M = x.size // max(1, C)
    arrays = [stored_channels_last(array) for array in (dy, x, s, dx)]
    numbers = (size - 1) // 2, size // 2, 2 * alpha * beta / size, beta
    launch("local_response_norm.cu", "normalise_grad", *columns(M, C), *arrays, *numbers, M, C)
    return dx


local_response_norm = Kernel(
    "local_response_norm", local_response_norm_reference, local_response_norm_cpu, local_response_norm_cuda
)
local_response_norm_grad = Kernel(
    "local_response_norm_grad",
    local_response_norm_grad_reference,
    local_response_norm_grad_cpu,
    local_response_norm_grad_cuda,
)
