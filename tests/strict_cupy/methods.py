"""The methods of CuPy's arrays: NumPy's of the same name, bound to CuPy's parameters, and those that differ."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import change, compute, ndarray
from .functions import CUBLAS, WAITING, array, function, written
from .signatures import TABLE, bound
from .streams import refuse_while_capturing

ON_CPU = {"item", "tolist", "tobytes", "tofile", "dump", "dumps"}  # of a copy there


def like_numpy(name: str) -> Callable[..., Any]:
    """NumPy's method, as far as CuPy takes the arguments."""
    of_numpy = getattr(np.ndarray, name)

    def call(self: ndarray, *args: Any, out: Any = None, **options: Any) -> Any:
        if name in ON_CPU:
            return of_numpy(self.get(), *args, **options)
        if name in WAITING:
            refuse_while_capturing("D2H transfers")
        if name in CUBLAS:
            refuse_while_capturing("calls of cuBLAS")
        made = compute(name, of_numpy, (self, *args), options)
        return made if out is None else written(out, made)

    return call


def copy(self: ndarray, order: str = "C") -> ndarray:
    """On the current GPU, wherever the array lies."""
    return array(self, order=order)


def astype(
    self: ndarray, dtype: Any, order: str = "K", casting: Any = None, subok: Any = None, copy: bool = True
) -> ndarray:
    if casting is not None or subok is not None:
        raise TypeError("casting and subok are not supported yet")
    if np.dtype(dtype).kind not in "biufc":
        raise ValueError(f"Unsupported dtype {np.dtype(dtype)}")
    return compute("astype", np.ndarray.astype, (self, dtype), {"order": order, "copy": copy}, "K")


def fill(self: ndarray, value: Any) -> None:
    if isinstance(value, ndarray):
        bool(value == 0)  # CuPy looks whether memset can do it
    change("fill", self, np.ndarray.fill, (value if isinstance(value, ndarray) else self.dtype.type(value),))


def view(self: ndarray, dtype: Any = None, type: Any = None) -> ndarray:
    return ndarray.over(self.held.view() if dtype is None else self.held.view(dtype), self)


def sort(self: ndarray, axis: int = -1, kind: Any = None) -> None:
    written(self, function("sort")(self, axis, kind))


def as_function(name: str) -> Callable[..., Any]:
    """The function that takes the array first."""
    return lambda self, *args, **options: function(name)(self, *args, **options)


OWN: dict[str, Callable[..., Any]] = {
    "copy": copy,
    "astype": astype,
    "fill": fill,
    "view": view,
    "sort": sort,
    **{name: as_function(name) for name in ("take", "argsort", "put")},
}


def method(name: str) -> Callable[..., Any]:
    call = OWN[name] if name in OWN else like_numpy(name)

    @functools.wraps(call)
    def checked(self: ndarray, *args: Any, **options: Any) -> Any:
        bound("methods", name, (self, *args), options)
        return call(self, *args, **options)

    checked.__name__ = name
    return checked


def attach_methods() -> None:
    """Give the arrays all methods that CuPy's have and NumPy's have as well."""
    for name in TABLE["methods"]:
        if not hasattr(ndarray, name) and hasattr(np.ndarray, name):
            setattr(ndarray, name, method(name))


def matmul(self: ndarray, other: Any) -> Any:
    return function("matmul")(self, other) if isinstance(other, ndarray) else NotImplemented


def reduce(self: ndarray) -> Any:
    """Pickled by its numbers; unpickled on the GPU that is current then."""
    return array, (self.get(order="A"),)


attach_methods()
setattr(ndarray, "__matmul__", matmul)  # noqa: B010 - they need the functions, which need the class
setattr(ndarray, "__reduce__", reduce)  # noqa: B010
