"""Max pooling: the largest value of each window, and where it stood."""

from __future__ import annotations

import numpy as np

from .jit import jit, prange
from .kernel import Kernel
from .layout import as_batch_first, stored_batch_last
from .memory import empty
from .pool2d_cuda import max_pool2d_cuda, max_pool2d_grad_cuda
from .pool_windows import Pair, padded_windows, pooled_shape, window_spans


def max_pool2d_reference(
    x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[np.ndarray, np.ndarray]:
    """y[n, c, i, j] = max of window (i, j) of x[n, c], and the position of that value in the plane.

    x (N, C, H, W) -> y (N, C, OH, OW) and indices int32 of the same shape, into the flattened H * W plane. Of equal
    values the first in row-major order is taken. A NaN beats every number. Padding is never chosen: a dilated window
    that meets no input cell gives -inf and index -1.
    """
    H, W = x.shape[2:]
    pooled = pooled_shape("max_pool2d", (H, W), kernel, stride, padding, dilation, ceil_mode)
    plane = np.arange(H * W, dtype=np.int32).reshape(H, W)
    geometry = (pooled, kernel, stride, padding, dilation)
    windows = padded_windows(x, -np.inf, *geometry)[1]  # (N, C, OH, OW, KH, KW)
    positions = padded_windows(plane, -1, *geometry)[1]  # (OH, OW, KH, KW), -1 marks padding

    y = windows.max(axis=(-2, -1))
    best = y[..., None, None]
    candidates = np.where(np.isnan(best), np.isnan(windows), windows == best) & (positions >= 0)
    taps = (*y.shape, kernel[0] * kernel[1])
    first = candidates.reshape(taps).argmax(axis=-1)  # (N, C, OH, OW)
    positions = np.broadcast_to(positions.reshape(taps[2:]), taps)  # (OH, OW, KH * KW) -> (N, C, OH, OW, KH * KW)
    indices = np.take_along_axis(positions, first[..., None], axis=-1)[..., 0]
    return y, indices


def max_pool2d_grad_reference(dy: np.ndarray, indices: np.ndarray, size: Pair) -> np.ndarray:
    """dx[n, c, k] = sum of dy[n, c, i, j] over the windows whose maximum stood at k.

    dy, indices (N, C, OH, OW), size (H, W) -> dx (N, C, H, W). Where an index is -1, dy goes nowhere. Also the gradient
    of adaptive max pooling.
    """
    N, C = dy.shape[:2]
    H, W = size
    dx = np.zeros((N, C, H * W + 1), dy.dtype)  # index -1 lands in the spare last cell
    n, c = np.ogrid[:N, :C]
    np.add.at(dx, (n[..., None, None], c[..., None, None], indices), dy)
    return dx[..., :-1].reshape(N, C, H, W)


def max_pool2d_cpu(
    x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[np.ndarray, np.ndarray]:
    OH, OW = pooled_shape("max_pool2d", x.shape[2:], kernel, stride, padding, dilation, ceil_mode)
    rows = window_spans(x.shape[2], OH, kernel[0], stride[0], padding[0], dilation[0])
    cols = window_spans(x.shape[3], OW, kernel[1], stride[1], padding[1], dilation[1])
    return max_over_windows(x, rows, cols, dilation)


def max_over_windows(
    x: np.ndarray, rows: np.ndarray, cols: np.ndarray, dilation: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """Maxima and their positions for windows given by their spans: rows (OH, 2), cols (OW, 2)."""
    N, C = x.shape[:2]
    stored_shape = (C, len(rows), len(cols), N)
    y, indices = empty(stored_shape, x.dtype), empty(stored_shape, np.int32)
    window_maxima(stored_batch_last(x), rows, cols, *dilation, y, indices)
    return as_batch_first(y), as_batch_first(indices)


@jit(parallel=True)
def window_maxima(x, rows, cols, row_step, col_step, y, indices):
    """x (C, H, W, N) -> y, indices (C, OH, OW, N)."""
    C, OH, OW, N = y.shape
    W = x.shape[2]
    for task in prange(C * OH):
        c, i = task // OH, task % OH
        top, bottom = rows[i, 0], rows[i, 1]
        for j in range(OW):
            left, right = cols[j, 0], cols[j, 1]
            start = np.int32(top * W + left if top < bottom and left < right else -1)
            for n in range(N):
                y[c, i, j, n] = -np.inf
                indices[c, i, j, n] = start
            for h in range(top, bottom, row_step):
                for w in range(left, right, col_step):
                    position = np.int32(h * W + w)
                    for n in range(N):
                        value, best, index = x[c, h, w, n], y[c, i, j, n], indices[c, i, j, n]
                        take = (not value <= best) & (best == best)  # larger, or the first NaN; & vectorises, `and` not
                        y[c, i, j, n] = value if take else best
                        indices[c, i, j, n] = position if take else index


def max_pool2d_grad_cpu(dy: np.ndarray, indices: np.ndarray, size: Pair) -> np.ndarray:
    N, C, OH, OW = dy.shape
    dx = empty((C, *size, N), dy.dtype)
    scatter(
        stored_batch_last(dy).reshape(C, OH * OW, N),
        stored_batch_last(indices.astype(np.int32, copy=False)).reshape(C, OH * OW, N),
        dx.reshape(C, size[0] * size[1], N),
    )
    return as_batch_first(dx)


@jit(parallel=True)
def scatter(dy, indices, dx):
    """dy, indices (C, OH * OW, N) -> dx (C, H * W, N). The sums of a plane run in one order, whatever the threads."""
    C, windows, N = dy.shape
    for c in prange(C):
        dx[c] = 0
        for i in range(windows):
            for n in range(N):
                if indices[c, i, n] >= 0:
                    dx[c, indices[c, i, n], n] += dy[c, i, n]


max_pool2d = Kernel("max_pool2d", max_pool2d_reference, max_pool2d_cpu, max_pool2d_cuda)
max_pool2d_grad = Kernel("max_pool2d_grad", max_pool2d_grad_reference, max_pool2d_grad_cpu, max_pool2d_grad_cuda)
