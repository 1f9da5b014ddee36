"""Steps that networks take one after the other, carried out in one pass over memory.

Batch normalisation, the sum with a shortcut and an activation do next to no arithmetic: their time is that of reading
and writing the activations. Where they follow one another, one operation does them all while each value is at hand.
The operations of this file give the numbers of their steps, taken one by one; nothing else is new in them.
"""

from __future__ import annotations

from typing import Any

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array

from ..tensor import Tensor
from .differentiable import differentiable
from .images import Pair
from .normalization import by_batch_or_running_statistics

ACTIVATIONS = {
    "relu": (kernels.relu, kernels.relu_grad),
    "sigmoid": (kernels.sigmoid, kernels.sigmoid_grad),
    "tanh": (kernels.tanh, kernels.tanh_grad),
}


def batch_norm_add_relu(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    residual: Tensor | None = None,
    relu: bool = True,
) -> Tensor:
    """y = relu(batch_norm(x) + residual): three steps in one pass, or two, without `residual` or with relu=False.

    residual as x; the other arguments, the running statistics and the errors are those of `batch_norm`.
    Source: the residual block, Dive into Deep Learning, section 8.6.
    """
    if residual is not None:
        check_terms("batch_norm_add_relu", "residual", input, residual)
    return by_batch_or_running_statistics(
        "batch_norm_add_relu",
        batch_norm_training_add_relu,
        batch_norm_inference_add_relu,
        (input, running_mean, running_var, weight, bias, training, momentum, eps),
        residual,
        relu,
    )


@differentiable
def batch_norm_training_add_relu(
    x: Array, weight: Array | None, bias: Array | None, eps: float, residual: Array | None, relu: bool
) -> Any:
    """y = relu(n w + b + residual) with n = (x - mean) / √(var + ε), and the mean and biased variance of the batch.

    With g = dy where y > 0, else 0: the gradients of `batch_norm_training` with g for dy, and dresidual = g. Without a
    residual, y is not kept: whether it is positive follows from x again.
    """
    y, mean, var, rstd, line = kernels.batch_norm_train(x, weight, bias, eps, residual, relu)
    positive = y if relu and residual is not None else None
    if not relu or residual is not None:
        line = None

    def backward(dy: Array, needs: tuple[bool, ...]) -> Any:
        dx, dw, db, g = kernels.batch_norm_train_grad(dy, x, weight, mean, rstd, line, positive, needs[4])
        return dx, dw, db, None, g if relu else dy

    return (y, mean, var), backward


@differentiable
def batch_norm_inference_add_relu(
    x: Array,
    mean: Array,
    var: Array,
    weight: Array | None,
    bias: Array | None,
    eps: float,
    residual: Array | None,
    relu: bool,
) -> Any:
    """y = relu(n w + b + residual) with n = (x - mean) / √(var + ε) and statistics that are given.

    With g = dy where y > 0, else 0: the gradients of `batch_norm_inference` with g for dy, and dresidual = g.
    """
    y = kernels.batch_norm_inference(x, mean, var, weight, bias, eps, residual, relu)
    positive = y if relu else None

    def backward(dy: Array, needs: tuple[bool, ...]) -> Any:
        dx, dw, db, g = kernels.batch_norm_inference_grad(dy, x, weight, mean, var, eps, positive, needs[6])
        return dx, None, None, dw, db, None, g if relu else dy

    return y, backward


@differentiable
def add_relu(input: Array, other: Array) -> Any:
    """y = max(x + z, 0) for two arrays of one shape and dtype; dx = dz = dy where y > 0, else 0."""
    check_terms("add_relu", "the other term", input, other)
    y = kernels.relu(kernels.add(input, other))

    def backward(dy: Array, needs: tuple[bool, ...]) -> Any:
        dx = kernels.relu_grad(dy, y)
        return dx, dx

    return y, backward


@differentiable
def activation_avg_pool(
    x: Array,
    activation: str,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    """y = avg_pool(a) with a = "relu", "sigmoid" or "tanh" of x; dx = da times the activation's slope.

    The options of the pooling are those of `avg_pool`.
    """
    check_activation("activation_avg_pool", activation)
    size, options = x.shape[2:], (kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)
    y, a = kernels.activation_avg_pool2d(x, activation, *options)
    return y, (lambda dy: kernels.activation_avg_pool2d_grad(dy, a, activation, size, *options),)


@differentiable
def activation_max_pool(
    x: Array, activation: str, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> Any:
    """y = max_pool(a) with a = "relu", "sigmoid" or "tanh" of x; dx = dy times the activation's slope at the maximum.

    The options of the pooling are those of `max_pool`.
    """
    check_activation("activation_max_pool", activation)
    geometry = (x.shape[2:], kernel, stride, padding, dilation)
    if activation == "relu" and dilation == (1, 1):  # the largest of positive parts is the positive part of the largest
        largest, places = kernels.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode)
        y = kernels.relu(largest)
        return y, (lambda dy: kernels.max_pool2d_grad(kernels.relu_grad(dy, y), places, *geometry),)
    act, slope = ACTIVATIONS[activation]
    a = act(x)
    y, places = kernels.max_pool2d(a, kernel, stride, padding, dilation, ceil_mode)
    return y, (lambda dy: slope(kernels.max_pool2d_grad(dy, places, *geometry), a),)


def check_terms(operation: str, name: str, x: Any, z: Any) -> None:
    """RuntimeError where the terms of a sum differ in shape or dtype: nothing is broadcast."""
    if (x.shape, x.dtype) != (z.shape, z.dtype):
        raise RuntimeError(
            f"{operation}: x has shape {x.shape} but {name} {z.shape}, {x.dtype} and {z.dtype}; both must be the same"
        )


def check_activation(operation: str, activation: str) -> None:
    """RuntimeError for an unknown activation."""
    if activation not in ACTIVATIONS:
        raise RuntimeError(f"{operation}: activation={activation!r}; choose one of {', '.join(map(repr, ACTIVATIONS))}")
