"""Activation functions: the equation, and the slope that the backward multiplies with."""

from __future__ import annotations

from typing import Any

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array, array_module

from ..tensor import Tensor
from .differentiable import differentiable, unbroadcast
from .inplace import in_place
from .pointwise import erf, floating, tanh
from .reduction import axes, one_axis

SQRT_2 = 1.4142135623730951
SQRT_2_OVER_PI = 0.7978845608028654


@differentiable
def relu(input: Array) -> Any:
    """y = max(x, 0); dy/dx = 1 where x > 0, else 0. NaN stays NaN, and lets its gradient through."""
    y = kernels.relu(input)
    return y, (lambda dy: kernels.relu_grad(dy, y),)


@differentiable
def leaky_relu(input: Array, negative_slope: float = 0.01) -> Any:
    """y = x where x > 0, else negative_slope · x."""
    slope = array_module(input).where(input > 0, input.dtype.type(1), input.dtype.type(negative_slope))
    return input * slope, (lambda dy: dy * slope,)


@differentiable
def prelu(input: Array, weight: Array) -> Any:
    """y = x where x > 0, else w · x, with one learned slope w (1,), or one for each channel (C,)."""
    xp = array_module(input)
    if weight.size not in (1, input.shape[1] if input.ndim > 1 else 1):
        raise RuntimeError(
            f"prelu: weight has {weight.size} slopes but x of shape {input.shape} has {input.shape[1]} channels"
        )
    w = weight.reshape((1, -1) + (1,) * (input.ndim - 2)) if input.ndim > 1 else weight
    positive = input > 0
    w_shape, shape = w.shape, weight.shape
    return xp.where(positive, input, w * input), (
        lambda dy: xp.where(positive, dy, dy * w),
        lambda dy: unbroadcast(xp.where(positive, 0, dy * input), w_shape).reshape(shape),
    )


@differentiable
def elu(input: Array, alpha: float = 1.0) -> Any:
    """y = x where x > 0, else α (eˣ - 1); there dy/dx = y + α."""
    xp = array_module(input)
    positive = input > 0
    y = xp.where(positive, input, alpha * xp.expm1(xp.minimum(input, 0)))
    return y, (lambda dy: dy * xp.where(positive, 1, y + alpha),)


@differentiable
def sigmoid(input: Array) -> Any:
    """y = 1 / (1 + e⁻ˣ); dy/dx = y (1 - y)."""
    y = kernels.sigmoid(floating(input))
    return y, (lambda dy: kernels.sigmoid_grad(dy, y),)


@differentiable
def logsigmoid(input: Array) -> Any:
    """y = -ln(1 + e⁻ˣ); dy/dx = 1 / (1 + eˣ)."""
    xp = array_module(input)
    y = -xp.logaddexp(0, -input)
    return y, (lambda dy: dy * (1 - xp.exp(y)),)


@differentiable
def silu(input: Array) -> Any:
    """y = x σ(x); dy/dx = σ + x σ (1 - σ). Source: Swish, arXiv:1710.05941."""
    s = 1 / (1 + array_module(input).exp(-input))
    return input * s, (lambda dy: dy * (s * (1 + input * (1 - s))),)


@differentiable
def mish(input: Array) -> Any:
    """y = x tanh(s), s = ln(1 + eˣ); dy/dx = tanh(s) + x (1 - tanh²(s)) σ(x). Source: Misra, arXiv:1908.08681."""
    xp = array_module(input)
    t = xp.tanh(xp.logaddexp(0, input))
    return input * t, (lambda dy: dy * (t + input * (1 - t * t) / (1 + xp.exp(-input))),)


@differentiable
def hardsigmoid(input: Array) -> Any:
    """y = x / 6 + 1/2 limited to [0, 1], straight lines for a sigmoid; dy/dx = 1/6 where -3 < x < 3, else 0."""
    sloped = (input > -3) & (input < 3)
    return share_of_six(input), (lambda dy: dy * sloped / 6,)


