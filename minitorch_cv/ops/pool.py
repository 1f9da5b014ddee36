"""Pooling: the largest or the mean value of each window."""

from __future__ import annotations

from typing import Any

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array
from minitorch_kernels.pool_windows import adaptive_places, strided_places

from ..listening import told
from ..tensor import Tensor
from .differentiable import differentiable
from .images import Pair, batch_of_images, like_batch_of, pair


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """y = the largest value of each window; of equals, the first in row-major order takes the gradient.

    x (N, C, H, W) or (C, H, W) -> y (N, C, OH, OW) or (C, OH, OW), with return_indices also the positions in the
    flattened H · W plane, int64. The stride is the kernel size unless given; padding is never chosen.
    Source: Dive into Deep Learning, section 7.5.
    """
    k, s, p = windows("max_pool2d", kernel_size, stride, padding)
    d = pair("max_pool2d", "dilation", dilation, 1)
    x = batch_of_images("max_pool2d", input)
    y, places = max_pool(x, k, s, p, d, bool(ceil_mode))
    return with_positions(input, y, places, return_indices, x.shape[2:], (k, s, p, d))


@differentiable
def max_pool(x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool) -> Any:
    """y = max over each window, and at which place of the window it stood; dx = dy there."""
    size = x.shape[2:]
    y, places = kernels.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode)
    return (y, places), (lambda dy: kernels.max_pool2d_grad(dy, places, size, kernel, stride, padding, dilation),)


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """y = the mean of each window; the zeros of the padding count unless count_include_pad is False.

    x (N, C, H, W) or (C, H, W) -> y (N, C, OH, OW) or (C, OH, OW). divisor_override replaces the number of elements.
    Source: Dive into Deep Learning, section 7.5.
    """
    k, s, p = windows("avg_pool2d", kernel_size, stride, padding)
    x = batch_of_images("avg_pool2d", input)
    return like_batch_of(input, avg_pool(x, k, s, p, bool(ceil_mode), bool(count_include_pad), divisor_override))


@differentiable
def avg_pool(
    x: Array,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    """y = Σ window / divisor; every element of the window receives dy / divisor."""
    size = x.shape[2:]
    options = (kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return kernels.avg_pool2d(x, *options), (lambda dy: kernels.avg_pool2d_grad(dy, size, *options),)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """y = the mean of each of OH · OW windows that divide x evenly; None in output_size keeps the size of x.

    x (N, C, H, W) or (C, H, W) -> y (N, C, OH, OW) or (C, OH, OW).
    """
    x = batch_of_images("adaptive_avg_pool2d", input)
    return like_batch_of(input, adaptive_avg_pool(x, target_size("adaptive_avg_pool2d", x, output_size)))


@differentiable
def adaptive_avg_pool(x: Array, output_size: Pair) -> Any:
    """y = the mean of each window; every element of the window receives dy / (elements of the window)."""
    size = x.shape[2:]
    y = kernels.adaptive_avg_pool2d(x, output_size)
    return y, (lambda dy: kernels.adaptive_avg_pool2d_grad(dy, size),)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """y = the largest value of each of OH · OW windows that divide x evenly; None in output_size keeps the size of x.

    x (N, C, H, W) or (C, H, W) -> y (N, C, OH, OW) or (C, OH, OW), with return_indices also the positions in the
    flattened H · W plane, int64.
    """
    x = batch_of_images("adaptive_max_pool2d", input)
    y, places = adaptive_max_pool(x, target_size("adaptive_max_pool2d", x, output_size))
    return with_positions(input, y, places, return_indices, x.shape[2:])


@differentiable
def adaptive_max_pool(x: Array, output_size: Pair) -> Any:
    """y = max over each window, and at which place of the window it stood; dx = dy there."""
    size = x.shape[2:]
    y, places = kernels.adaptive_max_pool2d(x, output_size)
    return (y, places), (lambda dy: kernels.adaptive_max_pool2d_grad(dy, places, size),)


def windows(operation: str, kernel_size: Any, stride: Any, padding: Any) -> tuple[Pair, Pair, Pair]:
    """Kernel, stride and padding as pairs; the stride is the kernel where none is given."""
    kernel = pair(operation, "kernel_size", kernel_size, 1)
    no_stride = stride is None or stride == []
    return kernel, kernel if no_stride else pair(operation, "stride", stride, 1), pair(operation, "padding", padding, 0)


def target_size(operation: str, x: Tensor, output_size: Any) -> Pair:
    """(OH, OW), with the size of x in the place of None."""
    sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    if len(sizes) != 2:
        raise RuntimeError(
            f"{operation}: output_size is {output_size}; give one number, or two: (vertical, horizontal)"
        )
    filled = tuple(n if size is None else size for size, n in zip(sizes, x.shape[2:]))
    return pair(operation, "output_size", filled, 0)


def with_positions(
    input: Tensor,
    y: Tensor,
    places: Tensor,
    return_indices: bool,
    size: tuple[int, ...],
    strided: tuple[Pair, ...] = (),
) -> Any:
    """y, and where they are asked for the positions in the flattened plane, as torch gives them."""
    y = like_batch_of(input, y)
    return (y, like_batch_of(input, positions(places, size, strided))) if return_indices else y


@told
def positions(places: Tensor, size: tuple[int, ...], strided: tuple[Pair, ...]) -> Tensor:
    """Of places in windows with kernel, stride, padding and dilation `strided`, or adaptive ones, of a plane (H, W)."""
    pooled = places.shape[2:]
    windows = strided_places(size, pooled, *strided) if strided else adaptive_places(size, pooled)
    return Tensor(windows.positions(places._array, size[1]))
