"""x[index] and x[index] = value, as CuPy does them: indices out of range wrap, and arrays of the CPU are no values."""

from typing import Any

import numpy as np

from .arrays import NUMBERS, change, compute, ndarray
from .functions import array
from .streams import refuse_while_capturing


def prepared(index: Any) -> tuple[Any, ...]:
    """The parts of an index, each a number, slice, None, Ellipsis or array on the GPU, with one Ellipsis."""
    parts: list[Any] = []
    for part in index if isinstance(index, tuple) else (index,):
        number = np.isscalar(part) and not isinstance(part, (bool, np.bool_))
        if number or part is None or part is Ellipsis or isinstance(part, (slice, ndarray)):
            parts.append(part)
        else:
            sent = array(part)
            parts.append(sent.astype(np.int32) if isinstance(part, (list, tuple)) and not sent.size else sent)
    for part in parts:
        if isinstance(part, ndarray) and part.dtype.kind not in "biu":
            raise IndexError(f"arrays used as indices must be of integer or boolean type. (actual: {part.dtype.type})")
    return tuple(parts) if any(part is Ellipsis for part in parts) else (*parts, Ellipsis)


def wrapped(held: np.ndarray, parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """The parts as NumPy takes them, where whole numbers in arrays that are out of range come in from the other end."""
    takes = [0 if part is None or part is Ellipsis else axes_of(part) for part in parts]
    inside, axis = [], 0
    for part, count in zip(parts, takes):
        if isinstance(part, np.ndarray) and part.dtype.kind in "iu":
            part = part % max(1, held.shape[axis])
        inside.append(part)
        axis += held.ndim - sum(takes) if part is Ellipsis else count
    return tuple(inside)


def axes_of(part: Any) -> int:
    """How many axes a part of an index takes."""
    return part.ndim if isinstance(part, np.ndarray) and part.dtype.kind == "b" else 1


def getitem(self: ndarray, index: Any) -> ndarray:
    parts = prepared(index)
    arrays = [part for part in parts if isinstance(part, ndarray)]
    if not arrays:
        return ndarray.over(self.held[parts], self)
    if any(part.dtype.kind == "b" for part in arrays):
        refuse_while_capturing("D2H transfers")  # for the number of elements that a mask takes
    return compute("__getitem__", lambda held, *parts: held[wrapped(held, parts)], (self, *parts), {})


def setitem(self: ndarray, index: Any, value: Any) -> None:
    parts = prepared(index)
    if not isinstance(value, (ndarray, *NUMBERS)):
        if any(isinstance(part, ndarray) for part in parts):
            value = array(value, dtype=self.dtype)
        else:
            value = np.asarray(value, self.dtype)
            if value.shape:
                raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
            value = value[()]

    def write(held: np.ndarray, value: Any, *parts: Any) -> None:
        held[wrapped(held, parts)] = value

    change("__setitem__", self, write, (value, *parts))


setattr(ndarray, "__getitem__", getitem)  # noqa: B010 - they need `array`, which needs the class
setattr(ndarray, "__setitem__", setitem)  # noqa: B010
