"""`unfold` and `fold`: the windows of an image as columns, and the sum of columns back into an image."""

from __future__ import annotations

import math
from typing import Any

from minitorch_kernels.arrays import Array
from minitorch_kernels.im2col import col2im, im2col

from ..tensor import Tensor
from .differentiable import differentiable
from .images import Pair, batch_of_images, like_batch_of, pair


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """y[n, (c, ky, kx), (oy, ox)] = x[n, c, oy s - p + ky d, ox s - p + kx d], 0 outside the image: im2col.

    x (N, C, H, W) or (C, H, W) -> y (N, C KH KW, OH OW) or (C KH KW, OH OW).
    """
    x = batch_of_images("unfold", input)
    options = window_options("unfold", kernel_size, stride, padding, dilation)
    count_windows("unfold", x.shape[2:], *options)
    return like_batch_of(input, columns(x, *options))


@differentiable
def columns(x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """y = im2col(x); dx = col2im(dy), its adjoint."""
    size = x.shape[2:]
    options = (kernel, stride, padding, dilation)
    return im2col(x, *options), (lambda dy: col2im(dy, size, *options),)


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """y[n, c, i, j] = Σ of all columns that `unfold` would copy from there: col2im, the adjoint of unfold.

    x (N, C KH KW, L) or (C KH KW, L) -> y (N, C, H, W) or (C, H, W), with (H, W) = output_size and L the number of
    windows. RuntimeError where the sizes do not fit.
    """
    size = pair("fold", "output_size", output_size, 1)
    options = window_options("fold", kernel_size, stride, padding, dilation)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"fold: x has shape {input.shape} but must be (N, C KH KW, L), or (C KH KW, L) for one image"
        )
    CKK, L = input.shape[-2:]
    kernel = options[0]
    if CKK % math.prod(kernel):
        raise RuntimeError(f"fold: the {CKK} rows of x (shape {input.shape}) are no multiple of the kernel {kernel}")
    OH, OW = count_windows("fold", size, *options)
    if L != OH * OW:
        raise RuntimeError(
            f"fold: x (shape {input.shape}) has {L} columns but output_size {size} with kernel {kernel} "
            f"has {OH} x {OW} = {OH * OW} windows"
        )
    x = input if input.ndim == 3 else input.unsqueeze(0)
    y = summed_columns(x, size, *options)
    return y if input.ndim == 3 else y.squeeze(0)


@differentiable
def summed_columns(x: Array, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """y = col2im(x); dx = im2col(dy), its adjoint."""
    options = (kernel, stride, padding, dilation)
    return col2im(x, size, *options), (lambda dy: im2col(dy, *options),)


def window_options(
    operation: str, kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[Pair, Pair, Pair, Pair]:
    """All options as pairs, in the order of the kernels."""
    return (
        pair(operation, "kernel_size", kernel_size, 1),
        pair(operation, "stride", stride, 1),
        pair(operation, "padding", padding, 0),
        pair(operation, "dilation", dilation, 1),
    )


def count_windows(
    operation: str, size: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Pair:
    """(OH, OW) of the windows. RuntimeError where none fits."""
    room = [n + 2 * p - d * (k - 1) - 1 for n, k, p, d in zip(size, kernel, padding, dilation)]
    if min(room) < 0:
        raise RuntimeError(
            f"{operation}: the kernel {kernel} with dilation {dilation} is larger than the image {tuple(size)} "
            f"with padding {padding}; use a smaller kernel or more padding"
        )
    return room[0] // stride[0] + 1, room[1] // stride[1] + 1
