"""Arrays in a GPU's memory: CuPy's, or those of the simulated GPU, whose memory is the computer's own."""

from __future__ import annotations

import sys
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


def empty_like(array: Array, shape: tuple[int, ...] | None = None, dtype: Any = None) -> Array:
    """An uninitialised C-contiguous array on the device of `array`, by default of its shape and type."""
    shape, dtype = array.shape if shape is None else shape, array.dtype if dtype is None else dtype
    if is_cupy(array):
        return array_module(array).empty(shape, dtype)
    made = np.empty(shape, dtype)
    if memory.poison and made.dtype.kind == "f":
        made.fill(np.nan)
    return simulated(made)


def on_gpu(array: Array, name: str, index: int = 0) -> Array:
    """A copy of an array on the device 'cuda', by the number of the GPU, or on 'cuda-sim'."""
    if name == "cuda-sim":
        refuse_while_capturing(f"a copy of an array of shape {array.shape} to the GPU")
        return simulated(on_cpu(array))
    import cupy

    with cupy.cuda.Device(index):
        return cupy.array(plain(array))


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