@differentiable
def hardswish(input: Array) -> Any:
    """y = x hardsigmoid(x); dy/dx = 0 where x <= -3, x / 3 + 1/2 below 3, then 1. Source: arXiv:1905.02244."""
    xp = array_module(input)

    def dx(dy: Array) -> Array:
        slope = xp.where(input >= 3, input.dtype.type(1), input / 3 + 0.5)
        return dy * xp.where(input <= -3, input.dtype.type(0), slope)

    return input * share_of_six(input), (dx,)


def share_of_six(x: Array) -> Array:
    """min(max(x + 3, 0), 6) / 6."""
    return array_module(x).clip(x + 3, 0, 6) / 6


@differentiable
def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """y = ln(1 + e^(βx)) / β, and x itself where βx > threshold."""
    xp = array_module(input)
    z = beta * input
    linear = z > threshold
    y = xp.where(linear, input, xp.logaddexp(0, z) / beta).astype(input.dtype, copy=False)
    return y, (lambda dy: dy * xp.where(linear, 1, 1 / (1 + xp.exp(-z))),)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """y = x Φ(x), Φ the normal distribution; approximate="tanh" uses the tanh formula. Source: arXiv:1606.08415."""
    if approximate == "none":
        return input * (0.5 * (1 + erf(input / SQRT_2)))
    if approximate == "tanh":
        return input * (0.5 * (1 + tanh(SQRT_2_OVER_PI * (input + 0.044715 * input * input * input))))
    raise ValueError(f"gelu: approximate={approximate!r}; choose 'none' or 'tanh'")


@differentiable
def hardtanh(input: Array, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """y = x limited to [min_val, max_val]; dy/dx = 1 strictly inside. NaN stays NaN, and lets its gradient through."""
    outside = (input <= min_val) | (input >= max_val)
    return array_module(input).clip(input, min_val, max_val), (lambda dy: dy * ~outside,)


def relu6(input: Tensor) -> Tensor:
    """y = min(max(x, 0), 6)."""
    return hardtanh(input, 0.0, 6.0)


def largest(x: Array, reduced: tuple[int, ...]) -> Array:
    """The largest elements over some axes, which stay with size 1; -Inf where there is none to choose from."""
    if x.size:
        return x.max(axis=reduced, keepdims=True)
    shape = [1 if axis in reduced else size for axis, size in enumerate(x.shape)]
    return array_module(x).full(shape, -float("inf"), x.dtype)


@differentiable
def softmax(input: Array, dim: int) -> Any:
    """y_k = exp(x_k) / Σ_j exp(x_j) along `dim`; dx = y (dy - Σ_j dy_j y_j)."""
    axis = one_axis("softmax", input, dim)
    x = floating(input)
    y = array_module(x).exp(x - largest(x, (axis,)))
    y /= y.sum(axis=axis, keepdims=True)
    return y, (lambda dy: y * (dy - (dy * y).sum(axis=axis, keepdims=True)),)


@differentiable
def log_softmax(input: Array, dim: int) -> Any:
    """y_k = x_k - ln Σ_j exp(x_j) along `dim`; dx = dy - exp(y) Σ_j dy_j."""
    axis = one_axis("log_softmax", input, dim)
    x = floating(input)
    xp = array_module(x)
    shifted = x - largest(x, (axis,))
    y = shifted - xp.log(xp.exp(shifted).sum(axis=axis, keepdims=True))
    return y, (lambda dy: dy - xp.exp(y) * dy.sum(axis=axis, keepdims=True),)


@differentiable
def logsumexp(input: Array, dim: Any, keepdim: bool = False) -> Any:
    """y = ln Σ exp(x) over `dim`, without overflow; dx = dy softmax(x)."""
    reduced = axes("logsumexp", input, dim)
    x = floating(input)
    xp = array_module(x)
    top = largest(x, reduced)
    top = xp.where(xp.isfinite(top), top, 0)
    y = xp.log(xp.exp(x - top).sum(axis=reduced, keepdims=True)) + top

    def dx(dy: Array) -> Array:
        spread = dy if keepdim else xp.expand_dims(dy, tuple(sorted(reduced)))
        return spread * xp.exp(x - y)

    return (y if keepdim else y.squeeze(reduced)), (dx,)


relu_ = in_place("relu_", relu)
sigmoid_ = in_place("sigmoid_", sigmoid)
tanh_ = in_place("tanh_", tanh)
