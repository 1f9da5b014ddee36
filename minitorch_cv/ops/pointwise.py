"""Functions of one operand, element by element: equation and derivative side by side."""

from __future__ import annotations

import math
from typing import Any

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array, array_module
from minitorch_kernels.erf import erf as erf_kernel

from ..dtypes import get_default_dtype
from .differentiable import differentiable, unbroadcast


def floating(x: Array) -> Array:
    """`x` itself, or integers as the default floating-point type."""
    return x if x.dtype.kind == "f" else x.astype(get_default_dtype())


@differentiable
def neg(input: Array) -> Any:
    """y = -x."""
    return -input, (lambda dy: -dy,)


@differentiable
def exp(input: Array) -> Any:
    """y = eˣ; dy/dx = y."""
    y = array_module(input).exp(floating(input))
    return y, (lambda dy: dy * y,)


@differentiable
def expm1(input: Array) -> Any:
    """y = eˣ - 1, accurate near 0; dy/dx = y + 1."""
    y = array_module(input).expm1(floating(input))
    return y, (lambda dy: dy * (y + 1),)


@differentiable
def log(input: Array) -> Any:
    """y = ln x; dy/dx = 1 / x."""
    x = floating(input)
    return array_module(x).log(x), (lambda dy: dy / x,)


@differentiable
def log1p(input: Array) -> Any:
    """y = ln(1 + x), accurate near 0; dy/dx = 1 / (1 + x)."""
    x = floating(input)
    return array_module(x).log1p(x), (lambda dy: dy / (1 + x),)


@differentiable
def log2(input: Array) -> Any:
    """y = log₂ x; dy/dx = 1 / (x ln 2)."""
    x = floating(input)
    xp = array_module(x)
    return xp.log2(x), (lambda dy: dy / (x * xp.log(x.dtype.type(2))),)


@differentiable
def log10(input: Array) -> Any:
    """y = log₁₀ x; dy/dx = 1 / (x ln 10)."""
    x = floating(input)
    xp = array_module(x)
    return xp.log10(x), (lambda dy: dy / (x * xp.log(x.dtype.type(10))),)


@differentiable
def sqrt(input: Array) -> Any:
    """y = √x; dy/dx = 1 / (2 y)."""
    y = array_module(input).sqrt(floating(input))
    return y, (lambda dy: dy / (2 * y),)


@differentiable
def rsqrt(input: Array) -> Any:
    """y = 1 / √x; dy/dx = -y³ / 2."""
    y = 1 / array_module(input).sqrt(floating(input))
    return y, (lambda dy: dy * (-0.5 * y * y * y),)


@differentiable
def reciprocal(input: Array) -> Any:
    """y = 1 / x; dy/dx = -y²."""
    y = 1 / floating(input)
    return y, (lambda dy: -dy * y * y,)


@differentiable
def square(input: Array) -> Any:
    """y = x²; dy/dx = 2 x."""
    return input * input, (lambda dy: dy * (2 * input),)


@differentiable
def abs(input: Array) -> Any:
    """y = |x|; dy/dx = sign(x), 0 at the kink."""
    xp = array_module(input)
    return xp.abs(input), (lambda dy: dy * xp.sign(input),)


@differentiable
def sign(input: Array) -> Any:
    """y = -1, 0 or 1; its gradient is 0."""
    xp = array_module(input)
    return xp.sign(input), (xp.zeros_like,)


@differentiable
def floor(input: Array) -> Any:
    """y = the largest integer <= x; its gradient is 0."""
    xp = array_module(input)
    return xp.floor(input), (xp.zeros_like,)


@differentiable
def ceil(input: Array) -> Any:
    """y = the smallest integer >= x; its gradient is 0."""
    xp = array_module(input)
    return xp.ceil(input), (xp.zeros_like,)


@differentiable
def round(input: Array, *, decimals: int = 0) -> Any:
    """y = x rounded, halves to even; its gradient is 0."""
    xp = array_module(input)
    return xp.round(input, decimals), (xp.zeros_like,)


@differentiable
def sin(input: Array) -> Any:
    """y = sin x; dy/dx = cos x."""
    x = floating(input)
    xp = array_module(x)
    return xp.sin(x), (lambda dy: dy * xp.cos(x),)


@differentiable
def cos(input: Array) -> Any:
    """y = cos x; dy/dx = -sin x."""
    x = floating(input)
    xp = array_module(x)
    return xp.cos(x), (lambda dy: -dy * xp.sin(x),)


@differentiable
def tan(input: Array) -> Any:
    """y = tan x; dy/dx = 1 + y²."""
    y = array_module(input).tan(floating(input))
    return y, (lambda dy: dy * (1 + y * y),)


@differentiable
def tanh(input: Array) -> Any:
    """y = tanh x; dy/dx = 1 - y²."""
    y = kernels.tanh(floating(input))
    return y, (lambda dy: kernels.tanh_grad(dy, y),)


@differentiable
def erf(input: Array) -> Any:
    """y = 2/√π ∫₀ˣ exp(-t²) dt; dy/dx = 2/√π exp(-x²)."""
    x = floating(input)
    xp = array_module(x)
    return erf_kernel(x), (lambda dy: dy * (x.dtype.type(2 / math.sqrt(math.pi)) * xp.exp(-x * x)),)


@differentiable
def clamp(input: Array, min: Any = None, max: Any = None) -> Any:
    """y = x limited to [min, max], each a number, a tensor or None; max wins where min > max.

    The gradient goes to x inside and on the limits, to the limit elsewhere.
    """
    if min is None and max is None:
        raise ValueError("clamp: give min, max or both")
    xp = array_module(input)
    low = -xp.inf if min is None else min
    high = xp.inf if max is None else max
    y = input
    if min is not None:
        y = xp.maximum(y, min)
    if max is not None:
        y = xp.minimum(y, max)
    inside = (input >= low) & (input <= high)
    at_low = (input < low) & (True if max is None else xp.less(low, high))
    at_high = (input > high) | xp.less(high, low)
    shapes = [xp.shape(a) for a in (input, min, max)]
    return y.astype(input.dtype, copy=False), (
        lambda dy: unbroadcast(dy * inside, shapes[0]),
        lambda dy: unbroadcast(dy * at_low, shapes[1]),
        lambda dy: unbroadcast(dy * at_high, shapes[2]),
    )
