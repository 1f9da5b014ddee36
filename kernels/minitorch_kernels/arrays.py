"""Arrays in a GPU's memory: CuPy's, or those of the simulated GPU, whose memory is the computer's own."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np

from . import memory
from .cupy_here import cupy_module
from .sim_arrays import SimArray, SimMemoryError, plain, sim_module, simulated
from .tape import refuse_while_capturing

Array = Any

DLPACK_GPUS = 2, 13  # CUDA's memory, and CUDA's memory that the host can read, as DLPack numbers devices


def is_out_of_gpu_memory(error: BaseException) -> bool:
    """True for the error of CuPy, or of the simulated GPU, that says so; never imports CuPy."""
    cupy = sys.modules.get("cupy")
    return isinstance(error, SimMemoryError) or (
        cupy is not None and isinstance(error, cupy.cuda.memory.OutOfMemoryError)
    )


def is_on_gpu(value: Any) -> bool:
    """True for an array of CuPy, or of the simulated GPU; never imports CuPy."""
    return isinstance(value, SimArray) or is_cupy(value)


def is_cupy(value: Any) -> bool:
    """True for a CuPy array; never imports CuPy."""
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(value, cupy.ndarray)


def array_module(array: Array) -> ModuleType:
    """The library that computes with `array`, and makes new ones beside it: numpy, cupy, or `sim_module`."""
    if isinstance(array, SimArray):
        return sim_module
    return sys.modules["cupy"] if is_cupy(array) else np


def is_writable(array: Array) -> bool:
    """Whether each element has a place of its own that may be written; GPU arrays know that by their strides alone."""
    if is_on_gpu(array):
        return all(stride or size <= 1 for stride, size in zip(array.strides, array.shape))
    return array.flags.writeable


def address_of(array: Array) -> int:
    """Where the first element lies."""
    return array.data.ptr if is_cupy(array) else array.__array_interface__["data"][0]


SOMEWHERE = nullcontext()


def on_gpu_of(values: Iterable[Any]) -> AbstractContextManager[Any]:
    """Inside the `with` block CuPy computes on the GPU where the arrays among `values` lie; for others nothing happens.

    By itself it launches kernels, and makes arrays and copies, on its current GPU, wherever their arguments lie: on
    addresses that mean nothing there. Never imports CuPy. ValueError for arrays of several GPUs.
    """
    cupy = sys.modules.get("cupy")
    if cupy is None:
        return SOMEWHERE
    numbers = {value.data.device_id for value in values if isinstance(value, cupy.ndarray)}
    if len(numbers) > 1:
        places = " and ".join(f"cuda:{number}" for number in sorted(numbers))
        raise ValueError(f"arrays lie on {places}; move them to one GPU with .to(device)")
    if numbers <= {cupy.cuda.runtime.getDevice()}:
        return SOMEWHERE
    return cupy.cuda.Device(numbers.pop())


def copied(array: Array, order: str = "C") -> Array:
    """A copy on the same device."""
    with on_gpu_of((array,)):
        return array.copy(order=order)


def empty_like(array: Array, shape: tuple[int, ...] | None = None, dtype: Any = None) -> Array:
    """An uninitialised C-contiguous array on the device of `array`, by default of its shape and type."""
    shape, dtype = array.shape if shape is None else shape, array.dtype if dtype is None else dtype
    if is_cupy(array):
        with on_gpu_of((array,)):
            return array_module(array).empty(shape, dtype)
    made = np.empty(shape, dtype)
    if memory.poison and made.dtype.kind == "f":
        made.fill(np.nan)
    return simulated(made)


def strided(array: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """The memory from the first element of `array` on, seen with another shape and other strides, in bytes."""
    if isinstance(array, SimArray):
        return simulated(strided(plain(array), shape, strides))
    if is_cupy(array):
        return array_module(array).ndarray(shape, array.dtype, array.data, strides)
    return np.lib.stride_tricks.as_strided(array, shape, strides)


def on_gpu(array: Array, name: str, index: int = 0) -> Array:
    """A copy of an array on the device 'cuda', by the number of the GPU, or on 'cuda-sim'."""
    if name == "cuda-sim":
        refuse_while_capturing(f"a copy of an array of shape {array.shape} to the GPU")
        return simulated(on_cpu(array))
    import cupy

    with on_gpu_of((array,)):
        source = cupy.ascontiguousarray(array) if is_cupy(array) else plain(array)  # no gaps between GPUs
    with cupy.cuda.Device(index):
        return cupy.array(source)


def shared(data: Any) -> Array:
    """An array over the memory of an object that speaks DLPack, or has `__cuda_array_interface__`; nothing is copied.

    RuntimeError where the memory is a GPU's and there is nothing to use it with.
    """
    if not hasattr(data, "__dlpack_device__"):
        return cupy_module().asarray(data)
    kind, _ = data.__dlpack_device__()
    return cupy_module().from_dlpack(data) if kind in DLPACK_GPUS else np.from_dlpack(data)


def on_cpu(array: Array) -> np.ndarray:
    """A NumPy array of the same numbers: a copy."""
    return array.get() if is_on_gpu(array) else np.array(array)
