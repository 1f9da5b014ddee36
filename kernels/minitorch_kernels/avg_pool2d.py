"""Average pooling: the mean of each window."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .jit import jit, prange
from .kernel import Kernel
from .layout import as_batch_first, stored_batch_last
from .memory import empty
from .pool_windows import Pair, padded_windows, pooled_shape, spans_seen_from_cells, window_spans


def avg_pool2d_reference(
    x: np.ndarray,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> np.ndarray:
    """y[n, c, i, j] = sum of window (i, j) of x[n, c], zeros in the padding, divided by the number of its cells.

    x (N, C, H, W) -> y (N, C, OH, OW). With `count_include_pad` the cells of the padding count, but not those that a
    window of `ceil_mode` has beyond it. `divisor_override` replaces the number of cells.
    """
    pooled = avg_pooled_shape(x.shape[2:], kernel, stride, padding, ceil_mode, divisor_override)
    _, windows = padded_windows(x, 0, pooled, kernel, stride, padding)  # (N, C, OH, OW, KH, KW)
    divisor = cells_counted(x.shape[2:], pooled, kernel, stride, padding, count_include_pad, divisor_override)
    return (windows.sum(axis=(-2, -1), dtype=np.float64) / divisor).astype(x.dtype)


def avg_pool2d_grad_reference(
    dy: np.ndarray,
    size: Pair,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> np.ndarray:
    """Each cell of window (i, j) receives dy[n, c, i, j] divided by the divisor of that window.

    dy (N, C, OH, OW), size (H, W) -> dx (N, C, H, W).
    """
    pooled = avg_pooled_shape(size, kernel, stride, padding, ceil_mode, divisor_override)
    share = dy / cells_counted(size, pooled, kernel, stride, padding, count_include_pad, divisor_override)
    dx, windows = padded_windows(np.zeros((*dy.shape[:2], *size)), 0, pooled, kernel, stride, padding)
    for tap in np.ndindex(kernel):  # the windows overlap, but one tap of all windows touches every cell at most once
        windows[(..., *tap)] += share
    top, left = padding
    return dx[..., top : top + size[0], left : left + size[1]].astype(dy.dtype)


def avg_pooled_shape(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, ceil_mode: bool, divisor_override: int | None
) -> Pair:
    """(H, W) -> (OH, OW). Raises ValueError as `pooled_shape` does, and for a divisor of zero."""
    if divisor_override == 0:
        raise ValueError("avg_pool2d: divisor_override is 0; give another integer, or None for the size of the window")
    return pooled_shape("avg_pool2d", size, kernel, stride, padding, (1, 1), ceil_mode)


def cells_counted(
    size: Pair,
    pooled: Pair,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    count_include_pad: bool,
    divisor_override: int | None,
) -> np.ndarray:
    """(OH, OW), float64: what the sum of each window is divided by."""
    if divisor_override is not None:
        return np.full(pooled, float(divisor_override))
    if count_include_pad:
        size, padding = (size[0] + 2 * padding[0], size[1] + 2 * padding[1]), (0, 0)
    _, windows = padded_windows(np.ones(size), 0, pooled, kernel, stride, padding)
    return windows.sum(axis=(-2, -1))


def avg_pool2d_cpu(x: np.ndarray, *options: Any) -> np.ndarray:
    return average_windows(x, *avg_windows(x.shape[2:], *options))


def avg_pool2d_grad_cpu(dy: np.ndarray, size: Pair, *options: Any) -> np.ndarray:
    return average_windows_grad(dy, size, *avg_windows(size, *options))


@lru_cache(maxsize=256)
def avg_windows(
    size: Pair,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spans of the windows, rows (OH, 2) and cols (OW, 2), and their divisors (OH, OW); kept from step to step."""
    pooled = avg_pooled_shape(size, kernel, stride, padding, ceil_mode, divisor_override)
    divisor = cells_counted(size, pooled, kernel, stride, padding, count_include_pad, divisor_override)
    rows = window_spans(size[0], pooled[0], kernel[0], stride[0], padding[0])
    cols = window_spans(size[1], pooled[1], kernel[1], stride[1], padding[1])
    return rows, cols, divisor


def average_windows(x: np.ndarray, rows: np.ndarray, cols: np.ndarray, divisor: np.ndarray) -> np.ndarray:
    """Sum over each window, given by its spans rows (OH, 2) and cols (OW, 2), over divisor (OH, OW)."""
    N, C, H, W = x.shape
    y = empty((C, *divisor.shape, N), x.dtype)
    window_sums(stored_batch_last(x), rows, cols, np.ones((H, W)), 1 / divisor, y)
    return as_batch_first(y)


def average_windows_grad(
    dy: np.ndarray, size: Pair, rows: np.ndarray, cols: np.ndarray, divisor: np.ndarray
) -> np.ndarray:
    """The adjoint of `average_windows`: each cell of dx sums the windows that hold it, themselves a window of dy."""
    N, C = dy.shape[:2]
    dx = empty((C, *size, N), dy.dtype)
    rows, cols = spans_seen_from_cells(rows, size[0]), spans_seen_from_cells(cols, size[1])
    window_sums(stored_batch_last(dy), rows, cols, 1 / divisor, np.ones(size), dx)
    return as_batch_first(dx)


@jit(parallel=True, fastmath={"contract"})
def window_sums(x, rows, cols, x_scale, y_scale, y):
    """y[c, i, j] = y_scale[i, j] * sum of x_scale[h, w] * x[c, h, w] over h in rows[i], w in cols[j].

    x (C, H, W, N), x_scale (H, W), y (C, OH, OW, N), y_scale (OH, OW).
    """
    C, OH, OW, N = y.shape
    for task in prange(C * OH):
        c, i = task // OH, task % OH
        total = np.empty(N, np.float64)
        for j in range(OW):
            total[:] = 0
            for h in range(rows[i, 0], rows[i, 1]):
                for w in range(cols[j, 0], cols[j, 1]):
                    scale = x_scale[h, w]
                    for n in range(N):
                        total[n] += scale * x[c, h, w, n]
            scale = y_scale[i, j]
            for n in range(N):
                y[c, i, j, n] = scale * total[n]


avg_pool2d = Kernel("avg_pool2d", avg_pool2d_reference, avg_pool2d_cpu)
avg_pool2d_grad = Kernel("avg_pool2d_grad", avg_pool2d_grad_reference, avg_pool2d_grad_cpu)
