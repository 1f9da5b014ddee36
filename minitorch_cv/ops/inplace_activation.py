"""Activations as torch.nn.functional calls them: `inplace=` overwrites the input, `dtype=` converts it first."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import activation
from .inplace import in_place

leaky_relu_ = in_place("leaky_relu_", activation.leaky_relu)
elu_ = in_place("elu_", activation.elu)
silu_ = in_place("silu_", activation.silu)
hardtanh_ = in_place("hardtanh_", activation.hardtanh)
relu6_ = in_place("relu6_", activation.relu6)
hardsigmoid_ = in_place("hardsigmoid_", activation.hardsigmoid)
hardswish_ = in_place("hardswish_", activation.hardswish)
mish_ = in_place("mish_", activation.mish)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """y = max(x, 0)."""
    return activation.relu_(input) if inplace else activation.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """y = x where x > 0, else negative_slope · x."""
    return (leaky_relu_ if inplace else activation.leaky_relu)(input, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """y = x where x > 0, else α (eˣ - 1)."""
    return (elu_ if inplace else activation.elu)(input, alpha)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """y = x σ(x)."""
    return (silu_ if inplace else activation.silu)(input)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """y = x limited to [min_val, max_val]."""
    return (hardtanh_ if inplace else activation.hardtanh)(input, min_val, max_val)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """y = min(max(x, 0), 6)."""
    return (relu6_ if inplace else activation.relu6)(input)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """y = x / 6 + 1/2 limited to [0, 1]."""
    return (hardsigmoid_ if inplace else activation.hardsigmoid)(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """y = x hardsigmoid(x)."""
    return (hardswish_ if inplace else activation.hardswish)(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """y = x tanh(ln(1 + eˣ))."""
    return (mish_ if inplace else activation.mish)(input)


def softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """y_k = exp(x_k) / Σ_j exp(x_j) along `dim`, which must be given."""
    return activation.softmax(prepared("softmax", input, dim, dtype), dim)


def log_softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """y_k = x_k - ln Σ_j exp(x_j) along `dim`, which must be given."""
    return activation.log_softmax(prepared("log_softmax", input, dim, dtype), dim)


def prepared(operation: str, input: Tensor, dim: int | None, dtype: Any) -> Tensor:
    """The input in `dtype`. TypeError where dim is missing: torch guesses it, with a warning."""
    if dim is None:
        raise TypeError(f"{operation}: dim is missing for x of shape {input.shape}; give it, for instance dim=-1")
    return input if dtype is None else input.type(dtype)
