"""Reductions: sums, means, extremes, over all elements or over some axes."""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minitorch_kernels.arrays import Array, array_module, on_gpu_of

from ..dtypes import int64
from ..listening import told
from ..tensor import Tensor
from .arithmetic import maximum, minimum
from .differentiable import differentiable
from .pointwise import floating

Axes = int | tuple[int, ...] | list[int] | None


class ValuesAndIndices(NamedTuple):
    """What `max(dim)`, `min(dim)`, `sort` and `topk` return."""

    values: Tensor
    indices: Tensor


def numpy_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let `axis` and `keepdims` stand for `dim` and `keepdim`, as torch does for readers of NumPy."""

    @functools.wraps(function)
    def renamed(*args: Any, **options: Any) -> Any:
        for alias, name in (("axis", "dim"), ("keepdims", "keepdim")):
            if alias in options:
                options[name] = options.pop(alias)
        return function(*args, **options)

    return renamed


def axes(name: str, x: Array, dim: Axes) -> tuple[int, ...]:
    """`dim` as a tuple of axes counted from the front; all of them for None. IndexError for one that is not there."""
    if dim is None:
        return tuple(range(x.ndim))
    dims = (dim,) if isinstance(dim, (int, np.integer)) else tuple(dim)
    for d in dims:
        if not -builtins.max(x.ndim, 1) <= d < builtins.max(x.ndim, 1):
            raise IndexError(f"{name}: dim {d} is out of range for a tensor of shape {x.shape}")
    return tuple(d % x.ndim for d in dims) if x.ndim else ()


def one_axis(name: str, x: Array, dim: int) -> int:
    """`dim` counted from the front. IndexError where x has no such axis, or none at all."""
    if x.ndim == 0:
        raise IndexError(f"{name}: a 0-d tensor has no dim {dim}; unsqueeze(0) gives it one")
    return axes(name, x, dim)[0]


def keep(y: Array, reduced: tuple[int, ...]) -> Array:
    """`y` with the reduced axes back, of size 1, so that it broadcasts against the input."""
    return array_module(y).expand_dims(y, tuple(sorted(reduced)))


def spread(dy: Array, shape: tuple[int, ...], reduced: tuple[int, ...], keepdim: bool) -> Array:
    """The gradient of a sum: `dy` repeated along the axes that were summed (a read-only view)."""
    return array_module(dy).broadcast_to(dy if keepdim else keep(dy, reduced), shape)


@numpy_names
@differentiable
def sum(input: Array, dim: Axes = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """y = Σ x over `dim`; integers and bools add up in int64."""
    reduced, shape = axes("sum", input, dim), input.shape
    if dtype is None and input.dtype.kind != "f":
        dtype = int64
    y = input.sum(axis=reduced, keepdims=keepdim, dtype=dtype)
    return y, (lambda dy: spread(dy, shape, reduced, keepdim),)


@numpy_names
@differentiable
def mean(input: Array, dim: Axes = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """y = Σ x / n over `dim`, n the number of elements summed. RuntimeError for integers, as in torch."""
    if input.dtype.kind != "f" and dtype is None:
        raise RuntimeError(f"mean: the input is {input.dtype}; convert with .float(), or pass dtype=float32")
    reduced, shape = axes("mean", input, dim), input.shape
    count = reduced_count(shape, reduced)
    total = input.sum(axis=reduced, keepdims=keepdim, dtype=dtype)
    return total / total.dtype.type(count), (lambda dy: spread(dy / count, shape, reduced, keepdim),)


def reduced_count(shape: tuple[int, ...], reduced: tuple[int, ...]) -> int:
    """How many elements are reduced to one."""
    return math.prod(shape[d] for d in reduced)


@numpy_names
@differentiable
def var(input: Array, dim: Axes = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None) -> Any:
    """y = Σ (x - mean)² / (n - correction) over `dim`; correction is 1, or 0 with unbiased=False."""
    reduced, shape = axes("var", input, dim), input.shape
    centred, divisor = deviations(input, reduced, unbiased, correction)
    y = (centred * centred).sum(axis=reduced, keepdims=keepdim) / divisor
    return y, (lambda dy: spread(dy, shape, reduced, keepdim) * (centred * (2 / divisor)),)


@numpy_names
@differentiable
def std(input: Array, dim: Axes = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None) -> Any:
    """y = √var; see `var`. dy/dx = (x - mean) / (y (n - correction)), 0 where y = 0."""
    reduced = axes("std", input, dim)
    xp = array_module(input)
    centred, divisor = deviations(input, reduced, unbiased, correction)
    y = xp.sqrt((centred * centred).sum(axis=reduced, keepdims=True) / divisor)

    def dx(dy: Array) -> Array:
        slope = xp.where(y == 0, 0, centred / (y * divisor))
        return spread(dy, input.shape, reduced, keepdim) * slope

    return (y if keepdim else y.squeeze(reduced)), (dx,)


def deviations(x: Array, reduced: tuple[int, ...], unbiased: bool, correction: Any) -> tuple[Array, Any]:
    """x - mean, and n - correction, or 0 where that is negative: what `var` divides by.

    The first element is taken off before the mean is: the deviations of equal values are then 0, not rounding errors.
    """
    xp, count = array_module(x), reduced_count(x.shape, reduced)
    degrees = count - (int(unbiased) if correction is None else correction)
    first = x[tuple(slice(0, 1) if d in reduced else slice(None) for d in range(x.ndim))]
    shifted = x - xp.where(xp.isfinite(first), first, 0)
    centred = shifted - shifted.sum(axis=reduced, keepdims=True) / x.dtype.type(count)
    return centred, x.dtype.type(builtins.max(degrees, 0))


@numpy_names
@differentiable
def prod(input: Array, dim: int | None = None, keepdim: bool = False) -> Any:
    """y = Π x over `dim`. The gradient multiplies the other elements, so that zeros are right."""
    reduced, shape = axes("prod", input, dim), input.shape
    xp = array_module(input)
    y = input.prod(axis=reduced, keepdims=keepdim, dtype=None if input.dtype.kind == "f" else int64)

    def dx(dy: Array) -> Array:
        kept, count = keep_shape(shape, reduced), reduced_count(shape, reduced)
        flat = xp.moveaxis(input, reduced, range(-len(reduced), 0)).reshape(*kept, count)
        ones = xp.ones_like(flat[..., :1])
        before = xp.cumprod(xp.concatenate([ones, flat[..., :-1]], -1), -1)
        after = xp.cumprod(xp.concatenate([ones, flat[..., :0:-1]], -1), -1)[..., ::-1]
        others = (before * after).reshape((*kept, *(shape[d] for d in reduced)))
        return spread(dy, shape, reduced, keepdim) * xp.moveaxis(others, range(-len(reduced), 0), reduced)

    return y, (dx,)


def keep_shape(shape: tuple[int, ...], reduced: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what is left after reducing."""
    return tuple(size for d, size in enumerate(shape) if d not in reduced)


