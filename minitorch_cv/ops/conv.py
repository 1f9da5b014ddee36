"""2-D convolution: what the arguments mean, and the gradients."""

from __future__ import annotations

from typing import Any

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array
from minitorch_kernels.cuda.precision import as_now

from ..tensor import Tensor
from .checks import same_dtype
from .differentiable import differentiable
from .images import Pair, batch_of_images, like_batch_of, pair
from .padding import pad


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """y[n, o] = b[o] + Σ_c w[o, c] ⋆ x[n, c], the cross-correlation of each image with each filter.

    x (N, C, H, W) or (C, H, W), w (O, C/g, KH, KW), b (O,) -> y (N, O, OH, OW) or (O, OH, OW), where
    OH = ⌊(H + 2p - d (KH - 1) - 1) / s⌋ + 1. Stride, padding and dilation are numbers or (vertical, horizontal);
    padding may be "valid" (none) or, for stride 1, "same": OH = H, with the odd row or column at the end, as in torch.
    RuntimeError where sizes or dtypes do not fit. Source: Dive into Deep Learning, chapter 7.
    """
    x = batch_of_images("conv2d", input)
    check_filters(x, weight, bias, groups)
    s, d = pair("conv2d", "stride", stride, 1), pair("conv2d", "dilation", dilation, 1)
    if padding == "same":
        x, p = padded_to_keep_size(x, weight, s, d)
    else:
        p = pair("conv2d", "padding", given_padding(padding), 0)
    check_reach(x, weight, p, d)
    return like_batch_of(input, convolution(x, weight, bias, s, p, d, groups))


@differentiable
def convolution(x: Array, w: Array, b: Array | None, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    """y = w ⋆ x + b; dx spreads w · dy back over the windows, dw = dy ⋆ x, db = Σ dy over images and places."""
    size, kernel = x.shape[2:], w.shape[2:]
    options = (stride, padding, dilation, groups)
    input_grad, weight_grad = as_now(kernels.conv2d_input_grad), as_now(kernels.conv2d_weight_grad)
    return kernels.conv2d(x, w, b, *options), (
        lambda dy: input_grad(dy, w, size, *options),
        lambda dy: weight_grad(dy, x, kernel, *options),
        kernels.channel_sum,
    )


def given_padding(padding: Any) -> Any:
    """Padding in numbers: "valid" is none."""
    if not isinstance(padding, str):
        return padding
    if padding != "valid":
        raise RuntimeError(f"conv2d: padding={padding!r}; choose 'same', 'valid', a number or a pair of numbers")
    return 0


def padded_to_keep_size(x: Tensor, weight: Tensor, stride: Pair, dilation: Pair) -> tuple[Tensor, Pair]:
    """x, and the padding that gives y the size of x; what an even kernel needs more is added at the end."""
    if stride != (1, 1):
        raise RuntimeError(f"conv2d: padding='same' needs stride 1, got {stride}; give the padding in numbers")
    reach = [d * (k - 1) for k, d in zip(weight.shape[2:], dilation)]
    if any(r % 2 for r in reach):
        x = pad(x, (0, reach[1] % 2, 0, reach[0] % 2))
    return x, (reach[0] // 2, reach[1] // 2)


def check_filters(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> None:
    """RuntimeError where the channels of x, the filters and the bias do not fit together."""
    if weight.ndim != 4:
        raise RuntimeError(f"conv2d: weight has shape {weight.shape} but must be (O, C / groups, KH, KW)")
    C, O, expected = x.shape[1], weight.shape[0], weight.shape[1] * groups
    if groups < 1 or O % groups:
        raise RuntimeError(f"conv2d: groups={groups} must divide the {O} filters of weight (shape {weight.shape})")
    if expected != C:
        of_groups = f" ({weight.shape[1]} in each of {groups} groups)" if groups > 1 else ""
        raise RuntimeError(
            f"conv2d: x has {C} channels (shape {x.shape}) but weight expects {expected}{of_groups}; "
            f"give x {expected} channels, or the layer in_channels={C}"
        )
    if bias is not None and bias.shape != (O,):
        raise RuntimeError(f"conv2d: bias has shape {bias.shape} but the {O} filters of weight need shape ({O},)")
    same_dtype("conv2d", x=x, weight=weight, bias=bias)


def check_reach(x: Tensor, weight: Tensor, padding: Pair, dilation: Pair) -> None:
    """RuntimeError where a filter is larger than the padded image."""
    padded = tuple(n + 2 * p for n, p in zip(x.shape[2:], padding))
    reach = tuple(d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation))
    if any(r > n for r, n in zip(reach, padded)):
        dilated = f" (dilated by {dilation} to {reach})" if dilation != (1, 1) else ""
        raise RuntimeError(
            f"conv2d: the kernel {weight.shape[2:]}{dilated} is larger than the input {padded} (padding {padding} "
            "included); use a smaller kernel, more padding or larger images"
        )
