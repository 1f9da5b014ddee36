"""Adaptive pooling: the output size is given, and the windows divide the input as evenly as they can.

Window i of OH covers the rows floor(i H / OH) .. ceil((i + 1) H / OH) - 1. Neighbours overlap where OH does not
divide H.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .arrays import Array
from .avg_pool2d import Windows, average_windows, average_windows_grad
from .kernel import Kernel
from .max_pool2d import largest, largest_grad
from .pool2d_cuda import adaptive_averages_cuda, adaptive_averages_grad_cuda, chosen, maxima
from .pool_windows import Pair, adaptive_places, adaptive_spans, place_type


def adaptive_windows(name: str, size: Pair, output_size: Pair) -> tuple[np.ndarray, np.ndarray]:
    """The spans of the windows, rows (OH, 2) and cols (OW, 2). Raises ValueError where the input is empty."""
    if min(size) < 1 or min(output_size) < 0:
        raise ValueError(f"{name}: input size {size} must be at least 1 and output size {output_size} at least 0")
    return adaptive_spans(size[0], output_size[0]), adaptive_spans(size[1], output_size[1])


def adaptive_avg_pool2d_reference(x: np.ndarray, output_size: Pair) -> np.ndarray:
    """y[n, c, i, j] = mean of window (i, j) of x[n, c].

    x (N, C, H, W), output_size (OH, OW) -> y (N, C, OH, OW).
    """
    rows, cols = adaptive_windows("adaptive_avg_pool2d", x.shape[2:], output_size)
    y = np.empty((*x.shape[:2], *output_size), x.dtype)
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(cols):
            y[..., i, j] = x[..., top:bottom, left:right].mean(axis=(-2, -1), dtype=np.float64)
    return y


def adaptive_avg_pool2d_grad_reference(dy: np.ndarray, size: Pair) -> np.ndarray:
    """Each cell of window (i, j) receives dy[n, c, i, j] divided by the number of its cells.

    dy (N, C, OH, OW), size (H, W) -> dx (N, C, H, W).
    """
    rows, cols = adaptive_windows("adaptive_avg_pool2d", size, dy.shape[2:])
    dx = np.zeros((*dy.shape[:2], *size))
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(cols):
            cells = (bottom - top) * (right - left)
            dx[..., top:bottom, left:right] += dy[..., i, j, None, None] / cells
    return dx.astype(dy.dtype)


def adaptive_max_pool2d_reference(x: np.ndarray, output_size: Pair) -> tuple[np.ndarray, np.ndarray]:
    """y[n, c, i, j] = max of window (i, j) of x[n, c], and the place of that value in the window.

    x (N, C, H, W), output_size (OH, OW) -> y (N, C, OH, OW) and places of the same shape: kh KW + kw for cell (kh, kw)
    of a window, where the widest window has KW columns. Type, ties and NaN as in `max_pool2d`.
    """
    rows, cols = adaptive_windows("adaptive_max_pool2d", x.shape[2:], output_size)
    kernel = adaptive_places(x.shape[2:], output_size).kernel
    y = np.empty((*x.shape[:2], *output_size), x.dtype)
    places: np.ndarray = np.empty(y.shape, place_type(kernel))
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(cols):
            window = x[..., top:bottom, left:right].reshape(*x.shape[:2], (bottom - top) * (right - left))
            first = window.argmax(axis=-1)
            y[..., i, j] = np.take_along_axis(window, first[..., None], axis=-1)[..., 0]
            kh, kw = divmod(first, right - left)
            places[..., i, j] = kh * kernel[1] + kw
    return y, places


def adaptive_max_pool2d_grad_reference(dy: np.ndarray, places: np.ndarray, size: Pair) -> np.ndarray:
    """dx[n, c, h, w] = sum of dy[n, c, i, j] over the windows whose maximum stood at (h, w).

    dy, places (N, C, OH, OW), size (H, W) -> dx (N, C, H, W).
    """
    rows, cols = adaptive_windows("adaptive_max_pool2d", size, dy.shape[2:])
    KW = adaptive_places(size, dy.shape[2:]).kernel[1]
    dx = np.zeros((*dy.shape[:2], *size), dy.dtype)
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(cols):
            for kh, kw in np.ndindex(bottom - top, right - left):
                dx[..., top + kh, left + kw] += np.where(places[..., i, j] == kh * KW + kw, dy[..., i, j], 0)
    return dx


def adaptive_avg_pool2d_cpu(x: np.ndarray, output_size: Pair) -> np.ndarray:
    return average_windows(x, adaptive_avg_windows(x.shape[2:], output_size))


def adaptive_avg_pool2d_grad_cpu(dy: np.ndarray, size: Pair) -> np.ndarray:
    return average_windows_grad(dy, adaptive_avg_windows(size, dy.shape[2:]))


@lru_cache(maxsize=256)
def adaptive_avg_windows(size: Pair, output_size: Pair) -> Windows:
    """The windows with the numbers of their cells, kept from step to step."""
    rows, cols = adaptive_windows("adaptive_avg_pool2d", size, output_size)
    return Windows(rows, cols, np.outer(np.diff(rows), np.diff(cols)).astype(np.float64), size)


def adaptive_max_pool2d_cpu(x: np.ndarray, output_size: Pair) -> tuple[np.ndarray, np.ndarray]:
    adaptive_windows("adaptive_max_pool2d", x.shape[2:], output_size)
    return largest(x, adaptive_places(x.shape[2:], output_size))


def adaptive_max_pool2d_grad_cpu(dy: np.ndarray, places: np.ndarray, size: Pair) -> np.ndarray:
    return largest_grad(dy, places, size, adaptive_places(size, dy.shape[2:]))


def adaptive_avg_pool2d_cuda(x: Array, output_size: Pair) -> Array:
    adaptive_windows("adaptive_avg_pool2d", x.shape[2:], output_size)
    return adaptive_averages_cuda(x, output_size)


def adaptive_avg_pool2d_grad_cuda(dy: Array, size: Pair) -> Array:
    adaptive_windows("adaptive_avg_pool2d", size, dy.shape[2:])
    return adaptive_averages_grad_cuda(dy, size)


def adaptive_max_pool2d_cuda(x: Array, output_size: Pair) -> tuple[Array, Array]:
    adaptive_windows("adaptive_max_pool2d", x.shape[2:], output_size)
    return maxima(x, adaptive_places(x.shape[2:], output_size))


def adaptive_max_pool2d_grad_cuda(dy: Array, places: Array, size: Pair) -> Array:
    return chosen(dy, places, size, adaptive_places(size, dy.shape[2:]))


adaptive_avg_pool2d = Kernel(
    "adaptive_avg_pool2d", adaptive_avg_pool2d_reference, adaptive_avg_pool2d_cpu, adaptive_avg_pool2d_cuda
)
adaptive_avg_pool2d_grad = Kernel(
    "adaptive_avg_pool2d_grad",
    adaptive_avg_pool2d_grad_reference,
    adaptive_avg_pool2d_grad_cpu,
    adaptive_avg_pool2d_grad_cuda,
)
adaptive_max_pool2d = Kernel(
    "adaptive_max_pool2d", adaptive_max_pool2d_reference, adaptive_max_pool2d_cpu, adaptive_max_pool2d_cuda
)
adaptive_max_pool2d_grad = Kernel(
    "adaptive_max_pool2d_grad",
    adaptive_max_pool2d_grad_reference,
    adaptive_max_pool2d_grad_cpu,
    adaptive_max_pool2d_grad_cuda,
)
