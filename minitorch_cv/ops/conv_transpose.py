"""2-D transposed convolution: a convolution walked backward.

A convolution is linear in its image, y = A x with a large sparse matrix A made of the filters; its input gradient is
dx = Aᵀ dy. A transposed convolution takes this Aᵀ as its forward. Written with the convolution that it turns round:

    forward  y = Aᵀ x    the convolution's input gradient
    backward dx = A dy   the convolution itself
    backward dw          the convolution's weight gradient, with x and dy in each other's places

So it needs no kernel of its own. Source: Dive into Deep Learning, section 14.10.
"""

from __future__ import annotations

from typing import Any

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array, array_module
from minitorch_kernels.cuda.precision import as_now

from ..tensor import Tensor
from .checks import same_dtype
from .differentiable import differentiable
from .images import Pair, batch_of_images, like_batch_of, pair
from .padding import pad


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """y[n, o, i s - p + ky d, j s - p + kx d] += w[c, o, ky, kx] x[n, c, i, j]: each element stamps its filters on y.

    x (N, C, H, W) or (C, H, W), w (C, O/g, KH, KW), b (O,) -> y (N, O, OH, OW) or (O, OH, OW), where
    OH = (H - 1) s - 2p + d (KH - 1) + 1 + output_padding. Padding cuts off y at its edges; output_padding, smaller than
    the stride or the dilation, says which of the sizes is meant that a convolution with this stride takes to H.
    All are numbers or (vertical, horizontal). RuntimeError where sizes or dtypes do not fit.
    Source: Dive into Deep Learning, section 14.10.
    """
    x = batch_of_images("conv_transpose2d", input)
    check_stamps(x, weight, bias, groups)
    s, d = pair("conv_transpose2d", "stride", stride, 1), pair("conv_transpose2d", "dilation", dilation, 1)
    p = pair("conv_transpose2d", "padding", padding, 0)
    extra = pair("conv_transpose2d", "output_padding", output_padding, 0)
    size = stamped_size(x, weight, s, p, extra, d)
    rows, columns = (e // step for e, step in zip(extra, s))
    if rows or columns:  # the convolution would see more windows than x has elements: those of zeros
        x = pad(x, (0, columns, 0, rows))
    return like_batch_of(input, transposed_convolution(x, weight, bias, size, s, p, d, groups))


@differentiable
def transposed_convolution(
    x: Array, w: Array, b: Array | None, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    """y = Aᵀ x + b for the convolution A by w; dx = A dy, dw = x ⋆ dy, db = Σ dy over images and places."""
    kernel = w.shape[2:]
    options = (stride, padding, dilation, groups)
    convolution, weight_grad = as_now(kernels.conv2d), as_now(kernels.conv2d_weight_grad)
    y = kernels.conv2d_input_grad(x, w, size, *options)
    if b is not None:
        array_module(y).add(y, b[:, None, None], out=y)
    return y, (
        lambda dy: convolution(dy, w, None, *options),
        lambda dy: weight_grad(x, dy, kernel, *options),
        kernels.channel_sum,
    )


def check_stamps(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> None:
    """RuntimeError where the channels of x, the filters and the bias do not fit together."""
    if weight.ndim != 4:
        raise RuntimeError(f"conv_transpose2d: weight has shape {weight.shape} but must be (C, O / groups, KH, KW)")
    C, O = x.shape[1], weight.shape[1] * groups
    if weight.shape[0] != C:
        raise RuntimeError(
            f"conv_transpose2d: x has {C} channels (shape {x.shape}) but weight expects {weight.shape[0]}; "
            f"give x {weight.shape[0]} channels, or the layer in_channels={C}"
        )
    if groups < 1 or C % groups:
        raise RuntimeError(
            f"conv_transpose2d: groups={groups} must be positive and divide the {C} channels of x (shape {x.shape})"
        )
    if bias is not None and bias.shape != (O,):
        raise RuntimeError(f"conv_transpose2d: bias has shape {bias.shape} but the {O} outputs need shape ({O},)")
    same_dtype("conv_transpose2d", x=x, weight=weight, bias=bias)


def stamped_size(x: Tensor, weight: Tensor, stride: Pair, padding: Pair, output_padding: Pair, dilation: Pair) -> Pair:
    """(OH, OW). RuntimeError where nothing would be left, and for an output_padding that stands for a larger x."""
    if any(e >= max(s, d) for e, s, d in zip(output_padding, stride, dilation)):
        raise RuntimeError(
            f"conv_transpose2d: output_padding {output_padding} must be smaller than the stride {stride} or the "
            f"dilation {dilation}"
        )
    OH, OW = (
        smallest_size(n, k, s, p, d) + e
        for n, k, s, p, d, e in zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, output_padding)
    )
    if min(x.shape[2:]) < 1 or min(OH, OW) < 1:
        raise RuntimeError(
            f"conv_transpose2d: {x.shape[2:]} becomes ({OH}, {OW}) with padding {padding}; use less padding, a larger "
            "kernel or larger images"
        )
    return OH, OW


def smallest_size(n: int, k: int, s: int, p: int, d: int) -> int:
    """The smallest size along one axis that a convolution takes to n: (n - 1) s - 2p + d (k - 1) + 1."""
    return (n - 1) * s - 2 * p + d * (k - 1) + 1