@numpy_names
@differentiable
def amax(input: Array, dim: Axes = None, keepdim: bool = False) -> Any:
    """y = the largest element over `dim`; ties share the gradient equally."""
    return extreme("amax", input, dim, keepdim)


@numpy_names
@differentiable
def amin(input: Array, dim: Axes = None, keepdim: bool = False) -> Any:
    """y = the smallest element over `dim`; ties share the gradient equally."""
    return extreme("amin", input, dim, keepdim)


def extreme(name: str, x: Array, dim: Axes, keepdim: bool) -> Any:
    reduced = axes(name, x, None if dim == () else dim)
    refuse_empty(name, x, reduced)
    y = (x.max if name == "amax" else x.min)(axis=reduced, keepdims=True)

    def dx(dy: Array) -> Array:
        winners = (x == y) | ((x != x) & (y != y))
        return spread(dy, x.shape, reduced, keepdim) * (winners / winners.sum(axis=reduced, keepdims=True)).astype(
            x.dtype
        )

    return (y if keepdim else y.squeeze(reduced)), (dx,)


def refuse_empty(name: str, x: Array, reduced: tuple[int, ...]) -> None:
    if builtins.any(x.shape[d] == 0 for d in reduced):
        raise RuntimeError(f"{name}: nothing to choose from in a tensor of shape {x.shape} along axes {reduced}")


@differentiable
def choose_along(input: Array, indices: Array, dim: int, keepdim: bool) -> Any:
    """y = the element at `indices` (of size 1 along `dim`); the gradient goes to that element alone."""
    shape = input.shape
    xp = array_module(input)
    y = xp.take_along_axis(input, indices, dim)

    def dx(dy: Array) -> Array:
        gradient = xp.zeros(shape, dy.dtype)
        xp.put_along_axis(gradient, indices, dy if keepdim else xp.expand_dims(dy, dim), dim)
        return gradient

    return (y if keepdim else y.squeeze(dim)), (dx,)


