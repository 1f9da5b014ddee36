"""The poolings on a GPU, channels-last: a thread for each result."""

from __future__ import annotations

from typing import Any

import numpy as np

from .activation import ACTIVATIONS, CODES, NONE
from .arrays import Array
from .cuda.launch import launch, places
from .cuda.layout import empty_channels_last, stored_channels_last
from .pool_windows import Pair, Places, place_type, pooled_shape, strided_places


def averages_cuda(x: Array, pooled: Pair, options: tuple[Any, ...], activation: int = NONE, a: Array = None) -> Array:
    """y = average pooling of activation(x), which is also written to `a` if that is given (N, H, W, C)."""
    (N, C, H, W), (OH, OW) = x.shape, pooled
    y = empty_channels_last(x, (N, C, OH, OW))
    stored = stored_channels_last(y)
    given = stored_channels_last(x), stored, stored if a is None else a, a is not None, activation
    launch("avg_pool2d.cu", "average_strided", *places(OH * OW * C, N), *given, H, W, OH, OW, *geometry(*options), N, C)
    return y


def averages_grad_cuda(
    dy: Array, size: Pair, options: tuple[Any, ...], activation: int = NONE, a: Array = None
) -> Array:
    (N, C, OH, OW), (H, W) = dy.shape, size
    dx = empty_channels_last(dy, (N, C, H, W))
    stored = stored_channels_last(dy)
    given = stored, stored if a is None else stored_channels_last(a), stored_channels_last(dx), activation
    launch("avg_pool2d.cu", "spread_strided", *places(H * W * C, N), *given, H, W, OH, OW, *geometry(*options), N, C)
    return dx


def geometry(
    kernel: Pair, stride: Pair, padding: Pair, ceil_mode: bool, count_include_pad: bool, divisor_override: int | None
) -> tuple[int, ...]:
    """The options of an average pooling as the kernels take them."""
    return *kernel, *stride, *padding, int(count_include_pad), divisor_override or 0


def windows_tile(size: Pair, kernel: Pair, stride: Pair, padding: Pair, *rest: Any) -> bool:
    """Whether each cell lies in exactly one window."""
    return kernel == stride and padding == (0, 0) and size[0] % kernel[0] == 0 and size[1] % kernel[1] == 0


def activated_averages_cuda(x: Array, activation: str, pooled: Pair, options: tuple[Any, ...]) -> tuple[Array, Array]:
    """y, and what the gradient has to know of the activation."""
    if activation == "relu":
        return averages_cuda(x, pooled, options, CODES[activation]), x
    if not windows_tile(x.shape[2:], *options):
        a = ACTIVATIONS[activation](x)
        return averages_cuda(a, pooled, options), a
    a = empty_channels_last(x, x.shape)
    return averages_cuda(x, pooled, options, CODES[activation], stored_channels_last(a)), a


def adaptive_averages_cuda(x: Array, output_size: Pair) -> Array:
    (N, C, H, W), (OH, OW) = x.shape, output_size
    y = empty_channels_last(x, (N, C, OH, OW))
    arrays = stored_channels_last(x), stored_channels_last(y)
    launch("avg_pool2d.cu", "average_adaptive", *places(OH * OW * C, N), *arrays, H, W, OH, OW, N, C)
    return y


def adaptive_averages_grad_cuda(dy: Array, size: Pair) -> Array:
    (N, C, OH, OW), (H, W) = dy.shape, size
    dx = empty_channels_last(dy, (N, C, H, W))
    arrays = stored_channels_last(dy), stored_channels_last(dx)
    launch("avg_pool2d.cu", "spread_adaptive", *places(H * W * C, N), *arrays, H, W, OH, OW, N, C)
    return dx


def max_pool2d_cuda(
    x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[Array, Array]:
    pooled = pooled_shape("max_pool2d", x.shape[2:], kernel, stride, padding, dilation, ceil_mode)
    return maxima(x, strided_places(x.shape[2:], pooled, kernel, stride, padding, dilation))


def max_pool2d_grad_cuda(
    dy: Array, places: Array, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    return chosen(dy, places, size, strided_places(size, dy.shape[2:], kernel, stride, padding, dilation))


def maxima(x: Array, windows: Places) -> tuple[Array, Array]:
    """The largest values of the windows and their places."""
    (N, C, H, W), (OH, OW) = x.shape, (len(windows.rows), len(windows.cols))
    y, found = (empty_channels_last(x, (N, C, OH, OW), dtype) for dtype in (None, place_type(windows.kernel)))
    arrays = stored_channels_last(x), stored_channels_last(y), stored_channels_last(found)
    name = "largest" if found.dtype == np.uint8 else "largest_wide"
    launch("max_pool2d.cu", name, *places(OH * OW * C, N), *arrays, H, W, OH, OW, *numbers(windows), N, C)
    return y, found


def chosen(dy: Array, found: Array, size: Pair, windows: Places) -> Array:
    """For each cell the sum over the windows that chose it."""
    (N, C, OH, OW), (H, W) = dy.shape, size
    dx = empty_channels_last(dy, (N, C, H, W))
    arrays = stored_channels_last(dy), stored_channels_last(found), stored_channels_last(dx)
    name = "gather" if found.dtype == np.uint8 else "gather_wide"
    launch("max_pool2d.cu", name, *places(H * W * C, N), *arrays, H, W, OH, OW, *numbers(windows), N, C)
    return dx


def numbers(windows: Places) -> tuple[int, ...]:
    """Windows as the kernels take them."""
    return *windows.kernel, *windows.stride, *windows.padding, *windows.dilation
