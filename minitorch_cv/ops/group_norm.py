"""Normalisation of each image by itself: over groups of its channels, over all it has, or channel by channel.

One derivation serves the three: a layer norm is a group norm whose only group holds all features, an instance norm one
that has a group for each channel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array

from ..tensor import Tensor
from .checks import same_dtype
from .differentiable import differentiable
from .normalization import batch_norm, check_channels, move_towards


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """y = (x - mean) / √(var + ε) · w + b with the mean and biased variance of each group of channels of each image.

    x (N, C, ...), w and b (C,) -> y as x. A group is C / num_groups channels that follow each other, at all places.
    RuntimeError where num_groups does not divide C, or where sizes or dtypes do not fit.
    Source: Wu and He, arXiv:1803.08494.
    """
    check_channels("group_norm", input, weight=weight, bias=bias)
    C = input.shape[1]
    if num_groups < 1 or C % num_groups:
        raise RuntimeError(
            f"group_norm: the {C} channels of x (shape {input.shape}) cannot be split into {num_groups} equal groups"
        )
    return normalised_in_groups(input, weight, bias, num_groups, eps)[0]


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """y = (x - mean) / √(var + ε) · w + b with the mean and biased variance over the last axes.

    x (..., *normalized_shape), w and b of normalized_shape -> y as x. RuntimeError where the last axes of x have
    another shape, or where sizes or dtypes do not fit.
    Source: Dive into Deep Learning, section 8.5.2.3; Ba, Kiros and Hinton, arXiv:1607.06450.
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    check_last_axes(input, shape, weight=weight, bias=bias)
    if input.ndim > len(shape):
        last = input.ndim - len(shape) - 1
        x = input.movedim(0, last)  # (N, ..., *shape) -> (..., N, *shape), in which batch-last memory lies in order
    else:
        last, x = 0, input.unsqueeze(0)
    rows = x.reshape(math.prod(x.shape[: last + 1]), math.prod(shape))  # (..., N, *shape) -> (M, K)
    w, b = (None if v is None else v.reshape(-1) for v in (weight, bias))
    y = normalised_in_groups(rows, w, b, 1, eps)[0].reshape(x.shape)
    return y.movedim(last, 0) if input.ndim > len(shape) else y.squeeze(0)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """y = (x - mean) / √(var + ε) · w + b with the mean and biased variance of each channel of each image.

    x (N, C, L) or (N, C, H, W), the others (C,) -> y as x. Running statistics, where given, move in place by the share
    `momentum` towards the batch's average of the images' means and unbiased variances, and take the place of the
    images' own where use_input_stats is False.
    ValueError for a single place per channel, RuntimeError where sizes or dtypes do not fit.
    Source: Ulyanov, Vedaldi and Lempitsky, arXiv:1607.08022.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    check_channels("instance_norm", input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    places = math.prod(input.shape[2:])
    if places == 1:
        raise ValueError(
            f"instance_norm: needs more than one place per channel, got shape {input.shape}; use larger images"
        )
    y, mean, var = normalised_in_groups(input, weight, bias, input.shape[1], eps)
    if running_mean is not None and places and len(input):
        move_towards(running_mean, mean.mean(0), momentum)
        move_towards(running_var, var.mean(0) * (places / (places - 1)), momentum)
    return y


@differentiable
def normalised_in_groups(x: Array, weight: Array | None, bias: Array | None, groups: int, eps: float) -> Any:
    """y = n w + b with n = (x - mean) / √(var + ε), and the mean and biased variance of each group of each image.

    With dn = dy w: dx = (dn - mean(dn) - n mean(dn n)) / √(var + ε), the means over the group; dw = Σ dy n, db = Σ dy.
    """
    y, mean, var, rstd = kernels.group_norm(x, groups, weight, bias, eps)

    def backward(dy: Array, needs: tuple[bool, ...]) -> Any:
        return kernels.group_norm_grad(dy, x, groups, weight, mean, rstd)

    return (y, mean, var), backward


def check_last_axes(input: Tensor, shape: tuple[int, ...], **parameters: Tensor | None) -> None:
    """RuntimeError where x does not end in the axes `shape`, or weight or bias is not of that shape."""
    if not shape or input.shape[-len(shape) :] != shape:
        raise RuntimeError(
            f"layer_norm: x has shape {input.shape} but must end in normalized_shape={shape}, at least one axis"
        )
    for name, parameter in parameters.items():
        if parameter is not None and parameter.shape != shape:
            raise RuntimeError(
                f"layer_norm: {name} has shape {parameter.shape} but must have that of normalized_shape={shape}"
            )
    if not input.is_floating_point():
        raise RuntimeError(f"layer_norm: x is {input.dtype} but must be floating point; convert with .float()")
    same_dtype("layer_norm", x=input, **parameters)