@numpy_names
def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element; `max(x, dim)` gives (values, indices) with the first of equals; `max(x, y)` is `maximum`.

    Without dim, ties share the gradient; with dim it goes to the element at the index.
    """
    return extreme_or_pair("max", input, dim, keepdim)


@numpy_names
def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element; `min(x, dim)` gives (values, indices), the first of equals; `min(x, y)` is `minimum`."""
    return extreme_or_pair("min", input, dim, keepdim)


def extreme_or_pair(name: str, input: Tensor, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        return amax(input) if name == "max" else amin(input)
    if isinstance(dim, Tensor):
        return (maximum if name == "max" else minimum)(input, dim)
    with on_gpu_of((input._array,)):
        if input.ndim == 0:
            axes(name, input._array, dim)  # the error for a dim that is neither 0 nor -1
            return ValuesAndIndices(input.clone(), Tensor(array_module(input._array).zeros((), int64)))
        dim = one_axis(name, input._array, dim)
        indices = arg_extreme(f"arg{name}", input._array, dim)
        # A copy: the gradient needs the indices, whatever the caller does with theirs.
        handed_out = indices.copy() if keepdim else indices.squeeze(dim).copy()
    return ValuesAndIndices(choose_along(input, indices, dim, keepdim), Tensor(handed_out))


def arg_extreme(name: str, x: Array, dim: int) -> Array:
    refuse_empty(name, x, (dim,))
    return getattr(array_module(x), name)(x, axis=dim, keepdims=True)


@numpy_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the largest element, the first of equals; into the flattened tensor without dim."""
    return arg("argmax", input, dim, keepdim)


@numpy_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest element, the first of equals; into the flattened tensor without dim."""
    return arg("argmin", input, dim, keepdim)


@told
def arg(name: str, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    x = input._array
    if dim is None:
        flat = arg_extreme(name, x.reshape(-1), 0)
        return Tensor(flat.reshape((1,) * x.ndim if keepdim else ()))
    if x.ndim == 0:
        axes(name, x, dim)
        return Tensor(array_module(x).zeros((), int64))
    dim = one_axis(name, x, dim)
    indices = arg_extreme(name, x, dim)
    return Tensor(indices if keepdim else indices.squeeze(dim))


@numpy_names
def norm(input: Tensor, p: Any = 2, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """y = (Σ |x|ᵖ)^(1/p) over `dim`; p may be "fro" (= 2), inf, -inf or 0. The gradient at x = 0 is 0."""
    if p == 0:
        return sum((input != 0).to(input.dtype), dim, keepdim)
    if p in (float("inf"), float("-inf")):
        return (amax if p > 0 else amin)(input.abs(), dim, keepdim)
    return power_norm(input, 2 if p == "fro" else p, dim, keepdim)


@differentiable
def power_norm(input: Array, p: Any, dim: Axes, keepdim: bool) -> Any:
    """y = (Σ |x|ᵖ)^(1/p) over `dim`; dy/dx = sign(x) (|x| / y)ᵖ⁻¹, 0 where x = 0, and where the powers underflow."""
    reduced = axes("norm", input, dim)
    x = floating(input)
    xp = array_module(x)
    size = xp.abs(x)
    y = (size**p).sum(axis=reduced, keepdims=True) ** (1 / p)

    def dx(dy: Array) -> Array:
        slope = xp.where((size == 0) | (y == 0), 0, xp.sign(x) * (size / y) ** (p - 1))
        return spread(dy, x.shape, reduced, keepdim) * slope

    return (y if keepdim else y.squeeze(reduced)), (dx,)


@numpy_names
@differentiable
def cumsum(input: Array, dim: int) -> Any:
    """y_i = Σ_{j <= i} x_j along `dim`."""
    axis = one_axis("cumsum", input, dim)
    xp = array_module(input)
    y = xp.cumsum(input, axis, dtype=int64 if input.dtype.kind != "f" else None)
    return y, (lambda dy: xp.flip(xp.cumsum(xp.flip(dy, axis), axis), axis),)


@numpy_names
@told
def any(input: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """True where at least one element over `dim` is not zero."""
    return Tensor(input._array.any(axis=axes("any", input._array, dim), keepdims=keepdim))


@numpy_names
@told
def all(input: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """True where no element over `dim` is zero."""
    return Tensor(input._array.all(axis=axes("all", input._array, dim), keepdims=keepdim))
