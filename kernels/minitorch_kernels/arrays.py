"""Arrays in a GPU's memory: CuPy's, or those of the simulated GPU, whose memory is the computer's own."""

from __future__ import annotations

import functools
import importlib.util
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from . import memory, tape
from .tape import refuse_while_capturing

Array = Any

DLPACK_GPUS = 2, 13  # CUDA's memory, and CUDA's memory that the host can read, as DLPack numbers devices


class SimMemoryError(MemoryError):
    """What `cupy.cuda.memory.OutOfMemoryError` is, on the simulated GPU; its text is the same."""


class SimMemory:
    """The memory of the simulated GPU as far as it is limited: it counts the arrays that are made meanwhile."""

    current: SimMemory | None = None

    def __init__(self, limit: int):
        self.limit = limit
        self.used = 0

    def claim(self, array: np.ndarray) -> None:
        """Count the memory of a new array until it is given back; SimMemoryError where there is not that much."""
        if self.used + array.nbytes > self.limit:
            raise SimMemoryError(
                f"Out of memory allocating {array.nbytes:,} bytes (allocated so far: {self.used:,} bytes, "
                f"limit set to: {self.limit:,} bytes)."
            )
        self.count(array.nbytes)
        weakref.finalize(array, self.count, -array.nbytes)

    def count(self, size: int) -> None:
        self.used += size


@contextmanager
def limited_memory(limit: int) -> Iterator[SimMemory]:
    """Inside the `with` block the simulated GPU has room for `limit` bytes besides what it holds already."""
    before, SimMemory.current = SimMemory.current, SimMemory(limit)
    try:
        yield SimMemory.current
    finally:
        SimMemory.current = before


def is_out_of_gpu_memory(error: BaseException) -> bool:
    """True for the error of CuPy, or of the simulated GPU, that says so; never imports CuPy."""
    cupy = sys.modules.get("cupy")
    return isinstance(error, SimMemoryError) or (
        cupy is not None and isinstance(error, cupy.cuda.memory.OutOfMemoryError)
    )


class SimFlags(NamedTuple):
    """How an array lies in the simulated GPU's memory."""

    c_contiguous: bool
    f_contiguous: bool
    owndata: bool


class SimArray(np.ndarray):
    """An array of the device `cuda-sim`: NumPy computes what is not a kernel, and kernels run on the simulator.

    As CuPy does, it refuses to be mixed with arrays that lie on the CPU, which a real GPU could not read: TypeError.
    """

    @property
    def flags(self) -> Any:
        """What CuPy's arrays have of NumPy's flags: nothing says whether memory may be written."""
        own = super().flags
        return SimFlags(own.c_contiguous, own.f_contiguous, own.owndata)

    def __getitem__(self, index: Any) -> Any:
        refuse_host_arrays("indexing", index if isinstance(index, tuple) else (index,))
        return on_device(np.ndarray.__getitem__, self, index)  # one element stays an array, too

    def __setitem__(self, index: Any, value: Any) -> None:
        refuse_host_arrays("writing", (*(index if isinstance(index, tuple) else (index,)), value))
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
        return np.array(plain(self))


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
    if isinstance(value, SimArray) or not isinstance(value, (np.ndarray, np.generic)):
        return value
    array = np.asarray(value)
    if SimMemory.current is not None and array.base is None:
        SimMemory.current.claim(array)
    return array.view(SimArray)


def refuse_host_arrays(name: str, values: tuple[Any, ...]) -> None:
    for value in values:
        if type(value) is np.ndarray:
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


def cupy_module() -> ModuleType:
    """CuPy; RuntimeError that says what is missing where it cannot use a GPU."""
    problem = why_no_gpu()
    if problem:
        raise RuntimeError(problem)
    return sys.modules["cupy"]


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
        return f"CuPy cannot use the GPU ({type(error).__name__}: {error}{cuda_versions()}); {without}"


def cuda_versions() -> str:
    """What CuPy was built for and what the driver can do, as far as CuPy can be asked."""
    try:
        runtime = sys.modules["cupy"].cuda.runtime
        built, driver = runtime.runtimeGetVersion(), runtime.driverGetVersion()
    except Exception:  # it could not even be imported
        return ""
    able = f"the driver runs up to CUDA {version(driver)}" if driver else "there is no driver"
    package = f"minitorch-cv[cuda{driver // 1000}]"
    advice = f": update the driver, or pip install '{package}'" if 0 < driver < built else ""
    return f"; CuPy is built for CUDA {version(built)}, {able}{advice}"


def version(number: int) -> str:
    """12090 -> 12.9."""
    return f"{number // 1000}.{number % 1000 // 10}"


def on_cpu(array: Array) -> np.ndarray:
    """A NumPy array of the same numbers: a copy."""
    return array.get() if is_on_gpu(array) else np.array(array)
