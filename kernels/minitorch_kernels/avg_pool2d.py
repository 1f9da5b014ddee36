"""Average pooling: the mean of each window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from .activation import ACTIVATIONS, CODES, NONE, RELU, SLOPES, add_activated, times_slope
from .arrays import Array
from .jit import jit, prange
from .kernel import Kernel
from .layout import empty_batch_last, stored_batch_last
from .pool2d_cuda import activated_averages_cuda, averages_cuda, averages_grad_cuda
from .pool_windows import Pair, padded_windows, pooled_shape, spans_seen_from_cells, window_spans

WIDE = 64  # cells of a window; with more, the sums run in float64
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


@dataclass(frozen=True, eq=False)
class Windows:
    """Where the windows lie: rows (OH, 2) and cols (OW, 2), first cell and one past the last; and divisors (OH, OW)."""

    rows: np.ndarray
    cols: np.ndarray
    divisor: np.ndarray
    size: Pair

    @cached_property
    def tile(self) -> bool:
        """Whether each cell lies in exactly one window."""
        return all(
            len(spans) > 0 and spans[0, 0] == 0 and spans[-1, 1] == size and (spans[1:, 0] == spans[:-1, 1]).all()
            for spans, size in zip((self.rows, self.cols), self.size)
        )

    @cached_property
    def wide(self) -> bool:
        """Whether the largest has more than WIDE cells."""
        return int(np.diff(self.rows).max(initial=0) * np.diff(self.cols).max(initial=0)) > WIDE


def avg_pool2d_cpu(x: np.ndarray, *options: Any) -> np.ndarray:
    return average_windows(x, avg_windows(x.shape[2:], *options))


def avg_pool2d_grad_cpu(dy: np.ndarray, size: Pair, *options: Any) -> np.ndarray:
    return average_windows_grad(dy, avg_windows(size, *options))


def activation_avg_pool2d_cpu(x: np.ndarray, activation: str, *options: Any) -> tuple[np.ndarray, np.ndarray]:
    windows = avg_windows(x.shape[2:], *options)
    relu = activation == "relu"
    if len(x) < FEW_IMAGES or not windows.tile or windows.wide or (x.dtype != np.float32 and not relu):
        a = ACTIVATIONS[activation](x)
        return average_windows(a, windows), x if relu else a
    a = x if relu else empty_batch_last(x.shape, x.dtype)
    return average_tiles(x, windows, CODES[activation], a), a


def activation_avg_pool2d_grad_cpu(
    dy: np.ndarray, a: np.ndarray, activation: str, size: Pair, *options: Any
) -> np.ndarray:
    windows = avg_windows(size, *options)
    if len(dy) < FEW_IMAGES or not windows.tile:
        return SLOPES[activation](average_windows_grad(dy, windows), a)
    return average_tiles_grad(dy, windows, CODES[activation], a)


@lru_cache(maxsize=256)
def avg_windows(
    size: Pair,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Windows:
    """The windows of these options, kept from step to step."""
    pooled = avg_pooled_shape(size, kernel, stride, padding, ceil_mode, divisor_override)
    divisor = cells_counted(size, pooled, kernel, stride, padding, count_include_pad, divisor_override)
    rows = window_spans(size[0], pooled[0], kernel[0], stride[0], padding[0])
    cols = window_spans(size[1], pooled[1], kernel[1], stride[1], padding[1])
    return Windows(rows, cols, divisor, size)


def average_windows(x: np.ndarray, windows: Windows) -> np.ndarray:
    """x (N, C, H, W) -> y (N, C, OH, OW): the sum over each window, over its divisor."""
    if len(x) >= FEW_IMAGES and windows.tile and not windows.wide:
        return average_tiles(x, windows)
    y = empty_batch_last((*x.shape[:2], *windows.divisor.shape), x.dtype)
    ones = np.ones(windows.size)
    window_sums(stored_batch_last(x), windows.rows, windows.cols, ones, windows.divisor, stored_batch_last(y))
    return y


def average_windows_grad(dy: np.ndarray, windows: Windows) -> np.ndarray:
    """The adjoint of `average_windows`: each cell of dx sums the windows that hold it, themselves a window of dy."""
    if len(dy) >= FEW_IMAGES and windows.tile:
        return average_tiles_grad(dy, windows)
    H, W = windows.size
    dx = empty_batch_last((*dy.shape[:2], H, W), dy.dtype)
    rows, cols = spans_seen_from_cells(windows.rows, H), spans_seen_from_cells(windows.cols, W)
    window_sums(stored_batch_last(dy), rows, cols, 1 / windows.divisor, np.ones((H, W)), stored_batch_last(dx))
    return dx


def average_tiles(x: np.ndarray, windows: Windows, activation: int = NONE, a: np.ndarray | None = None) -> np.ndarray:
    """`average_windows` of activation(x) for windows that tile x. Sigmoid and tanh of x are written into `a`."""
    y = empty_batch_last((*x.shape[:2], *windows.divisor.shape), x.dtype)
    stored = stored_batch_last(x)
    kept = stored if activation in (NONE, RELU) or a is None else stored_batch_last(a)
    divisor = windows.divisor.astype(x.dtype)
    tile_averages(stored, windows.rows, windows.cols, divisor, activation, kept, stored_batch_last(y))
    return y


def average_tiles_grad(
    dy: np.ndarray, windows: Windows, activation: int = NONE, a: np.ndarray | None = None
) -> np.ndarray:
    """The adjoint of `average_tiles`, times the slope of the activation, of which `a` was kept."""
    dx = empty_batch_last((*dy.shape[:2], *windows.size), dy.dtype)
    stored = stored_batch_last(dx)
    gate = stored if a is None else stored_batch_last(a)
    share = (1 / windows.divisor).astype(dy.dtype)
    spread_over_tiles(stored_batch_last(dy), windows.rows, windows.cols, share, activation, gate, stored)
    return dx


@jit(parallel=True)
def tile_averages(x, rows, cols, divisor, activation, a, y):
    """x, a (C, H, W, N), divisor (OH, OW) -> y (C, OH, OW, N), and a where the activation is sigmoid or tanh."""
    C, OH = y.shape[:2]
    for task in prange(C * OH):
        c, i = task // OH, task % OH
        average_row_of_tiles(x[c], rows[i, 0], rows[i, 1], cols, divisor[i], activation, a[c], y[c, i])


@jit
def average_row_of_tiles(x, top, bottom, cols, divisor, activation, a, y):
    """x, a (H, W, N) -> y (OW, N)."""
    for j in range(len(y)):
        average = y[j]
        for n in range(len(average)):
            average[n] = 0
        for h in range(top, bottom):
            for w in range(cols[j, 0], cols[j, 1]):
                add_activated(x[h, w], activation, a[h, w], average)
        for n in range(len(average)):
            average[n] /= divisor[j]


@jit(parallel=True)
def spread_over_tiles(dy, rows, cols, share, activation, a, dx):
    """dy (C, OH, OW, N), share (OH, OW), a (C, H, W, N) -> dx (C, H, W, N) = share dy times the slope at a."""
    C, OH, OW = dy.shape[:3]
    for task in prange(C * OH):
        c, i = task // OH, task % OH
        for h in range(rows[i, 0], rows[i, 1]):
            for j in range(OW):
                for w in range(cols[j, 0], cols[j, 1]):
                    times_slope(dy[c, i, j], share[i, j], activation, a[c, h, w], dx[c, h, w])


@jit(parallel=True)
def window_sums(x, rows, cols, scale, divisor, y):
    """y[c, i, j] = (sum of scale[h, w] * x[c, h, w] over h in rows[i], w in cols[j]) / divisor[i, j].

    x (C, H, W, N), scale (H, W), y (C, OH, OW, N), divisor (OH, OW). The sums are added up in float64.
    """
    C, OH = y.shape[:2]
    for task in prange(C * OH):
        c, i = task // OH, task % OH
        sum_row_of_windows(x[c], rows[i, 0], rows[i, 1], cols, scale, divisor[i], y[c, i])


@jit(fastmath={"contract"})
def sum_row_of_windows(x, top, bottom, cols, scale, divisor, y):
    """x (H, W, N) -> y (OW, N)."""
    N = y.shape[1]
    total = np.empty(N)
    for j in range(len(y)):
        for n in range(N):
            total[n] = 0
        for h in range(top, bottom):
            for w in range(cols[j, 0], cols[j, 1]):
                cell, factor = x[h, w], scale[h, w]
                for n in range(N):
                    total[n] += factor * cell[n]
        for n in range(N):
            y[j, n] = total[n] / divisor[j]


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
