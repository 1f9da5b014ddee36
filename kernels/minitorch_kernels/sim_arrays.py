"""Arrays of the simulated GPU, whose memory is the computer's own: NumPy's, as strict as CuPy's are."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from . import tape
from .tape import refuse_while_capturing


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
        if method == "__call__" and not outputs:
            options["order"] = "C"  # as CuPy's results lie, whatever the strides of the inputs
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
