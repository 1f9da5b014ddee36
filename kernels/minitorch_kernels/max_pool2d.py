"""Max pooling: the largest value of each window, and at which of its places it stood: a byte, for most windows.

Place kh KW + kw of a window of KH x KW cells is its cell (kh, kw). The gradient of a cell is the sum over the windows
that hold the cell and chose it. On a GPU a thread for each cell gathers them. On the CPU, where one thread has a whole
plane to itself, each window adds its gradient to the cell it chose, and is looked at once.
"""

from __future__ import annotations

import numpy as np

from .jit import jit, prange
from .kernel import Kernel
from .layout import as_batch_first, stored_batch_last
from .memory import empty
from .pool2d_cuda import max_pool2d_cuda, max_pool2d_grad_cuda
from .pool_windows import Pair, Places, padded_windows, place_type, pooled_shape, strided_places


def max_pool2d_reference(
    x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[np.ndarray, np.ndarray]:
    """y[n, c, i, j] = max of window (i, j) of x[n, c], and the place of that value in the window.

    x (N, C, H, W) -> y (N, C, OH, OW) and places of the same shape, uint8, or int32 for windows of more than 255 cells.
    Of equal values the first in row-major order is taken. A NaN beats every number. Padding is never chosen: a dilated
    window that meets no input cell gives -inf, and as place the largest number of the type.
    """
    H, W = x.shape[2:]
    pooled = pooled_shape("max_pool2d", (H, W), kernel, stride, padding, dilation, ceil_mode)
    geometry = (pooled, kernel, stride, padding, dilation)
    windows = padded_windows(x, -np.inf, *geometry)[1]  # (N, C, OH, OW, KH, KW)
    inside = padded_windows(np.ones((H, W), bool), False, *geometry)[1]  # (OH, OW, KH, KW)

    y = windows.max(axis=(-2, -1))
    best = y[..., None, None]
    candidates = np.where(np.isnan(best), np.isnan(windows), windows == best) & inside
    candidates = candidates.reshape(*y.shape, kernel[0] * kernel[1])  # (..., KH, KW) -> (..., KH * KW)
    dtype = place_type(kernel)
    return y, np.where(candidates.any(-1), candidates.argmax(-1), np.iinfo(dtype).max).astype(dtype)


def max_pool2d_grad_reference(
    dy: np.ndarray, places: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> np.ndarray:
    """dx[n, c, h, w] = sum of dy[n, c, i, j] over the windows whose maximum stood at (h, w).

    dy, places (N, C, OH, OW), size (H, W) -> dx (N, C, H, W).
    """
    padded, windows = padded_windows(
        np.zeros((*dy.shape[:2], *size), dy.dtype), 0, dy.shape[2:], kernel, stride, padding, dilation
    )
    for place, (kh, kw) in enumerate(np.ndindex(kernel)):
        windows[..., kh, kw] += np.where(places == place, dy, 0)
    return padded[..., padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]


def max_pool2d_cpu(
    x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[np.ndarray, np.ndarray]:
    pooled = pooled_shape("max_pool2d", x.shape[2:], kernel, stride, padding, dilation, ceil_mode)
    return largest(x, strided_places(x.shape[2:], pooled, kernel, stride, padding, dilation))


def max_pool2d_grad_cpu(
    dy: np.ndarray, places: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> np.ndarray:
    return largest_grad(dy, places, size, strided_places(size, dy.shape[2:], kernel, stride, padding, dilation))


def largest(x: np.ndarray, windows: Places) -> tuple[np.ndarray, np.ndarray]:
    """Maxima and their places."""
    N, C = x.shape[:2]
    stored_shape = (C, len(windows.rows), len(windows.cols), N)
    y, places = empty(stored_shape, x.dtype), empty(stored_shape, place_type(windows.kernel))
    none = np.iinfo(places.dtype).max
    window_maxima(
        stored_batch_last(x), windows.rows, windows.cols, windows.kernel[1], *windows.dilation, none, y, places
    )
    return as_batch_first(y), as_batch_first(places)


def largest_grad(dy: np.ndarray, places: np.ndarray, size: Pair, windows: Places) -> np.ndarray:
    """dx of size (H, W)."""
    (N, C, OH, OW), (H, W), (KH, KW) = dy.shape, size, windows.kernel
    dx = empty((C, H * W, N), dy.dtype)
    firsts = windows.rows[:, :1] * W + windows.cols[:, 0]  # (OH, OW): where the windows begin
    steps = np.arange(KH)[:, None] * windows.dilation[0] * W + np.arange(KW) * windows.dilation[1]  # (KH, KW)
    stored = (stored_batch_last(array).reshape(C, OH * OW, N) for array in (dy, places))
    scatter(*stored, firsts.ravel(), steps.ravel(), dx)
    return as_batch_first(dx.reshape(C, H, W, N))


@jit(parallel=True)
def window_maxima(x, rows, cols, KW, row_step, col_step, none, y, places):
    """x (C, H, W, N) -> y, places (C, OH, OW, N)."""
    C, OH, OW, N = y.shape
    for task in prange(C * OH):
        c, i = task // OH, task % OH
        top, first_row = inside(rows[i, 0], row_step)
        bottom = rows[i, 1]
        for j in range(OW):
            left, first_col = inside(cols[j, 0], col_step)
            right = cols[j, 1]
            first = first_row * KW + first_col
            start = places.dtype.type(first if top < bottom and left < right else none)
            for n in range(N):
                y[c, i, j, n] = -np.inf
                places[c, i, j, n] = start
            for h in range(top, bottom, row_step):
                for w in range(left, right, col_step):
                    place = places.dtype.type(first + (h - top) // row_step * KW + (w - left) // col_step)
                    for n in range(N):
                        value, best, found = x[c, h, w, n], y[c, i, j, n], places[c, i, j, n]
                        take = (not value <= best) & (best == best)  # larger, or the first NaN; & vectorises, `and` not
                        y[c, i, j, n] = value if take else best
                        places[c, i, j, n] = place if take else found


@jit
def inside(begin, step):
    """The first cell of the input in a window that begins at cell `begin`, and how many of its cells come before."""
    before = (step - 1 - begin) // step if begin < 0 else 0
    return begin + before * step, before


@jit(parallel=True)
def scatter(dy, places, firsts, steps, dx):
    """dy, places (C, windows, N), firsts (windows,), steps (places,) -> dx (C, cells, N)."""
    C, windows, N = dy.shape
    for c in prange(C):
        dx[c] = 0
        for i in range(windows):
            for n in range(N):
                place = places[c, i, n]
                if place < len(steps):
                    dx[c, firsts[i] + steps[place], n] += dy[c, i, n]


max_pool2d = Kernel("max_pool2d", max_pool2d_reference, max_pool2d_cpu, max_pool2d_cuda)
max_pool2d_grad = Kernel("max_pool2d_grad", max_pool2d_grad_reference, max_pool2d_grad_cpu, max_pool2d_grad_cuda)
