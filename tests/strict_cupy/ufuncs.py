"""CuPy's ufuncs, and the operators of its arrays."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import NUMBERS, change, compute, ndarray
from .signatures import TABLE

OPTIONS = {"out", "dtype", "casting", "_where"}
SCATTERED = {"add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"}  # those with `at`
REDUCED = {"add": ("sum", "cumsum"), "multiply": ("prod", "cumprod")}


class ufunc:
    """Stands for one of cupy's ufuncs. Results are C-contiguous, however the arguments lie."""

    def __init__(self, name: str) -> None:
        self.name, self.__name__ = f"cupy_{name}", name
        self.nin, self.nout = TABLE["ufuncs"][name]
        self.of_numpy = getattr(np, name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        if not options.keys() <= OPTIONS:
            raise TypeError(f"Wrong arguments {options}")
        if not self.nin <= len(args) <= self.nin + self.nout:
            raise TypeError(f"Wrong number of arguments for {self.name!r}: {len(args)}")
        outputs = args[self.nin :] or given_out(options.pop("out", None))
        for value in args[: self.nin]:
            if not isinstance(value, (ndarray, *NUMBERS)):
                raise TypeError(f"{self.name}: Unsupported type {type(value)}")
        if not outputs:
            return compute(self.name, functools.partial(self.of_numpy, order="C"), args, options)
        (output,) = outputs
        if not isinstance(output, ndarray):
            raise TypeError(f"{self.name}: Output arguments type must be cupy.ndarray, not {type(output)}")
        inputs = args[: self.nin]
        if np.broadcast_shapes(output.shape, *(np.shape(value) for value in inputs)) != output.shape:
            raise ValueError(f"{self.name}: Out shape is mismatched")
        change(self.name, output, lambda held, *args: self.of_numpy(*args, out=held, **options), inputs)
        return output

    def reduce(self, array: ndarray, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        if self.__name__ not in REDUCED:
            raise NotImplementedError(f"`{self.name}.reduce` is not supported yet")
        return getattr(array, REDUCED[self.__name__][0])(axis, dtype, out, keepdims)

    def accumulate(self, array: ndarray, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
        if self.__name__ not in REDUCED:
            raise NotImplementedError(f"`{self.name}.accumulate` is not supported yet")
        return getattr(array, REDUCED[self.__name__][1])(axis, dtype, out)

    def outer(self, A: Any, B: Any, **options: Any) -> Any:
        return self(A.reshape(A.shape + (1,) * B.ndim), B, **options)

    def at(self, a: ndarray, indices: Any, b: Any = None) -> None:
        if self.__name__ not in SCATTERED:
            raise NotImplementedError(f"`{self.name}.at` is not supported yet")
        change(self.name, a, self.of_numpy.at, (indices, b))


def given_out(out: Any) -> tuple[Any, ...]:
    return out if isinstance(out, tuple) else () if out is None else (out,)


@functools.cache
def named(name: str) -> ufunc:
    return ufunc(name)


def array_ufunc(self: ndarray, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """NumPy's ufuncs, asked for an array of CuPy, are CuPy's."""
    if function.__name__ not in TABLE["ufuncs"]:
        return NotImplemented
    outputs = options.get("out", ())
    if not all(isinstance(value, (ndarray, np.ndarray, *NUMBERS)) for value in (*inputs, *outputs)):
        return NotImplemented
    mine = named(function.__name__)
    return (mine if method == "__call__" else getattr(mine, method))(*inputs, **options)


BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "divmod": "divmod",
    "pow": "power",
    "lshift": "left_shift",
    "rshift": "right_shift",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
}
COMPARISONS = {
    "lt": "less",
    "le": "less_equal",
    "eq": "equal",
    "ne": "not_equal",
    "gt": "greater",
    "ge": "greater_equal",
}
UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}


def operator(name: str, reflected: bool = False) -> Callable[[ndarray, Any], Any]:
    """The operator of a ufunc, which leaves to the other side what has a higher priority, as a tensor has."""

    def call(self: ndarray, other: Any) -> Any:
        if not isinstance(other, ndarray) and getattr(other, "__array_priority__", 0) > self.__array_priority__:
            return NotImplemented
        if not isinstance(other, (ndarray, np.ndarray, *NUMBERS)):
            return NotImplemented
        return named(name)(*((other, self) if reflected else (self, other)))

    return call


def in_place(name: str) -> Callable[[ndarray, Any], ndarray]:
    return lambda self, other: named(name)(self, other, self)


def attach_operators() -> None:
    """Give the arrays their operators."""
    for word, name in BINARY.items():
        setattr(ndarray, f"__{word}__", operator(name))
        setattr(ndarray, f"__r{word}__", operator(name, reflected=True))
        setattr(ndarray, f"__i{word}__", in_place(name))
    for word, name in COMPARISONS.items():
        setattr(ndarray, f"__{word}__", operator(name))
    for word, name in UNARY.items():
        setattr(ndarray, f"__{word}__", lambda self, name=name: named(name)(self))
    setattr(ndarray, "__array_ufunc__", array_ufunc)  # noqa: B010 - not known to the class, which is made before


attach_operators()
