"""Arrays in a GPU's memory: CuPy's, or those of the simulated GPU, whose memory is the computer's own."""

from __future__ import annotations

import functools
import importlib.util
import sys
from types import ModuleType
from typing import Any

import numpy as np

from . import memory, tape
from .tape import refuse_while_capturing

Array = Any


class SimArray(np.ndarray):
    """An array of the device `cuda-sim`: NumPy computes what is not a kernel, and kernels run on the simulator.

    As CuPy does, it refuses to be mixed with arrays that lie on the CPU, which a real GPU could not read: TypeError.
    """

    def __getitem__(self, index: Any) -> Any:
        return on_device(np.ndarray.__getitem__, self, index)  # one element stays an array, too

    def __setitem__(self, index: Any, value: Any) -> None:
        on_device(np.ndarray.__setitem__, self, index, value)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        outputs = options.get("out", ())
        refuse_host_arrays(ufunc.__name__, (*inputs, *outputs))
        result = on_device(getattr(ufunc, method), *inputs, **options)
        return outputs[0] if outputs else result

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        refuse_host_arrays(function.__name__, (*args, *kwargs.values()))
        return on_device(function, *args, **kwargs)

    def get(self) -> np.ndarray:
        """A copy on the CPU."""
        refuse_while_capturing(f"get() of an array of shape {self.shape}")
        return np.array(self).view(np.ndarray)


def computed(name: str) -> Any:
    """A method of NumPy's arrays whose result is another array of the device, or that changes this one."""
    method = getattr(np.ndarray, name)
    return functools.wraps(method)(lambda self, *args, **options: on_device(method, self, *args, **options))


def read(name: str) -> Any:
    """A method of NumPy's arrays that gives numbers to the host."""
    method = getattr(np.ndarray, name)

    def of(self: SimArray, *args: Any) -> Any:
        refuse_while_capturing(f"{name.strip('_')}() of an array of shape {self.shape}")
        return method(plain(self), *args)

    return functools.wraps(method)(of)


HERE = {"view", "setflags", "getfield", "setfield", "resize", "to_device"}  # of the array itself, not of its elements
READ = {"item", "tolist", "tobytes", "tofile", "dump", "dumps", "__float__", "__int__", "__bool__", "__index__"}
READ |= {"__complex__", "__contains__"}
for name in sorted(READ):
    setattr(SimArray, name, read(name))
for name in sorted(set(dir(np.ndarray)) - HERE - READ):
    if name[0] != "_" and callable(getattr(np.ndarray, name)):
        setattr(SimArray, name, computed(name))


def on_device(function: Any, *args: Any, **options: Any) -> Any:
    """What a function of NumPy does with arrays of `cuda-sim`, on that device."""
    if tape.current.tape is not None:
        refuse_uploads(function.__name__, (*args, *options.values()))
    return simulated(tape.perform(function, plain(args), {key: plain(value) for key, value in options.items()}))


def refuse_uploads(name: str, values: tuple[Any, ...]) -> None:
    """RuntimeError, while a step is captured, for an array that is on the CPU."""
    for array in tape.arrays_in(values):
        if not isinstance(array, SimArray) and array.ndim:
            refuse_while_capturing(f"{name}() of an array of shape {array.shape} on the CPU")


def plain(value: Any) -> Any:
    """The same memory as NumPy's own kind of array; also within tuples and lists."""
    if isinstance(value, (tuple, list)):
        return [*map(plain, value)] if isinstance(value, list) else tuple(map(plain, value))
    return value.view(np.ndarray) if isinstance(value, SimArray) else value


def simulated(value: Any) -> Any:
    """The result of an operation, numbers and tuples included, as arrays of the simulated GPU."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(simulated, value))
    return value.view(SimArray) if isinstance(value, np.ndarray) else value


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
            if name in ("array", "asarray") and not any(isinstance(value, SimArray) for value in given):
                refuse_while_capturing(f"{name}() of numbers on the CPU")
            return on_device(found, *args, **options)

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
        refuse_while_capturing(f"a copy of an array of shape {array.shape} to the GPU")
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
    return array.get() if is_on_gpu(array) else np.array(array)
