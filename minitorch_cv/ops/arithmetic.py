"""Arithmetic of two operands, with broadcasting: tensors, NumPy arrays and Python numbers on either side."""

from __future__ import annotations

from typing import Any

import numpy as np

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array, array_module, is_on_gpu

from ..dtypes import get_default_dtype, result_dtype
from .differentiable import differentiable, unbroadcast

LARGE = 1 << 15  # elements of a sum from which on its threads and its buffer pay


def promoted(a: Any, b: Any) -> tuple[Array, Array]:
    """Both operands as arrays of their common dtype (`dtypes.result_dtype`); beside a GPU's, one may be a number."""
    if type(a) is type(b) and hasattr(a, "dtype") and a.dtype == b.dtype:
        return a, b
    dtype = result_dtype(a, b)
    return beside(b, as_dtype(a, dtype)), beside(a, as_dtype(b, dtype))


def promoted_float(a: Any, b: Any) -> tuple[Array, Array]:
    """Both operands as arrays of one floating-point dtype; integers become the default one."""
    a, b = promoted(a, b)
    if a.dtype.kind == "f":
        return a, b
    return as_dtype(a, get_default_dtype()), as_dtype(b, get_default_dtype())


def as_dtype(a: Any, dtype: np.dtype) -> Array:
    """An array, or a number, in `dtype`."""
    return a.astype(dtype, copy=False) if hasattr(a, "astype") else np.asarray(a, dtype)


def beside(other: Any, value: Array) -> Array:
    """`value`, as a number where it is one on the CPU and `other` an array on a GPU; TypeError where it is an array."""
    if type(value) is not np.ndarray or not is_on_gpu(other):
        return value
    if value.ndim:
        raise TypeError(
            f"an array of shape {value.shape} lies on the CPU, another of shape {other.shape} on a GPU; "
            "move one of them with .to(device)"
        )
    return value[()]


def is_large(x: Any, z: Any) -> bool:
    """Whether a sum of these two is worth a kernel: arrays of one shape, and of many elements."""
    return x.shape == z.shape and x.size >= LARGE and x.dtype.kind == "f"


@differentiable
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """y = input + alpha * other, broadcast."""
    x, z = promoted(input, other)
    x_shape, z_shape = x.shape, z.shape
    if alpha == 1:
        y = kernels.add(x, z) if is_large(x, z) else x + z
        return y, (lambda dy: unbroadcast(dy, x_shape), lambda dy: unbroadcast(dy, z_shape))
    return x + alpha * z, (lambda dy: unbroadcast(dy, x_shape), lambda dy: unbroadcast(alpha * dy, z_shape))


@differentiable
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """y = input - alpha * other, broadcast."""
    x, z = promoted(input, other)
    x_shape, z_shape = x.shape, z.shape
    y = x - z if alpha == 1 else x - alpha * z
    return y, (lambda dy: unbroadcast(dy, x_shape), lambda dy: unbroadcast(-alpha * dy, z_shape))


@differentiable
def mul(input: Any, other: Any) -> Any:
    """y = input * other, element by element, broadcast."""
    x, z = promoted(input, other)
    x_shape, z_shape = x.shape, z.shape
    return x * z, (lambda dy: unbroadcast(dy * z, x_shape), lambda dy: unbroadcast(dy * x, z_shape))


@differentiable
def div(input: Any, other: Any) -> Any:
    """y = input / other, element by element, broadcast; integers give floating point."""
    x, z = promoted_float(input, other)
    x_shape, z_shape = x.shape, z.shape
    y = x / z
    return y, (lambda dy: unbroadcast(dy / z, x_shape), lambda dy: unbroadcast(-dy * (y / z), z_shape))


@differentiable
def pow(input: Any, exponent: Any) -> Any:
    """y = input ** exponent, element by element, broadcast.

    dy/dx is 0 where the exponent is 0, also at x = 0; dy/d(exponent) = y ln x is 0 where x = 0 and exponent >= 0.
    """
    if isinstance(exponent, int) and input.dtype.kind in "iu" and exponent < 0:
        raise RuntimeError(f"pow: integers to the negative power {exponent} are not integers; convert with .float()")
    x, z = promoted(input, exponent)
    x_shape, z_shape = x.shape, z.shape
    y = x**z

    def dx(dy: Array) -> Array:
        slope = array_module(z).where(z == 0, 0, z * x ** (z - 1))
        return unbroadcast(dy * slope, x_shape)

    def dz(dy: Array) -> Array:
        slope = array_module(x).where((x == 0) & (z >= 0), 0, y * array_module(x).log(x))
        return unbroadcast(dy * slope, z_shape)

    return y, (dx, dz)


@differentiable
def remainder(input: Any, other: Any) -> Any:
    """y = input - floor(input / other) * other: the sign of the divisor, as Python's `%`."""
    x, z = promoted(input, other)
    x_shape, z_shape = x.shape, z.shape
    return x % z, (
        lambda dy: unbroadcast(dy, x_shape),
        lambda dy: unbroadcast(-dy * (x // z), z_shape),
    )


@differentiable
def floor_divide(input: Any, other: Any) -> Any:
    """y = floor(input / other); its gradient is 0 almost everywhere."""
    x, z = promoted(input, other)
    x_shape, z_shape = x.shape, z.shape
    zeros = array_module(x).zeros
    return x // z, (lambda dy: zeros(x_shape, dy.dtype), lambda dy: zeros(z_shape, dy.dtype))


@differentiable
def maximum(input: Any, other: Any) -> Any:
    """y = max(input, other), element by element, NaN if either is; ties share the gradient equally."""
    x, z = promoted(input, other)
    return array_module(x).maximum(x, z), shared_among_ties(x, z, x < z, x > z)


@differentiable
def minimum(input: Any, other: Any) -> Any:
    """y = min(input, other), element by element, NaN if either is; ties share the gradient equally."""
    x, z = promoted(input, other)
    return array_module(x).minimum(x, z), shared_among_ties(x, z, x > z, x < z)


def shared_among_ties(x: Array, z: Array, x_loses: Array, z_loses: Array) -> tuple[Any, Any]:
    """The two gradients of a choice: none to the loser, half to each at a tie, and to both where one of them is NaN."""
    x_shape, z_shape, where = x.shape, z.shape, array_module(x_loses).where
    share = where(x == z, 0.5, 1).astype(x.dtype)
    return (
        lambda dy: unbroadcast(dy * where(x_loses, 0, share), x_shape),
        lambda dy: unbroadcast(dy * where(z_loses, 0, share), z_shape),
    )


@differentiable
def where(condition: Any, input: Any, other: Any) -> Any:
    """y = input where condition holds, else other; all three broadcast together."""
    x, z = (beside(condition, value) for value in promoted(input, other))
    x_shape, z_shape = x.shape, z.shape
    choose = array_module(condition).where
    return choose(condition, x, z), (
        None,
        lambda dy: unbroadcast(choose(condition, dy, 0), x_shape),
        lambda dy: unbroadcast(choose(condition, 0, dy), z_shape),
    )


@differentiable
def lerp(input: Any, end: Any, weight: Any) -> Any:
    """y = input + weight * (end - input)."""
    x_shape, end_shape, weight_shape = input.shape, end.shape, np.shape(weight)
    step = end - input
    return input + weight * step, (
        lambda dy: unbroadcast(dy * (1 - weight), x_shape),
        lambda dy: unbroadcast(dy * weight, end_shape),
        lambda dy: unbroadcast(dy * step, weight_shape),
    )
