"""Arrays in a GPU's memory: CuPy's, or those of the simulated GPU, whose memory is the computer's own."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import numpy as np

from . import memory

Array = Any


class SimArray(np.ndarray):
    """An array of the device `cuda-sim`: NumPy computes what is not a kernel, and kernels run on the simulator.

    As CuPy does, it refuses to be mixed with arrays that lie on the CPU, which a real GPU could not read: TypeError.
    """

    def __getitem__(self, index: Any) -> Any:
        return simulated(super().__getitem__(index))  # one element stays an array, too

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        outputs = options.get("out", ())
        refuse_host_arrays(ufunc.__name__, (*inputs, *outputs))
        if outputs:
            options["out"] = tuple(map(plain, outputs))
        result = getattr(ufunc, method)(*map(plain, inputs), **options)
        return outputs[0] if outputs else simulated(result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        refuse_host_arrays(function.__name__, (*args, *kwargs.values()))
        return simulated(function(*plain(args), **{name: plain(value) for name, value in kwargs.items()}))


def plain(value: Any) -> Any:
    """The same memory as NumPy's own kind of array; also within tuples and lists."""
    if isinstance(value, (tuple, list)):
        return [*map(plain, value)] if isinstance(value, list) else tuple(map(plain, value))
    return value.view(np.ndarray) if isinstance(value, SimArray) else value


def simulated(value: Any) -> Any:
    """The result of an operation, numbers and tuples included, as arrays of the simulated GPU."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(simulated, value))
    return np.asarray(value).view(SimArray) if isinstance(value, (np.ndarray, np.generic)) else value


def refuse_host_arrays(name: str, values: tuple[Any, ...]) -> None:
    for value in values:
        if type(value) is np.ndarray and value.ndim:
            raise TypeError(
                f"{name}: an array of shape {value.shape} lies on the CPU, another on cuda-sim; "
                "move one of them with .to(device)"
            )


def is_on_gpu(value: Any) -> bool:
    """True for an array of CuPy, or of the simulated GPU; never imports CuPy."""
    return isinstance(value, SimArray) or is_cupy(value)


def is_cupy(value: Any) -> bool:
    """True for a CuPy array; never imports CuPy."""
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(value, cupy.ndarray)


class SimModule(ModuleType):
    """NumPy's functions with results on the simulated GPU: what the module `cupy` is to the real one."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if not callable(found) or isinstance(found, type):
            return found

        def on_the_device(*args: Any, **options: Any) -> Any:
            given = (*args, *options.values())
            if any(isinstance(value, SimArray) for value in given):
                refuse_host_arrays(name, given)
            return simulated(found(*plain(args), **{key: plain(value) for key, value in options.items()}))

        return on_the_device


sim_module = SimModule("cuda_sim")


def array_module(array: Array) -> ModuleType:
    """The library that computes with `array`, and makes new ones beside it: numpy, cupy, or `sim_module`."""
    if isinstance(array, SimArray):
        return sim_module
    return sys.modules["cupy"] if is_cupy(array) else np


def empty_like(array: Array, shape: tuple[int, ...] | None = None, dtype: Any = None) -> Array:
    """An uninitialised C-contiguous array on the device of `array`, by default of its shape and type."""
    shape, dtype = array.shape if shape is None else shape, array.dtype if dtype is None else dtype
    if is_cupy(array):
        return array_module(array).empty(shape, dtype)
    made = np.empty(shape, dtype)
    if memory.poison and made.dtype.kind == "f":
        made.fill(np.nan)
    return made.view(SimArray)


def on_gpu(array: Array, name: str, index: int = 0) -> Array:
    """A copy of an array on the device 'cuda', by the number of the GPU, or on 'cuda-sim'."""
    if name == "cuda-sim":
        return on_cpu(array).view(SimArray)
    import cupy

    with cupy.cuda.Device(index):
        return cupy.array(plain(array))


def why_no_gpu() -> str:
    """What stands in the way of computing on a GPU, and what to do; empty where nothing does. Imports CuPy."""
    without = "use device='cpu', or 'cuda-sim' to run CUDA kernels without a GPU"
    if importlib.util.find_spec("cupy") is None:
        return (
            "CuPy, which drives the GPU, is not installed: pip install 'minitorch-cv[cuda12]', or [cuda13] where "
            f"nvidia-smi shows CUDA 13 or newer; {without}"
        )
    try:
        import cupy

        if cupy.cuda.runtime.getDeviceCount():
            return ""
        return f"there is no GPU; {without}"
    except Exception as error:  # a driver that is missing or too old, CuPy for another CUDA version
        return f"CuPy cannot use the GPU ({type(error).__name__}: {error}); {without}"


def on_cpu(array: Array) -> np.ndarray:
    """A NumPy array of the same numbers: a copy."""
    return array.get() if is_cupy(array) else np.array(array).view(np.ndarray)
