"""Comparisons and logic: bool results, no gradient."""

from __future__ import annotations

from typing import Any

from minitorch_kernels.arrays import array_module

from ..listening import refuse_recording, told
from ..tensor import Tensor


def array_of(value: Any) -> Any:
    """The array of a tensor; anything else as it is."""
    return value._array if isinstance(value, Tensor) else value


@told
def eq(input: Tensor, other: Any) -> Tensor:
    """True where input = other."""
    return Tensor(array_of(input) == array_of(other))


@told
def ne(input: Tensor, other: Any) -> Tensor:
    """True where input ≠ other."""
    return Tensor(array_of(input) != array_of(other))


@told
def lt(input: Tensor, other: Any) -> Tensor:
    """True where input < other."""
    return Tensor(array_of(input) < array_of(other))


@told
def le(input: Tensor, other: Any) -> Tensor:
    """True where input <= other."""
    return Tensor(array_of(input) <= array_of(other))


@told
def gt(input: Tensor, other: Any) -> Tensor:
    """True where input > other."""
    return Tensor(array_of(input) > array_of(other))


@told
def ge(input: Tensor, other: Any) -> Tensor:
    """True where input >= other."""
    return Tensor(array_of(input) >= array_of(other))


@told
def logical_and(input: Tensor, other: Any) -> Tensor:
    """True where both are not zero."""
    return Tensor(array_module(input._array).logical_and(input._array, array_of(other)))


@told
def logical_or(input: Tensor, other: Any) -> Tensor:
    """True where at least one is not zero."""
    return Tensor(array_module(input._array).logical_or(input._array, array_of(other)))


@told
def logical_xor(input: Tensor, other: Any) -> Tensor:
    """True where exactly one is not zero."""
    return Tensor(array_module(input._array).logical_xor(input._array, array_of(other)))


@told
def logical_not(input: Tensor) -> Tensor:
    """True where the element is zero."""
    return Tensor(array_module(input._array).logical_not(input._array))


@told
def bitwise_and(input: Tensor, other: Any) -> Tensor:
    """input & other, bit by bit; for bool tensors, logical and."""
    return Tensor(array_of(input) & array_of(other))


@told
def bitwise_or(input: Tensor, other: Any) -> Tensor:
    """input | other, bit by bit; for bool tensors, logical or."""
    return Tensor(array_of(input) | array_of(other))


@told
def bitwise_xor(input: Tensor, other: Any) -> Tensor:
    """input ^ other, bit by bit; for bool tensors, logical exclusive or."""
    return Tensor(array_of(input) ^ array_of(other))


@told
def bitwise_not(input: Tensor) -> Tensor:
    """Every bit of the input turned; for bool tensors, logical not."""
    return Tensor(~input._array)


@told
def isnan(input: Tensor) -> Tensor:
    """True where the element is NaN."""
    return Tensor(array_module(input._array).isnan(input._array))


@told
def isinf(input: Tensor) -> Tensor:
    """True where the element is Inf or -Inf."""
    return Tensor(array_module(input._array).isinf(input._array))


@told
def isfinite(input: Tensor) -> Tensor:
    """True where the element is neither NaN nor infinite."""
    return Tensor(array_module(input._array).isfinite(input._array))


def equal(input: Tensor, other: Tensor) -> bool:
    """True where shapes agree and all elements are equal."""
    refuse_recording("equal()", "compare with ==, which gives a tensor", input, other)
    return input.shape == other.shape and bool(eq(input, other).all())


@told
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """True where |input - other| <= atol + rtol |other|."""
    a, b = input._array, other._array
    return Tensor(array_module(a).isclose(a, b, rtol, atol, equal_nan))


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """True where `isclose` holds for every element."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())
