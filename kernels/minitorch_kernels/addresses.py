"""Many arrays in one call: compiled code is told where they lie, and looks at them there.

A list of arrays costs Numba about as much for each as a call of its own. A table of addresses is one array.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from .jit import when_numba_loads


def address_of(array: np.ndarray) -> int:
    """Where the first element lies."""
    if array.size and array.flags.carray:  # C-contiguous, and to be written
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))  # several times as fast as the other
    return array.__array_interface__["data"][0]


def array_at(address: int, start: int, size: int, like: np.ndarray) -> np.ndarray:
    """The elements start .. start + size - 1 of the flat array at `address`, of the dtype of `like`.

    Nothing is copied, and nothing kept alive: whoever calls holds on to the array.
    """
    raw = (ctypes.c_char * (size * like.itemsize)).from_address(int(address) + int(start) * like.itemsize)
    return np.frombuffer(raw, like.dtype)  # type: ignore[call-overload]


@when_numba_loads
def compile_array_at() -> None:
    """Give compiled callers of `array_at` the same without Python."""
    from numba import carray, types
    from numba.extending import intrinsic, overload

    @intrinsic
    def pointer(context: Any, address: Any, like: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.inttoptr(values[0], context.get_value_type(signature.return_type))

        return types.CPointer(like.dtype)(address, like), write

    @overload(array_at, strict=False)
    def compiled(address: Any, start: Any, size: Any, like: Any) -> Any:
        return lambda address, start, size, like: carray(pointer(address + start * like.itemsize, like), (size,))  # type: ignore[call-arg]
