"""What an operation keeps for its backward: every array that its backward can reach."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType, NoneType
from typing import Any

import numpy as np

from minitorch_kernels.arrays import Array, is_cupy
from minitorch_kernels.kernel import Kernel

from ..tensor import Tensor

# Types that hold no array: they are told by a look at the type alone, as this runs for every operation.
SIMPLE = {int, float, bool, complex, str, bytes, NoneType, slice, type, type(...), range}
SIMPLE |= {ModuleType, BuiltinFunctionType, Kernel, type(np.dtype(np.float32)), type(np.dtype(np.float64)), np.ufunc}
CONTAINERS = (tuple, list, set, frozenset, deque)


def reachable_arrays(values: Iterable[Any]) -> list[Array]:
    """The arrays among `values` and in whatever they hold, however deep.

    A function holds what it captured from the functions around it and its default arguments, a partial and a bound
    method what they are bound to, a container its items, any other object its attributes. Globals are nobody's.
    """
    found: list[Array] = []
    pending = list(values)
    seen: set[int] = set()
    while pending:
        value = pending.pop()
        kind = type(value)
        if kind in SIMPLE:
            continue
        if isinstance(value, np.ndarray) or is_cupy(value):
            found.append(value)
            if value.dtype.hasobject:
                pending += value.ravel().tolist()
        elif id(value) not in seen:
            seen.add(id(value))
            pending += held_by(value)
    return found


def held_by(value: Any) -> Iterable[Any]:
    """What an object holds, one level deep."""
    if isinstance(value, FunctionType):
        captured = [contents(cell) for cell in value.__closure__ or ()]
        if value.__defaults__ or value.__kwdefaults__:
            captured += (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        return captured
    if isinstance(value, CONTAINERS):
        return value
    if isinstance(value, Tensor):
        return (value._array,)
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, MethodType):
        return value.__self__, value.__func__
    if isinstance(value, functools.partial):
        return value.func, *value.args, *value.keywords.values()
    return attributes(value)


def contents(cell: CellType) -> Any:
    """The value of a captured name; None for one that was never assigned."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def attributes(value: Any) -> Iterator[Any]:
    """The values of an object's attributes, in its dictionary and in slots."""
    if isinstance(value, (type, np.generic)):
        return
    yield from getattr(value, "__dict__", {}).values()
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            yield getattr(value, name, None)
