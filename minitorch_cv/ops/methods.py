"""Operations as methods and operators of Tensor: `x.exp()`, `x + y`, `x[i]`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from .. import creation, dtypes
from ..listening import told
from ..random import numpy_generator
from ..tensor import Tensor
from . import (
    activation,
    arithmetic,
    comparison,
    indexing,
    inplace,
    matmul,
    moving,
    pointwise,
    reduction,
    shape,
    sorting,
)

METHODS: dict[ModuleType, str] = {
    arithmetic: "add sub mul div pow remainder floor_divide maximum minimum lerp",
    pointwise: "neg exp expm1 log log1p log2 log10 sqrt rsqrt reciprocal square abs sign floor ceil round sin cos tan "
    "tanh erf clamp",
    activation: "relu sigmoid softmax log_softmax logsumexp relu_ sigmoid_ tanh_",
    reduction: "sum mean var std prod amax amin max min argmax argmin norm cumsum any all",
    sorting: "sort argsort topk",
    indexing: "gather take index_select masked_fill masked_select nonzero",
    shape: "reshape view flatten unflatten squeeze unsqueeze permute transpose t movedim expand broadcast_to repeat "
    "flip roll split chunk unbind clone contiguous triu tril",
    matmul: "matmul mm bmm dot mv",
    moving: "to_device",
    comparison: "eq ne lt le gt ge logical_and logical_or logical_xor logical_not isnan isinf isfinite equal isclose "
    "allclose",
    inplace: "copy_ fill_ zero_ masked_fill_ add_ sub_ mul_ div_ pow_ remainder_ floor_divide_ lerp_ neg_ abs_ exp_ "
    "log_ sqrt_ round_ clamp_",
}

OPERATORS = {
    "add": (arithmetic.add, inplace.add_),
    "sub": (arithmetic.sub, inplace.sub_),
    "mul": (arithmetic.mul, inplace.mul_),
    "truediv": (arithmetic.div, inplace.div_),
    "pow": (arithmetic.pow, inplace.pow_),
    "mod": (arithmetic.remainder, inplace.remainder_),
    "floordiv": (arithmetic.floor_divide, inplace.floor_divide_),
    "matmul": (matmul.matmul, None),
    "and": (comparison.bitwise_and, None),
    "or": (comparison.bitwise_or, None),
    "xor": (comparison.bitwise_xor, None),
}


def operator(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function(x, other)` as an operator, which leaves operands it does not know to the other side."""
    return lambda x, other: function(x, other) if is_operand(other) else NotImplemented


def reflected(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function(other, x)` as an operator, for an array or number on the left."""
    return lambda x, other: function(other, x) if is_operand(other) else NotImplemented


def is_operand(value: Any) -> bool:
    """True for what arithmetic takes: tensors, arrays, numbers."""
    return isinstance(value, (Tensor, np.ndarray, np.generic, int, float))


def transposed(input: Tensor) -> Tensor:
    """All axes in reverse order."""
    return input.permute(*reversed(range(input.ndim)))


def matrix_transposed(input: Tensor) -> Tensor:
    """The last two axes exchanged."""
    return input.transpose(-1, -2)


def type_(input: Tensor, dtype: Any = None) -> Any:
    """The tensor in another dtype, itself where it has it already; without an argument, the dtype."""
    if dtype is None:
        return input.dtype
    return input if np.dtype(dtype) == input.dtype else shape.cast(input, np.dtype(dtype))


def conversion(dtype: np.dtype) -> Callable[[Tensor], Tensor]:
    """The method that converts to `dtype`."""

    def convert(input: Tensor) -> Tensor:
        return type_(input, dtype)

    convert.__doc__ = f"The tensor as {dtype}; itself where it is that already."
    return convert


@told
def uniform_(input: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with uniform random numbers in [a, b)."""
    return inplace.copy_(input, numpy_generator(generator).uniform(a, b, input.shape))


@told
def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with random numbers of the normal distribution."""
    return inplace.copy_(input, numpy_generator(generator).normal(mean, std, input.shape))


@told
def bernoulli_(input: Tensor, p: float = 0.5, generator: Any = None) -> Tensor:
    """Fill with 1 with probability p, else 0."""
    return inplace.copy_(input, numpy_generator(generator).random(input.shape) < p)


def like(create: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`create` as a method whose result has dtype and device of the tensor it is called on."""

    @functools.wraps(create)
    def method(input: Tensor, *args: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        return create(*args, dtype=dtype or input.dtype, device=input.device, requires_grad=requires_grad)

    return method


OTHERS: dict[str, Any] = {
    "T": property(transposed),
    "mT": property(matrix_transposed),
    "type": type_,
    "float": conversion(dtypes.float32),
    "double": conversion(dtypes.float64),
    "half": conversion(dtypes.float16),
    "int": conversion(dtypes.int32),
    "long": conversion(dtypes.int64),
    "bool": conversion(dtypes.bool),
    "type_as": lambda input, other: type_(input, other.dtype),
    "view_as": lambda input, other: shape.reshape(input, other.shape),
    "reshape_as": lambda input, other: shape.reshape(input, other.shape),
    "expand_as": lambda input, other: shape.expand(input, other.shape),
    "new_tensor": like(creation.tensor),
    "new_zeros": like(creation.zeros),
    "new_ones": like(creation.ones),
    "new_full": like(creation.full),
    "new_empty": like(creation.empty),
    "uniform_": uniform_,
    "normal_": normal_,
    "bernoulli_": bernoulli_,
    "__neg__": pointwise.neg,
    "__pos__": lambda input: input,
    "__abs__": pointwise.abs,
    "__invert__": comparison.bitwise_not,
    "__getitem__": indexing.getitem,
    "__setitem__": inplace.setitem,
}


def attach_methods() -> None:
    """Give Tensor its methods and operators."""
    for module, names in METHODS.items():
        for name in names.split():
            setattr(Tensor, name, getattr(module, name))
    for name, (function, in_place) in OPERATORS.items():
        setattr(Tensor, f"__{name}__", operator(function))
        setattr(Tensor, f"__r{name}__", reflected(function))
        if in_place is not None:
            setattr(Tensor, f"__i{name}__", operator(in_place))
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(Tensor, f"__{name}__", operator(getattr(comparison, name)))
    for name, method in OTHERS.items():
        setattr(Tensor, name, method)


attach_methods()
