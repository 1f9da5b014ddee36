"""Average pooling: the mean of each window."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .activation import ACTIVATIONS, CODES, NONE, RELU, SLOPES, activate, times_slope
from .arrays import Array
from .jit import jit, prange
from .kernel import Kernel
from .layout import as_batch_first, empty_batch_last, stored_batch_last
from .memory import empty
from .pool2d_cuda import activated_averages_cuda, averages_cuda, averages_grad_cuda
from .pool_windows import Pair, padded_windows, pooled_shape, spans_seen_from_cells, window_spans

WIDE = 64  # cells of a window
FEW_IMAGES = 8  # fewer do not fill a vector


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


def activation_avg_pool2d_reference(x: np.ndarray, activation: str, *options: Any) -> tuple[np.ndarray, np.ndarray]:
    """y = avg_pool2d(a), with a = activation(x): "relu", "sigmoid" or "tanh"; and what the gradient has to know of it.

    That is a, or for a ReLU x, which is positive where a is.
    """
    a = ACTIVATIONS[activation].reference(x)
    return avg_pool2d_reference(a, *options), x if activation == "relu" else a


def activation_avg_pool2d_grad_reference(
    dy: np.ndarray, a: np.ndarray, activation: str, size: Pair, *options: Any
) -> np.ndarray:
    """dx = avg_pool2d_grad(dy) times the slope of the activation of which a was kept."""
    return SLOPES[activation].reference(avg_pool2d_grad_reference(dy, size, *options), a)


def avg_pool2d_cpu(x: np.ndarray, *options: Any) -> np.ndarray:
    return average_windows(x, *avg_windows(x.shape[2:], *options))


def avg_pool2d_grad_cpu(dy: np.ndarray, size: Pair, *options: Any) -> np.ndarray:
    return average_windows_grad(dy, size, *avg_windows(size, *options))


def activation_avg_pool2d_cpu(x: np.ndarray, activation: str, *options: Any) -> tuple[np.ndarray, np.ndarray]:
    windows = avg_windows(x.shape[2:], *options)
    if activation == "relu":
        return average_windows(x, *windows, RELU), x
    if x.dtype != np.float32 or not tiles(windows[0], x.shape[2]):
        a = ACTIVATIONS[activation](x)
        return average_windows(a, *windows), a
    a = empty_batch_last(x.shape, x.dtype)
    return average_windows(x, *windows, CODES[activation], a), a


def activation_avg_pool2d_grad_cpu(
    dy: np.ndarray, a: np.ndarray, activation: str, size: Pair, *options: Any
) -> np.ndarray:
    return average_windows_grad(dy, size, *avg_windows(size, *options), CODES[activation], a)


def tiles(spans: np.ndarray, size: int) -> bool:
    """Whether each of the cells 0 .. size - 1 lies in exactly one of the spans."""
    return bool(spans[0, 0] == 0 and spans[-1, 1] == size and (spans[1:, 0] == spans[:-1, 1]).all())


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


def average_windows(
    x: np.ndarray,
    rows: np.ndarray,
    cols: np.ndarray,
    divisor: np.ndarray,
    activation: int = NONE,
    a: np.ndarray | None = None,
) -> np.ndarray:
    """Sum over each window, given by its spans rows (OH, 2) and cols (OW, 2), over divisor (OH, OW).

    The sum is that of activation(x), which is kept in `a` where one is given; the rows of the windows must tile x then.
    """
    N, C, H, W = x.shape
    stored = stored_batch_last(x)
    y = empty((C, *divisor.shape, N), x.dtype)
    kept = y if a is None else stored_batch_last(a)
    ones, divisor = np.ones((H, W), x.dtype), divisor.astype(x.dtype)
    window_sums(stored, rows, cols, ones, divisor, activation, kept, a is not None, NONE, y, is_wide(rows, cols), y)
    return as_batch_first(y)


def average_windows_grad(
    dy: np.ndarray,
    size: Pair,
    rows: np.ndarray,
    cols: np.ndarray,
    divisor: np.ndarray,
    activation: int = NONE,
    a: np.ndarray | None = None,
) -> np.ndarray:
    """The adjoint of `average_windows`: each cell of dx sums the windows that hold it, themselves a window of dy.

    Times the slope of the activation, of which `a` was kept.
    """
    N, C = dy.shape[:2]
    stored = stored_batch_last(dy)
    dx = empty((C, *size, N), dy.dtype)
    rows, cols = spans_seen_from_cells(rows, size[0]), spans_seen_from_cells(cols, size[1])
    gate = dx if a is None else stored_batch_last(a)
    share, ones = (1 / divisor).astype(dy.dtype), np.ones(size, dy.dtype)
    wide = is_wide(rows, cols)
    window_sums(stored, rows, cols, share, ones, NONE, dx, False, activation, gate, wide, dx)
    return as_batch_first(dx)


def is_wide(rows: np.ndarray, cols: np.ndarray) -> bool:
    """Whether the largest window has more than WIDE cells."""
    return int(np.diff(rows).max(initial=0) * np.diff(cols).max(initial=0)) > WIDE


@jit(parallel=True, fastmath={"contract"})
def window_sums(x, rows, cols, scale, divisor, before, kept, keep, after, gate, wide, y):
    """y[c, i, j] = (sum of scale[h, w] * x[c, h, w] over h in rows[i], w in cols[j]) / divisor[i, j].

    x (C, H, W, N), scale (H, W), y (C, OH, OW, N), divisor (OH, OW). Windows so `wide` that roundings would add up
    are summed in float64. `before` is the activation that x goes through first, into `kept` if `keep`; `after` the one
    with whose slope at gate, as y, the sums are multiplied.
    """
    C, OH, OW, N = y.shape
    W = x.shape[2]
    for task in prange(C * OH):
        c, i = task // OH, task % OH
        total = np.empty((OW if wide else 0, N), np.float64)
        scratch = np.empty((W if before != NONE and not keep else 0, N), x.dtype)
        for h in range(rows[i, 0], rows[i, 1]):
            row = x[c, h]
            if before != NONE:
                row = kept[c, h] if keep else scratch
                activate(x[c, h].reshape(W * N), before, row.reshape(W * N))
            first = h == rows[i, 0]
            if N < FEW_IMAGES:
                if wide:
                    add_cells_of_few(row, cols, scale[h], first, total)
                else:
                    add_cells_of_few(row, cols, scale[h], first, y[c, i])
                continue
            for j in range(OW):
                if wide:
                    add_cells(row, cols[j, 0], cols[j, 1], scale[h], first, total[j])
                else:
                    add_cells(row, cols[j, 0], cols[j, 1], scale[h], first, y[c, i, j])
        if wide:
            y[c, i] = total
        for j in range(OW):
            if divisor[i, j] != 1:
                average = y[c, i, j]
                for n in range(N):
                    average[n] /= divisor[i, j]
        for j in range(OW):
            if rows[i, 0] >= rows[i, 1] or cols[j, 0] >= cols[j, 1]:
                y[c, i, j] = 0
        if after != NONE:
            times_slope(y[c, i].reshape(OW * N), gate[c, i].reshape(OW * N), after)


@jit(fastmath={"contract"})
def add_cells(x, begin, end, scale, first, y):
    """y += sum of scale[w] * x[w] over begin <= w < end, or y = that sum if `first`; x (W, N), y (N,)."""
    for w in range(begin, end - 1, 2):
        left, right, a, b = x[w], x[w + 1], scale[w], scale[w + 1]
        if first and w == begin:
            for n in range(len(y)):
                y[n] = a * left[n] + b * right[n]
        else:
            for n in range(len(y)):
                y[n] += a * left[n] + b * right[n]
    if (end - begin) % 2 == 1:
        last, a = x[end - 1], scale[end - 1]
        if first and end - begin == 1:
            for n in range(len(y)):
                y[n] = a * last[n]
        else:
            for n in range(len(y)):
                y[n] += a * last[n]


@jit(fastmath={"contract"})
def add_cells_of_few(x, cols, scale, first, y):
    """`add_cells` for all windows of a row, y (OW, N), where the batch is too small to fill a vector."""
    for j in range(len(y)):
        for n in range(y.shape[1]):
            total = y.dtype.type(0) if first else y[j, n]
            for w in range(cols[j, 0], cols[j, 1]):
                total += scale[w] * x[w, n]
            y[j, n] = total


def avg_pool2d_cuda(x: Array, *options: Any) -> Array:
    return averages_cuda(x, pooled_by(x.shape[2:], *options), options)


def avg_pool2d_grad_cuda(dy: Array, size: Pair, *options: Any) -> Array:
    return averages_grad_cuda(dy, size, options)


def activation_avg_pool2d_cuda(x: Array, activation: str, *options: Any) -> tuple[Array, Array]:
    return activated_averages_cuda(x, activation, pooled_by(x.shape[2:], *options), options)


def activation_avg_pool2d_grad_cuda(dy: Array, a: Array, activation: str, size: Pair, *options: Any) -> Array:
    return averages_grad_cuda(dy, size, options, CODES[activation], a)


def pooled_by(
    size: Pair,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Pair:
    """`avg_pooled_shape` from all options."""
    return avg_pooled_shape(size, kernel, stride, padding, ceil_mode, divisor_override)


avg_pool2d = Kernel("avg_pool2d", avg_pool2d_reference, avg_pool2d_cpu, avg_pool2d_cuda)
avg_pool2d_grad = Kernel("avg_pool2d_grad", avg_pool2d_grad_reference, avg_pool2d_grad_cpu, avg_pool2d_grad_cuda)
activation_avg_pool2d = Kernel(
    "activation_avg_pool2d", activation_avg_pool2d_reference, activation_avg_pool2d_cpu, activation_avg_pool2d_cuda
)
activation_avg_pool2d_grad = Kernel(
    "activation_avg_pool2d_grad",
    activation_avg_pool2d_grad_reference,
    activation_avg_pool2d_grad_cpu,
    activation_avg_pool2d_grad_cuda,
)
