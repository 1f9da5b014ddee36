"""Batch normalisation: by the statistics of the batch in training, by running averages of them afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array

from ..graph import no_grad
from ..listening import told
from ..tensor import Tensor
from .checks import same_dtype
from .differentiable import differentiable
from .inplace import copy_


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """y = (x - mean) / √(var + ε) · w + b for each channel.

    x (N, C), (N, C, L) or (N, C, H, W), the others (C,) -> y as x. In training mean and var are those of the batch, var
    biased; the running statistics, where given, move towards them in place by the share `momentum`, var unbiased
    (as in torch, where y has the biased one). Otherwise the running statistics are used.
    ValueError in training for a single value per channel, RuntimeError where sizes or dtypes do not fit.
    Source: Dive into Deep Learning, section 8.5; Ioffe and Szegedy, arXiv:1502.03167.
    """
    return by_batch_or_running_statistics(
        "batch_norm",
        batch_norm_training,
        batch_norm_inference,
        (input, running_mean, running_var, weight, bias, training, momentum, eps),
    )


def by_batch_or_running_statistics(
    name: str, by_batch: Callable[..., Any], by_running: Callable[..., Any], arguments: Any, *further: Any
) -> Tensor:
    """Batch normalisation with the `arguments` of `batch_norm`, carried out by one of two operations.

    In training that is by_batch(x, weight, bias, eps, *further) -> y, mean, var, and the running statistics move;
    otherwise by_running(x, mean, var, weight, bias, eps, *further) -> y.
    """
    input, running_mean, running_var, weight, bias, training, momentum, eps = arguments
    check_channels(name, input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                f"{name}: training=False needs running_mean and running_var; give both, or pass training=True"
            )
        return by_running(input, running_mean, running_var, weight, bias, eps, *further)
    values = len(input) * math.prod(input.shape[2:])
    if values == 1:
        raise ValueError(
            f"{name}: training needs more than one value per channel, got shape {input.shape}; "
            "use a larger batch, or .eval()"
        )
    y, mean, var = by_batch(input, weight, bias, eps, *further)
    if values:
        move_statistics(running_mean, running_var, mean, var, values, momentum)
    return y


@differentiable
def batch_norm_training(x: Array, weight: Array | None, bias: Array | None, eps: float) -> Any:
    """y = n w + b with n = (x - mean) / √(var + ε), and the mean and biased variance of the batch.

    dx = w / √(var + ε) · (dy - mean(dy) - n mean(dy n)), as mean and var depend on x; dw = Σ dy n, db = Σ dy.
    """
    y, mean, var, rstd, _ = kernels.batch_norm_train(x, weight, bias, eps)

    def backward(dy: Array, needs: tuple[bool, ...]) -> Any:
        return kernels.batch_norm_train_grad(dy, x, weight, mean, rstd)[:3]

    return (y, mean, var), backward


@differentiable
def batch_norm_inference(
    x: Array, mean: Array, var: Array, weight: Array | None, bias: Array | None, eps: float
) -> Any:
    """y = n w + b with n = (x - mean) / √(var + ε) and statistics that are given; dx = dy w / √(var + ε)."""
    y = kernels.batch_norm_inference(x, mean, var, weight, bias, eps)

    def backward(dy: Array, needs: tuple[bool, ...]) -> Any:
        dx, dw, db, _ = kernels.batch_norm_inference_grad(dy, x, weight, mean, var, eps)
        return dx, None, None, dw, db

    return y, backward


@told
def move_statistics(
    running_mean: Tensor | None,
    running_var: Tensor | None,
    mean: Tensor,
    var: Tensor,
    values: int,
    momentum: float,
) -> None:
    """`move_towards` for mean and variance of `values` numbers each, after which the variance is the unbiased one."""
    move_towards(running_mean, mean, momentum)
    move_towards(running_var, Tensor(var._array * (values / (values - 1))), momentum)


@told
def move_towards(running: Tensor | None, value: Tensor, momentum: float) -> None:
    """running = (1 - momentum) running + momentum value, in its own memory."""
    if running is not None:
        with no_grad():
            copy_(running, Tensor((1 - momentum) * running._array + momentum * value._array))


def check_channels(operation: str, input: Tensor, **vectors: Tensor | None) -> None:
    """RuntimeError where x has no channels, or a vector not one element for each of them."""
    if input.ndim < 2:
        raise RuntimeError(f"{operation}: x has shape {input.shape} but must be (N, C), (N, C, L) or (N, C, H, W)")
    C = input.shape[1]
    for name, vector in vectors.items():
        if vector is not None and vector.shape != (C,):
            raise RuntimeError(
                f"{operation}: {name} has shape {vector.shape} but x of shape {input.shape} has {C} channels: "
                f"it must have shape ({C},)"
            )
    if not input.is_floating_point():
        raise RuntimeError(f"{operation}: x is {input.dtype} but must be floating point; convert with .float()")
    same_dtype(operation, x=input, **vectors)
